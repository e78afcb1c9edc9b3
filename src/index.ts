/** What a POS imports. Pulls in neither Postgres nor HTTP code. */

export { ConexxusSyncError } from './errors.ts';
export type { Enqueued } from './sync/job-adder.ts';
export type { EnqueuedState } from './sync/known-jobs.ts';
export type { FetchInventory, PushSales } from './sync/payload.ts';
export type { Problem } from './sync/problems.ts';
export { createSyncProducer, type SyncProducer, type SyncProducerOptions } from './sync/producer.ts';
export {
  InvalidOptionsError,
  InvalidPayloadError,
  QueueFullError,
  QueueUnavailableError,
} from './sync/producer-errors.ts';
