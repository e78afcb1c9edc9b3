/**
 * What became of a payload that was enqueued.
 *
 * @example
 * ```ts
 * import { createSyncProducer, type Enqueued } from 'conexxus-sync';
 *
 * const sync = createSyncProducer({ redisUrl: 'redis://127.0.0.1:6379' });
 * const enqueued: Enqueued = await sync.fetchInventory({ locationId: 'store-7' });
 * if (enqueued.status === 'known') console.log(`${enqueued.jobId} is ${enqueued.state} already`);
 * await sync.close();
 * ```
 */
export interface Enqueued {
  /** Of sales `ps-` and the SHA-256 of their content, the same for the same content. */
  readonly jobId: string;
  /** `known`: it was there, or had been delivered, before; nothing was added. */
  readonly status: 'accepted' | 'known';
  /** Where the job is now. */
  readonly state: EnqueuedState;
}

/**
 * - `waiting`, `delayed`, `active`: on its way; `delayed`: it is tried again later.
 * - `completed`, `delivered`: Conexxus has it; `delivered`: the job itself is gone.
 * - `failed`: a dead letter, until a person decides.
 *
 * @example
 * ```ts
 * import type { EnqueuedState } from 'conexxus-sync';
 *
 * const isThere = (state: EnqueuedState) => state === 'completed' || state === 'delivered';
 * ```
 */
export type EnqueuedState = 'waiting' | 'delayed' | 'active' | 'completed' | 'failed' | 'delivered';
