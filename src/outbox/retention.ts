import { sql } from 'drizzle-orm';
import type { Transaction } from '../base/database.ts';
import type { Turn } from './turn.ts';

/** Of one deletion, so that nobody waits for it: payloads, with their lines; lines that were given up. */
const PAYLOADS = 100;
const LINES = 100;
/** A row has fewer: it has at most 10 MB, and no sale that can be sent is under 90 bytes. */
const LINES_OF_A_ROW = 200_000;
const REST_MS = 60_000;

/** Forgets what was settled long ago: once a minute, and from then on with each call until nothing is left. */
export function createCleaning(retentionMs: number, restMs = REST_MS) {
  let restedAt = performance.now();
  let from: string | undefined;
  return {
    async clean(turn: Turn): Promise<void> {
      if (performance.now() - restedAt < restMs) return;
      const { more, upTo } = await turn((tx) => forgetSettled(tx, retentionMs, from));
      from = upTo;
      if (!more) restedAt = performance.now();
    },
    /** The database may be another one: what was deleted may be there again. */
    fromStart(): void {
      from = undefined;
    },
  };
}

/**
 * Settled sales go some days after they were settled; what is dead, waits or is set apart never does. `from` is the
 * `upTo` of the deletion before: behind it are only dead rows, which stay for as long as anybody has an old snapshot.
 */
export async function forgetSettled(
  tx: Transaction,
  retentionMs: number,
  from = '-infinity',
): Promise<{ readonly more: boolean; readonly upTo: string }> {
  const before = new Date(Date.now() - retentionMs).toISOString();
  const [gone] = await tx.execute<{ payloads: number; upTo: string | null }>(sql`
    with old as (
      select id, sale_ids, since from conexxus.payload
      where state in ('delivered', 'flagged', 'discarded', 'split')
        and since between ${from}::timestamptz and ${before}::timestamptz
      order by since limit ${PAYLOADS}
    ), lines as (
      delete from conexxus.sale using old where sale.id = any(old.sale_ids) and sale.payload_id = old.id
    ), payloads as (
      delete from conexxus.payload using old where payload.id = old.id
    )
    select count(*)::int as payloads, max(since)::text as "upTo" from old`);
  const lines = await forgetGivenUp(tx, before);
  const { payloads = 0, upTo = null } = gone ?? {};
  return { more: payloads === PAYLOADS || lines === LINES, upTo: upTo ?? from };
}

/**
 * What the row of a line holds besides stands in it, for as long as others of that row wait. They were inserted one
 * after the other, so the next line of the store that waits is one of them, or none is. What was sold since is far
 * beyond the limit: of that somebody's old snapshot keeps dead rows.
 */
async function forgetGivenUp(tx: Transaction, before: string): Promise<number> {
  const rows = await tx.execute(sql`
    delete from conexxus.sale where id in (
      select id from conexxus.sale as given_up where fate = 'discarded' and since < ${before}::timestamptz
        and given_up.row_id is distinct from (
          select row_id from conexxus.sale as waiting where waiting.location_id = given_up.location_id
            and waiting.id > given_up.id and waiting.id < given_up.id + ${LINES_OF_A_ROW}
            and waiting.payload_id is null and waiting.fate is null
          order by waiting.id limit 1
        )
      order by since limit ${LINES}
    )
    returning id`);
  return rows.length;
}
