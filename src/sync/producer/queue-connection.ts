import { once } from 'node:events';
import type { Redis } from 'ioredis';
import { connectRedis, isReadOnly } from '../../base/redis.ts';
import { QueueUnavailableError, queueError, withoutCommand } from './producer-errors.ts';

/** From the call to the typed error, whatever Redis does. */
const DEADLINE_MS = 1_800;

type Work<Result> = (signal: AbortSignal) => Promise<Result>;

/** A connection on which every exchange ends in time: with its result, or with a typed error. */
export interface QueueConnection {
  readonly redis: Redis;
  /**
   * Waits for the connection and runs the exchange on it; a second time, if the connection breaks
   * meanwhile. `signal` is aborted when the caller has been told that it failed: an exchange of several
   * round trips looks at it before each.
   */
  exchange<Result>(work: Work<Result>): Promise<Result>;
  /** Lets what is under way end, then disconnects. */
  close(): Promise<void>;
}

/** `onError` hears connection errors; one that throws is not heard of. */
export function openQueueConnection(url: string, onError: (error: Error) => unknown): QueueConnection {
  const redis = connectRedis(url, 'fail-fast', quietly(onError));
  const line = watchLine(redis);
  const underWay = new Set<Promise<unknown>>();

  async function attempt<Result>(work: Work<Result>, signal: AbortSignal, retries: number): Promise<Result> {
    await line.ready();
    signal.throwIfAborted();
    try {
      return await work(signal);
    } catch (error) {
      if (!isSpoilt(error)) throw error;
      line.renew();
      if (retries === 0) throw error;
      return attempt(work, signal, retries - 1);
    }
  }

  async function exchange<Result>(work: Work<Result>): Promise<Result> {
    const deadline = new AbortController();
    const { signal } = deadline;
    const timer = setTimeout(() => deadline.abort(late()), DEADLINE_MS);
    try {
      return await Promise.race([attempt(work, signal, 1), aborted(signal)]);
    } catch (error) {
      // It took the commands and answered nothing: as far as one can tell, the connection is dead.
      if (signal.aborted) line.renew();
      throw queueError(error);
    } finally {
      clearTimeout(timer);
    }
  }

  return {
    redis,
    async exchange(work) {
      const exchanged = exchange(work);
      underWay.add(exchanged);
      return exchanged.finally(() => underWay.delete(exchanged));
    },
    async close() {
      await Promise.allSettled(underWay);
      redis.disconnect();
    },
  };
}

/** All callers wait on the same promises, so that a thousand of them are no thousand listeners. */
function watchLine(redis: Redis) {
  let readying: Promise<unknown> | undefined;
  let closing: Promise<unknown> | undefined;
  return {
    /** Rejects at the next connection error: a refused connection is known without waiting for the deadline. */
    async ready(): Promise<void> {
      await closing;
      if (redis.status === 'ready') return;
      readying ??= once(redis, 'ready').finally(() => {
        readying = undefined;
      });
      await readying;
    },
    /** Drops a connection that is believed to stand; another follows by itself. */
    renew(): void {
      if (redis.status !== 'ready' || closing !== undefined) return;
      closing = new Promise((resolve) => redis.once('close', resolve)).finally(() => {
        closing = undefined;
      });
      redis.disconnect(true);
    },
  };
}

/**
 * True where the same connection would fail again. One that broke may not know it yet; ioredis goes on
 * believing in scripts that somebody flushed, until it reconnects; and inside a transaction it does not
 * see that a failover left it with the old primary.
 */
function isSpoilt(error: unknown): boolean {
  const answered = error instanceof Error && error.name === 'ReplyError';
  return !answered || isReadOnly(error) || error.message.startsWith('NOSCRIPT');
}

function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_resolve, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason), { once: true });
  });
}

function late(): QueueUnavailableError {
  return new QueueUnavailableError(`The queue is not available: no answer from Redis in ${DEADLINE_MS} ms`);
}

/** The host's listener may throw or reject: that must not take down the host's process. */
function quietly(listener: (error: Error) => unknown): (error: Error) => void {
  const tell = async (error: Error): Promise<void> => {
    try {
      await listener(withoutCommand(error));
    } catch {
      // There is nobody else to tell.
    }
  };
  return (error) => void tell(error);
}
