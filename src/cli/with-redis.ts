import { once } from 'node:events';
import type { Redis } from 'ioredis';
import { ConexxusSyncError } from '../base/errors.ts';
import { connectRedis } from '../base/redis.ts';
import { queueError } from '../sync/producer/producer-errors.ts';
import { isBug, reasonOf } from './reason.ts';

/** Redis is away, or stopped answering. */
class RedisAwayError extends ConexxusSyncError {
  readonly code = 'REDIS_AWAY';
  override readonly isClean = true;
}

/** With a command's own deadline and the start of the process, the person waits two seconds at most. */
const READY_MS = 1_200;

/**
 * Runs the work on a connection that stands, and disconnects.
 * @throws RedisAwayError, QueueFullError, and what the work throws of our own.
 */
export async function withRedis<Result>(
  url: string,
  work: (redis: Redis) => Promise<Result>,
): Promise<Result> {
  const redis = connectRedis(url, 'fail-fast', () => undefined);
  try {
    await ready(redis);
    return await work(redis);
  } catch (error) {
    throw explained(error);
  } finally {
    redis.disconnect();
  }
}

async function ready(redis: Redis): Promise<void> {
  const deadline = AbortSignal.timeout(READY_MS);
  try {
    // Rejects at the first connection error: a refused connection is known at once.
    await once(redis, 'ready', { signal: deadline });
  } catch (error) {
    throw away(deadline.aborted ? new Error(`no answer within ${READY_MS} ms`) : error);
  }
}

function explained(error: unknown): unknown {
  if (error instanceof ConexxusSyncError || isBug(error)) return error;
  return error instanceof Error && error.name === 'ReplyError' ? queueError(error) : away(error);
}

function away(cause: unknown): RedisAwayError {
  return new RedisAwayError(`Redis does not answer (${reasonOf(cause)}): is it running at REDIS_URL?`, {
    cause,
  });
}
