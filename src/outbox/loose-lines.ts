import { sql } from 'drizzle-orm';
import type { Transaction } from '../base/database.ts';
import { sqlStateOf } from '../base/postgres-errors.ts';
import { meant, type SaleFilter } from './meant.ts';

/** Of no payload: it waits, or was set apart by itself. */
export type LooseState = 'waiting' | 'apart';

export interface LooseLine extends Record<string, unknown> {
  readonly line: string;
  readonly transactionId: string | null;
  readonly locationId: string | null;
  /** A correction of it was delivered. */
  readonly replaced: boolean;
}

const PAGE = 500;
const CONDITIONS = {
  waiting: sql`s.payload_id is null and s.fate is null`,
  apart: sql`s.payload_id is null and s.fate = 'apart'`,
} as const;
/** SQLSTATE class of a text that cannot be what it should. */
const OF_THE_DATA = '22';

/**
 * The next ones. `lock`: what a relay took meanwhile is not among them, and what is stays as it is until the
 * transaction ends.
 */
export async function readLoose(
  tx: Transaction,
  state: LooseState,
  filter: SaleFilter,
  after: string,
  lock: boolean,
): Promise<LooseLine[]> {
  const rows = await tx.execute<LooseLine>(sql`
    select s.id::text as line, s.transaction_id as "transactionId", s.location_id as "locationId",
      coalesce((select v.state = 'replaced' from public.conexxus_sales v where v.line = s.id), false) as replaced
    from conexxus.sale s where ${CONDITIONS[state]} and ${meant(filter)} and s.id > ${after}::bigint
    order by s.id limit ${PAGE} ${lock ? sql`for update of s` : sql``}`);
  return [...rows];
}

/** Why it was set apart stays to be read. */
export async function discardLines(tx: Transaction, lines: readonly string[], reason: string): Promise<void> {
  if (lines.length === 0) return;
  await tx.execute(sql`
    update conexxus.sale set fate = 'discarded', since = now(),
      reason = ${reason}::text || coalesce(' (set apart: ' || reason || ')', '')
    where id in ${lines}`);
}

/**
 * Into the outbox, as if their rows were written just now, save for the time; gives those that could not be.
 * One statement for all, and one each only where that fails.
 */
export async function backIntoOutbox(tx: Transaction, lines: readonly LooseLine[]): Promise<LooseLine[]> {
  if (lines.length === 0 || (await moved(tx, lines))) return [];
  if (lines.length === 1) return [...lines];
  const left: LooseLine[] = [];
  for (const line of lines) left.push(...(await backIntoOutbox(tx, [line])));
  return left;
}

async function moved(tx: Transaction, lines: readonly LooseLine[]): Promise<boolean> {
  await tx.execute(sql`savepoint moving`);
  try {
    const rows = await tx.execute(sql`
      with gone as (
        delete from conexxus.sale where id in ${lines.map(({ line }) => line)} and data is not null returning *
      )
      insert into conexxus.outbox (job_name, data, created_at)
      select coalesce(job_name, 'push_sales'), data::jsonb, created_at from gone order by id
      returning id`);
    if (rows.length === lines.length) return true;
  } catch (error) {
    if (sqlStateOf(error)?.startsWith(OF_THE_DATA) !== true) throw error;
  }
  await tx.execute(sql`rollback to savepoint moving`);
  return false;
}
