/**
 * What every error of this package has: a literal `code` to branch on, and the `cause` it came from.
 *
 * @example
 * ```ts
 * import { ConexxusSyncError, createSyncProducer } from 'conexxus-sync';
 *
 * const sync = createSyncProducer({ redisUrl: 'redis://127.0.0.1:6379' });
 * try {
 *   await sync.fetchInventory({ locationId: 'store-7' });
 * } catch (error) {
 *   if (!(error instanceof ConexxusSyncError)) throw error;
 *   console.error(error.code, error.message); // QUEUE_UNAVAILABLE The queue is not available: …
 * }
 * ```
 */
export abstract class ConexxusSyncError extends Error {
  /** `INVALID_PAYLOAD`, say. It stays what it is, whatever becomes of the message. */
  abstract readonly code: string;
  /**
   * True: the message is ours, and redacted where it quotes others. It is told as it is written, even where
   * one of its words is somebody's password.
   */
  readonly isClean: boolean = false;

  constructor(message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.name = new.target.name;
  }
}

/** The message of anything that can be thrown, for logs and event rows. */
export function errorMessage(thrown: unknown): string {
  if (thrown instanceof Error) return thrown.message || thrown.name;
  return String(thrown);
}
