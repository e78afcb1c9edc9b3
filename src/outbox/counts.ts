import type { Redis } from 'ioredis';
import * as z from 'zod';
import { repliesOf } from '../sync/producer/known-jobs.ts';

const countsSchema = z.object({
  /** Sales that no payload has yet. */
  waiting: z.number(),
  /** Sales in payloads that are on their way. */
  enqueued: z.number(),
  /** Also those that a correction replaced. */
  dead: z.number(),
  /** Sales, and rows without any. */
  apart: z.number(),
  /** When the oldest that waits was written, ms by the clock of the POS's Postgres; null: none does. */
  oldestAt: z.number().nullable(),
});
const relaySchema = z.object({
  name: z.string(),
  /** How long it had been at work. */
  workingMs: z.number(),
  /** Why the relays send nothing until a person says so. */
  held: z.string().nullable(),
  /** Rows that it had not taken yet; they are of no store. */
  untaken: z.number(),
  /** What that clock said. */
  now: z.number(),
});

export type Counts = z.infer<typeof countsSchema>;
export type RelayFacts = z.infer<typeof relaySchema>;

/** What is in the outbox and not settled, as the relay at work told it. */
export interface Report {
  readonly relay: RelayFacts;
  readonly total: Counts;
  /** All that sell through this outbox, also those of which nothing is there: any other store has no books. */
  readonly stores: ReadonlyMap<string, Counts>;
}

/** Whoever reads them later is told how old they are; those of an outbox that nobody uses any more are forgotten. */
const KEPT_MS = 86_400_000;
const STORE = 'store:';

/**
 * `isNews`: the counts are others than those written last; else only that a relay is at work. False: what was written
 * last is gone, and all is to be written again.
 */
export async function writeReport(
  redis: Redis,
  namespace: string,
  { relay, total, stores }: Report,
  isNews: boolean,
): Promise<boolean> {
  const key = countsKey(namespace);
  const transaction = redis.multi();
  if (isNews) {
    const ofStores = [...stores].map(([locationId, counts]) => [STORE + locationId, JSON.stringify(counts)]);
    transaction.del(key).hset(key, { ...Object.fromEntries(ofStores), total: JSON.stringify(total) });
  }
  transaction.hset(key, 'relay', JSON.stringify(relay)).pexpire(key, KEPT_MS);
  const [isNewField] = await repliesOf(transaction);
  return isNews || isNewField === 0;
}

/** And how long ago that was, by the clock of Redis; null: none has told anything within a day. */
export async function readReport(
  redis: Redis,
  namespace: string,
): Promise<(Report & { readonly agoMs: number }) | null> {
  const key = countsKey(namespace);
  const [fields, leftMs] = await Promise.all([redis.hgetall(key), redis.pttl(key)]);
  const { relay, total, ...ofStores } = fields;
  if (relay === undefined || total === undefined) return null;
  const stores = Object.entries(ofStores).map(
    ([field, counts]) => [field.slice(STORE.length), countsSchema.parse(JSON.parse(counts))] as const,
  );
  return {
    relay: relaySchema.parse(JSON.parse(relay)),
    total: countsSchema.parse(JSON.parse(total)),
    stores: new Map(stores),
    agoMs: Math.max(0, KEPT_MS - leftMs),
  };
}

function countsKey(namespace: string): string {
  return `{${namespace}}:outbox:counts`;
}
