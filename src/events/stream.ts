import type { Redis } from 'ioredis';
import { errorMessage } from '../base/errors.ts';
import { eventStreamKey } from './event.ts';
import { FORGET_DEAD_READERS, REFUSE, SETTLE } from './scripts.ts';
import { entriesClaimed, entriesRead, type StreamEntry } from './stream-reply.ts';

export interface StreamOptions {
  readonly redis: Redis;
  /** A connection for blocking reads alone: nothing else could use it while it waits. */
  readonly blocking: Redis;
  readonly namespace: string;
  readonly consumer: string;
}

/** The outcome stream as one of its readers sees it. */
export interface EventStream {
  /** New entries, now ours; none there: waits for one up to `blockMs`, or not at all without it. */
  readNew(count: number, blockMs?: number): Promise<StreamEntry[]>;
  /** Ours, read before and not settled. */
  readOwn(count: number): Promise<StreamEntry[]>;
  /** Those that their reader has not settled for so long; now ours. */
  claim(count: number, minIdleMs: number): Promise<StreamEntry[]>;
  /** Done with these: they leave the stream. */
  settle(ids: readonly string[]): Promise<void>;
  /** Moves an entry to the stream of the refused. */
  refuse(entry: StreamEntry, reason: string): Promise<void>;
  /** Forgets readers that are gone, and that nobody needs to claim from. */
  forgetDeadReaders(): Promise<void>;
}

const GROUP = 'writer';
/** How much later than asked the answer to a blocking read may come before its connection counts as dead. */
const READ_GRACE_MS = 5_000;
/** A living reader asks again every few seconds. */
const READER_DEAD_MS = 3_600_000;

/** Redis key of the entries that Postgres will never take, for a person to look at. */
export function refusedStreamKey(namespace: string): string {
  return `${eventStreamKey(namespace)}:refused`;
}

export function openEventStream({ redis, blocking, namespace, consumer }: StreamOptions): EventStream {
  const key = eventStreamKey(namespace);
  const refusedKey = refusedStreamKey(namespace);

  const withGroup = <T>(read: () => Promise<T>) => withGroupOf(redis, key, read);

  async function read(count: number, from: '>' | '0'): Promise<StreamEntry[]> {
    return entriesRead(
      await redis.xreadgroup('GROUP', GROUP, consumer, 'COUNT', count, 'STREAMS', key, from),
    );
  }

  async function waitAndRead(count: number, blockMs: number): Promise<StreamEntry[]> {
    const wait = ['BLOCK', blockMs] as const;
    return entriesRead(
      await blocking.xreadgroup('GROUP', GROUP, consumer, 'COUNT', count, ...wait, 'STREAMS', key, '>'),
    );
  }

  return {
    readNew: (count, blockMs) =>
      withGroup(() =>
        blockMs === undefined
          ? read(count, '>')
          : unlessSilent(blocking, blockMs + READ_GRACE_MS, () => waitAndRead(count, blockMs)),
      ),
    readOwn: (count) => withGroup(() => read(count, '0')),
    claim: async (count, minIdleMs) => {
      const reply = await withGroup(() =>
        redis.xautoclaim(key, GROUP, consumer, minIdleMs, '0-0', 'COUNT', count),
      );
      return entriesClaimed(reply);
    },
    settle: async (ids) => {
      if (ids.length > 0) await redis.eval(SETTLE, 1, key, GROUP, ...ids);
    },
    refuse: async ({ id, fields }, reason) => {
      await redis.eval(REFUSE, 2, key, refusedKey, GROUP, id, reason, JSON.stringify(fields));
    },
    forgetDeadReaders: async () => {
      await withGroup(() => redis.eval(FORGET_DEAD_READERS, 1, key, GROUP, READER_DEAD_MS));
    },
  };
}

/** The group is gone after a FLUSHALL, and not there yet at the first start. */
async function withGroupOf<T>(redis: Redis, key: string, read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (thrown) {
    if (!/^(NOGROUP|UNBLOCKED)|no such key/.test(errorMessage(thrown))) throw thrown;
  }
  await createGroup(redis, key);
  return await read();
}

async function createGroup(redis: Redis, key: string): Promise<void> {
  try {
    // From the beginning: entries may have come before the first writer.
    await redis.xgroup('CREATE', key, GROUP, '0', 'MKSTREAM');
  } catch (thrown) {
    // Another process was faster.
    if (!errorMessage(thrown).startsWith('BUSYGROUP')) throw thrown;
  }
}

/** A connection that died without a word would keep a blocking read waiting for good: cut it, to be made again. */
async function unlessSilent<T>(connection: Redis, maxMs: number, read: () => Promise<T>): Promise<T> {
  const watchdog = setInterval(() => {
    if (connection.status === 'ready') connection.disconnect(true);
  }, maxMs);
  try {
    return await read();
  } finally {
    clearInterval(watchdog);
  }
}
