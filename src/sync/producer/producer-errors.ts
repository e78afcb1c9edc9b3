import { ConexxusSyncError } from '../../base/errors.ts';
import { refusalOf } from '../../base/redis-writes.ts';
import { describeProblems, type Problem } from '../jobs/problems.ts';

/**
 * The payload breaks the rules: never the same again. Nothing was enqueued.
 *
 * @example
 * ```ts
 * import { createSyncProducer, InvalidPayloadError } from 'conexxus-sync';
 *
 * const sync = createSyncProducer({ redisUrl: 'redis://127.0.0.1:6379' });
 * try {
 *   await sync.pushSales({ date: '20.11.2025', locationId: 'store-7', transactions: [] });
 * } catch (error) {
 *   if (!(error instanceof InvalidPayloadError)) throw error;
 *   for (const { path, message } of error.problems) console.error(path, message);
 *   // date must be a calendar date as YYYY-MM-DD
 *   // transactions must hold at least one transaction with an item, or a summary be given
 *   if (error.more > 0) console.error(`and ${error.more} more`);
 * }
 * ```
 */
export class InvalidPayloadError extends ConexxusSyncError {
  readonly code = 'INVALID_PAYLOAD';
  /** At most 50 a payload. In a list of payloads each path begins with the index: `[3].transactions[0].id`. */
  readonly problems: readonly Problem[];
  /** How many there are beyond those listed; mostly 0. */
  readonly more: number;

  constructor(problems: readonly Problem[], more: number) {
    super(
      `The payload is not valid: ${describeProblems(problems.slice(0, 10), problems.length - 10 + more)}`,
    );
    this.problems = problems;
    this.more = more;
  }
}

/**
 * Redis is away, refuses writes (the message says why), or did not answer in time. What timed out may have been
 * enqueued all the same: enqueue it again later, it stays one job. `cause` is the error of Redis or of the network,
 * without what was sent.
 *
 * @example
 * ```ts
 * import { createSyncProducer, type PushSales, QueueFullError, QueueUnavailableError } from 'conexxus-sync';
 *
 * const sync = createSyncProducer({ redisUrl: 'redis://127.0.0.1:6379' });
 *
 * async function taken(sales: PushSales): Promise<boolean> {
 *   try {
 *     await sync.pushSales(sales);
 *     return true;
 *   } catch (error) {
 *     // Kept by the POS, and given again in a minute.
 *     if (error instanceof QueueUnavailableError || error instanceof QueueFullError) return false;
 *     throw error;
 *   }
 * }
 * ```
 */
export class QueueUnavailableError extends ConexxusSyncError {
  readonly code = 'QUEUE_UNAVAILABLE';
}

/**
 * Redis is at its `maxmemory`. Enqueue it again when Redis has room: it stays one job.
 *
 * @example
 * ```ts
 * import { QueueFullError, QueueUnavailableError } from 'conexxus-sync';
 *
 * const comesAgain = (error: unknown) => error instanceof QueueFullError || error instanceof QueueUnavailableError;
 * ```
 */
export class QueueFullError extends ConexxusSyncError {
  readonly code = 'QUEUE_FULL';
}

/**
 * `createSyncProducer` was given options that it can't work with; the message says which.
 *
 * @example
 * ```ts
 * import { createSyncProducer, InvalidOptionsError } from 'conexxus-sync';
 *
 * try {
 *   createSyncProducer({ redisUrl: 'localhost' });
 * } catch (error) {
 *   if (error instanceof InvalidOptionsError) console.error(error.message); // redisUrl must start with redis:// or …
 * }
 * ```
 */
export class InvalidOptionsError extends ConexxusSyncError {
  readonly code = 'INVALID_OPTIONS';
}

/** What a failed exchange with Redis means to the caller. */
export function queueError(thrown: unknown): ConexxusSyncError {
  if (thrown instanceof ConexxusSyncError) return thrown;
  const cause = withoutCommand(firstOf(thrown));
  if (/\bOOM\b/.test(cause.message)) {
    return new QueueFullError('The queue is full: Redis is at its maxmemory', { cause });
  }
  return new QueueUnavailableError(`The queue is not available: ${refusalOf(cause) ?? cause.message}`, {
    cause,
  });
}

/** A discarded transaction says only that; the command that spoilt it says why. */
function firstOf(thrown: unknown): unknown {
  const previous: unknown = thrown instanceof Error ? Reflect.get(thrown, 'previousErrors') : undefined;
  return Array.isArray(previous) && previous.length > 0 ? previous[0] : thrown;
}

/** Redis errors carry the command they answer: payloads and passwords, which a host would log with them. */
export function withoutCommand(thrown: unknown): Error {
  if (!(thrown instanceof Error)) return new Error(String(thrown));
  const code: unknown = Reflect.get(thrown, 'code');
  // A refused connection to a name with two addresses has no message of its own.
  const bare = new Error(thrown.message || (typeof code === 'string' ? code : thrown.name));
  bare.name = thrown.name;
  if (thrown.stack !== undefined) bare.stack = thrown.stack;
  return bare;
}
