import { bigint, index, integer, jsonb, pgTable, text, timestamp, uuid } from 'drizzle-orm/pg-core';
import type { Facts } from './incident.ts';
import type { Memory } from './incidents.ts';
import type { Kind } from './kinds.ts';

const time = (name: string) => timestamp(name, { withTimezone: true });

/** Whose turn it is to send alerts, one row a namespace, and what of the memory is of no incident. */
export const alertSender = pgTable('alert_sender', {
  namespace: text('namespace').primaryKey(),
  owner: uuid('owner').notNull(),
  /** Clock of Postgres. */
  until: time('until').notNull(),
  revision: bigint('revision', { mode: 'number' }).notNull(),
  marks: jsonb('marks').$type<Memory['marks']>().notNull(),
});

/** One row a cause and outage; what is finished stays as long as the event log. */
export const alertIncidents = pgTable(
  'alert_incidents',
  {
    id: uuid('id').primaryKey(),
    namespace: text('namespace').notNull(),
    kind: text('kind').$type<Kind>().notNull(),
    key: text('key').notNull(),
    begunAt: time('begun_at').notNull(),
    text: text('text').notNull(),
    toldAt: time('told_at'),
    quietSince: time('quiet_since'),
    endedAt: time('ended_at'),
    endText: text('end_text'),
    endToldAt: time('end_told_at'),
    tries: integer('tries').notNull(),
    facts: jsonb('facts').$type<Facts>().notNull(),
  },
  (table) => [index('alert_incidents_end').on(table.namespace, table.endToldAt)],
);
