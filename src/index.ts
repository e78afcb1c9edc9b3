/**
 * What a POS imports to enqueue by itself. At run time it brings BullMQ, ioredis, zod and canonicalize, and neither
 * Postgres nor HTTP code; its types need no other package.
 *
 * @packageDocumentation
 */

export { ConexxusSyncError } from './base/errors.ts';
export type { Problem } from './sync/jobs/problems.ts';
export type {
  FetchInventory,
  PushSales,
  SalesItem,
  SalesSummary,
  SalesTransaction,
} from './sync/jobs/push-sales.ts';
export type { Enqueued, EnqueuedState } from './sync/producer/enqueued.ts';
export { createSyncProducer, type SyncProducer, type SyncProducerOptions } from './sync/producer/producer.ts';
export {
  InvalidOptionsError,
  InvalidPayloadError,
  QueueFullError,
  QueueUnavailableError,
} from './sync/producer/producer-errors.ts';
