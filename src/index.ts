/** What a POS imports. Pulls in neither Postgres nor HTTP code. */

export { ConexxusSyncError } from './base/errors.ts';
export type { FetchInventory, PushSales } from './sync/jobs/payload.ts';
export type { Problem } from './sync/jobs/problems.ts';
export type { Enqueued } from './sync/producer/job-adder.ts';
export type { EnqueuedState } from './sync/producer/known-jobs.ts';
export { createSyncProducer, type SyncProducer, type SyncProducerOptions } from './sync/producer/producer.ts';
export {
  InvalidOptionsError,
  InvalidPayloadError,
  QueueFullError,
  QueueUnavailableError,
} from './sync/producer/producer-errors.ts';
