import { type SQL, sql } from 'drizzle-orm';
import {
  bigint,
  boolean,
  customType,
  date,
  index,
  integer,
  jsonb,
  numeric,
  pgSchema,
  primaryKey,
  text,
  timestamp,
} from 'drizzle-orm/pg-core';

/** Of the database of the POS; everything of ours is in it, save the function and the view that people type. */
export const conexxus = pgSchema('conexxus');

/** A transaction's number that never wraps around, as text: it has 64 bits. */
const xid8 = customType<{ data: string }>({ dataType: () => 'xid8' });
const pgSnapshot = customType<{ data: string }>({ dataType: () => 'pg_snapshot' });
const moment = (name: string) => timestamp(name, { withTimezone: true });
const id = (name: string) => bigint(name, { mode: 'number' });

/**
 * What the POS writes, within its own transaction, and no relay has taken yet. Its key is the transaction that
 * wrote it: a relay finds the new rows by what its last snapshot did not see, whatever order they were committed
 * in and however many dead ones lie before them (look.ts).
 */
export const outbox = conexxus.table(
  'outbox',
  {
    xid: xid8('xid').notNull().default(sql`pg_current_xact_id()`),
    id: id('id').notNull().generatedAlwaysAsIdentity(),
    jobName: text('job_name').notNull(),
    data: jsonb('data').notNull(),
    createdAt: moment('created_at').notNull().defaultNow(),
  },
  (table) => [primaryKey({ columns: [table.xid, table.id] })],
);

/**
 * One line a transaction, or a row without any: a summary alone, or one that can't be sent. Its fate is that of
 * its payload; `fate` is set where it has none (`apart` or `discarded`; neither: it waits), or where it was replaced.
 */
export const sale = conexxus.table(
  'sale',
  {
    id: id('id').primaryKey().generatedAlwaysAsIdentity(),
    /** Of the outbox. */
    rowId: id('row_id').notNull(),
    locationId: text('location_id'),
    /** As given: the store's business date. */
    date: date('date', { mode: 'string' }),
    transactionId: text('transaction_id'),
    total: numeric('total'),
    /** Hash of date, location and transaction: the same sale is one line, whoever writes it again. */
    saleKey: text('sale_key').unique(),
    /** The line with the same transaction id and other content that came before. */
    corrects: id('corrects'),
    /** Hash of what its payload holds besides transactions: those with the same may travel together. */
    groupKey: text('group_key'),
    /** That itself, as JSON, in the first line of each row. */
    frame: text('frame'),
    /** Of a row set apart whose job is none of ours, or another than `push_sales`. */
    jobName: text('job_name'),
    /** The transaction as JSON; of what can't be sent, the whole row. */
    data: text('data'),
    bytes: integer('bytes').notNull(),
    /** When its row was written. */
    createdAt: moment('created_at').notNull(),
    payloadId: id('payload_id'),
    fate: text('fate').$type<'apart' | 'discarded' | 'replaced'>(),
    reason: text('reason'),
    /** Since when it has this fate. */
    since: moment('since').notNull().defaultNow(),
  },
  (table) => [
    index('sale_waiting')
      .on(table.locationId, table.id)
      .where(sql`${table.payloadId} is null and ${table.fate} is null`),
    index('sale_fated').on(table.fate, table.locationId, table.id).where(sql`${table.fate} is not null`),
    index('sale_given_up').on(table.since).where(sql`${table.fate} = 'discarded'`),
    // Where nothing is known of a fresh table yet, Postgres takes either of these for a transaction's lines.
    index('sale_day').on(table.date, table.locationId, table.transactionId),
    index('sale_transaction').on(table.transactionId, table.locationId, table.date),
  ],
);

/** What becomes of a payload; the first three are on their way. */
export type PayloadState =
  /** A half, until the whole is out of the queue. */
  | 'planned'
  /** Enqueued, or about to be. */
  | 'open'
  /** Its halves are planned. */
  | 'splitting'
  | 'delivered'
  /** Delivered, by an answer that names refusals. */
  | 'flagged'
  | 'dead'
  | 'discarded'
  | 'split'
  /** Nobody knows, and it is not sent again by itself. */
  | 'apart';

/** What goes to Conexxus as one call: its members and bytes never change. */
export const payload = conexxus.table(
  'payload',
  {
    id: id('id').primaryKey().generatedAlwaysAsIdentity(),
    /** Job id and `Idempotency-Key`. */
    syncKey: text('sync_key').notNull().unique(),
    locationId: text('location_id').notNull(),
    json: text('json').notNull(),
    saleIds: bigint('sale_ids', { mode: 'number' }).array().notNull(),
    /** The payload that it is a half of. */
    parent: id('parent'),
    state: text('state').$type<PayloadState>().notNull().default('open'),
    reason: text('reason'),
    /** Its last death, by the event log: one that a person released since counts no more. */
    diedAt: moment('died_at'),
    /** Transactions that the answer refused, as far as it named them. */
    refused: text('refused').array().notNull().default([]),
    /** When it was first enqueued, or was about to be. */
    createdAt: moment('created_at').notNull().defaultNow(),
    since: moment('since').notNull().defaultNow(),
  },
  (table) => [
    index('payload_unsettled')
      .on(table.id)
      .where(sql`${table.state} in ('planned', 'open', 'splitting', 'dead', 'apart')`),
    index('payload_settled')
      .on(table.since)
      .where(sql`${table.state} in ('delivered', 'flagged', 'discarded', 'split')`),
    index('payload_store').on(table.locationId),
  ],
);

/** One row: which relay works, and what it waits for a person for. */
export const relay = conexxus.table('relay', {
  one: boolean('one').primaryKey().default(true),
  owner: text('owner'),
  /** Why nothing is sent until a person says so. */
  held: text('held'),
  /** When a person last said that what is held may go on. */
  releasedAt: moment('released_at'),
  /** Counts what people did, so that the relay at work reads again. */
  acts: integer('acts').notNull().default(0),
});

/**
 * One row: all that this snapshot sees of the outbox has been taken, as long as Postgres runs that started then. So
 * whoever asks what was not taken yet (the view `untaken`) passes over no dead rows but the last ones. A table of its
 * own: under an old snapshot its old versions pile up, and each step of a relay reads `relay`.
 */
export const taken = conexxus.table('taken', {
  one: boolean('one').primaryKey().default(true),
  snapshot: pgSnapshot('snapshot'),
  started: moment('started'),
});

/**
 * What the HTTP intake wrote into the outbox, in the same transaction: by it a repeat is known, and what became of a job can
 * be told. What a till writes by itself has no row here.
 */
export const intake = conexxus.table(
  'intake',
  {
    /** Of the payload as it was posted; what it travels in has another. */
    jobId: text('job_id').primaryKey(),
    jobName: text('job_name').notNull(),
    locationId: text('location_id').notNull(),
    date: date('date', { mode: 'string' }),
    transactionIds: text('transaction_ids').array().notNull(),
    /** Name of the token that it came with. */
    token: text('token').notNull(),
    /** As its row in the outbox, and all that follows from it, has them. */
    xid: xid8('xid').notNull().default(sql`pg_current_xact_id()`),
    createdAt: moment('created_at').notNull().defaultNow(),
  },
  (table) => [index('intake_age').on(table.createdAt)],
);

/** As one parameter: thousands of them take several times as long, and Postgres knows no more than 65,535. */
export function idsOf(ids: readonly number[]): SQL {
  return sql`${`{${ids.join(',')}}`}::bigint[]`;
}
