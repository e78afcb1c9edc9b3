import { sql } from 'drizzle-orm';
import type { Redis } from 'ioredis';
import { z } from 'zod';
import type { Transaction } from '../base/database.ts';

const countsSchema = z.object({
  /** Rows that no relay has taken yet. */
  untaken: z.number(),
  /** Sales that no payload has yet. */
  waiting: z.number(),
  /** Sales in payloads that are on their way. */
  enqueued: z.number(),
  dead: z.number(),
  /** Sales, and rows without any. */
  apart: z.number(),
  /** How long the oldest that is untaken or waiting had been there, ms; null: none is. */
  oldestMs: z.number().nullable(),
  /** The relays send nothing until a person says so. */
  held: z.boolean(),
});

/** What is in the outbox and not settled, of all stores. */
export type OutboxCounts = Readonly<z.infer<typeof countsSchema>>;

/** Whoever reads them later is told how old they are; those of an outbox that nobody uses any more are forgotten. */
const KEPT_MS = 86_400_000;

/** By the indexes of what is not settled, so the settled ones cost nothing. A half that is planned is in its whole. */
export async function readCounts(tx: Transaction): Promise<OutboxCounts> {
  const [row] = await tx.execute<Record<keyof OutboxCounts, unknown>>(sql`
    with untaken as (select count(*) as rows, min(created_at) as oldest from conexxus.outbox),
    waiting as (
      select count(*) as sales, min(created_at) as oldest from conexxus.sale where payload_id is null and fate is null
    ),
    payloads as (
      select coalesce(sum(cardinality(sale_ids)) filter (where state in ('open', 'splitting')), 0) as enqueued,
        coalesce(sum(cardinality(sale_ids)) filter (where state = 'dead'), 0) as dead,
        coalesce(sum(cardinality(sale_ids)) filter (where state = 'apart'), 0) as apart
      from conexxus.payload where state in ('planned', 'open', 'splitting', 'dead', 'apart')
    ),
    fated as (select count(*) filter (where fate = 'apart') as apart from conexxus.sale where fate is not null)
    select untaken.rows::float8 as untaken, waiting.sales::float8 as waiting, payloads.enqueued::float8 as enqueued,
      payloads.dead::float8 as dead, (payloads.apart + fated.apart)::float8 as apart,
      (extract(epoch from now() - least(untaken.oldest, waiting.oldest)) * 1000)::float8 as "oldestMs",
      (select held is not null from conexxus.relay) as held
    from untaken, waiting, payloads, fated`);
  return countsSchema.parse(row);
}

export async function writeCounts(redis: Redis, namespace: string, counts: OutboxCounts): Promise<void> {
  await redis.set(countsKey(namespace), JSON.stringify(counts), 'PX', KEPT_MS);
}

/** As the relay at work counted them, and how long ago; null: none has within a day. */
export async function readWrittenCounts(
  redis: Redis,
  namespace: string,
): Promise<{ readonly counts: OutboxCounts; readonly agoMs: number } | null> {
  const key = countsKey(namespace);
  const [text, leftMs] = await Promise.all([redis.get(key), redis.pttl(key)]);
  if (text === null) return null;
  return { counts: countsSchema.parse(JSON.parse(text)), agoMs: Math.max(0, KEPT_MS - leftMs) };
}

function countsKey(namespace: string): string {
  return `{${namespace}}:outbox:counts`;
}
