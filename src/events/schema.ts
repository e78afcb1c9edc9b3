import { index, jsonb, pgTable, text, timestamp, uuid } from 'drizzle-orm/pg-core';
import type { EventPayload } from './event.ts';

/**
 * One row per recorded outcome, circuit transition and action of a person.
 *
 * What the indexes serve: newest first by type (`event_type like 'conexxus.sync.failed.%' order by
 * "timestamp" desc`), by store, by job, by time alone (also for pruning), and by sale:
 * `transaction_ids @> array['T-1']`, since `'T-1' = any(transaction_ids)` can use no index.
 * They are ascending and read backward: Drizzle's `desc()` puts nulls last, which no plain
 * `order by … desc` matches.
 */
export const eventLog = pgTable(
  'event_log',
  {
    id: uuid('id').primaryKey().defaultRandom(),
    eventType: text('event_type').notNull(),
    aggregateId: text('aggregate_id').notNull(),
    locationId: text('location_id'),
    timestamp: timestamp('timestamp', { withTimezone: true }).notNull(),
    payload: jsonb('payload').$type<EventPayload>().notNull(),
    metadata: jsonb('metadata').$type<Readonly<Record<string, unknown>>>(),
    transactionIds: text('transaction_ids').array().notNull().default([]),
    dedupeKey: text('dedupe_key').notNull().unique(),
  },
  (table) => [
    index('event_log_type').on(table.eventType.op('text_pattern_ops'), table.timestamp),
    index('event_log_location').on(table.locationId, table.timestamp),
    index('event_log_aggregate').on(table.aggregateId, table.timestamp),
    index('event_log_timestamp').on(table.timestamp),
    index('event_log_transactions').using('gin', table.transactionIds),
  ],
);

export type NewEventRow = typeof eventLog.$inferInsert;
