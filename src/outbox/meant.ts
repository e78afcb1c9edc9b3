import { type SQL, sql } from 'drizzle-orm';
import type { Transaction } from '../base/database.ts';
import { ConexxusSyncError } from '../base/errors.ts';

/** What a person can do about sales. */
export type Act = 'release' | 'discard';

/** In these states a sale waits for a person, or can be given up. */
export const OPEN_TO_ACTS = ['waiting', 'apart', 'dead'] as const;
export type ActedOn = (typeof OPEN_TO_ACTS)[number];

/** Which sales are meant: those to which all that is given applies; nothing given: all. */
export interface SaleFilter {
  /** Named, by their transaction ids … */
  readonly sales?: readonly string[] | undefined;
  /** … or by the numbers of their lines. */
  readonly lines?: readonly string[] | undefined;
  readonly locationId?: string | undefined;
  readonly date?: string | undefined;
  /** Not with named ones. */
  readonly state?: ActedOn | undefined;
}

/** One name, sales of several stores or days. */
export class AmbiguousSaleError extends ConexxusSyncError {
  readonly code = 'AMBIGUOUS_SALE';
}

export interface NamedLine extends Record<string, unknown> {
  /** Null: no relay has taken it yet. */
  readonly line: string | null;
  readonly transactionId: string | null;
  readonly locationId: string | null;
  readonly date: string | null;
  readonly state: string;
}

export function isNamed({ sales = [], lines = [] }: SaleFilter): boolean {
  return sales.length + lines.length > 0;
}

/** What is wrong with a filter that a person gave; `all`: they said so. */
export function filterFault(
  filter: SaleFilter,
  all: boolean,
): 'says-nothing' | 'all-and-some' | 'state-of-named' | undefined {
  const isPlaced = filter.locationId !== undefined || filter.date !== undefined;
  if (!isNamed(filter) && !isPlaced && !all) return 'says-nothing';
  if (all && (isNamed(filter) || isPlaced)) return 'all-and-some';
  return isNamed(filter) && filter.state !== undefined ? 'state-of-named' : undefined;
}

/** Of `s`, a `conexxus.sale`; never null. */
export function meant(filter: SaleFilter): SQL {
  const conditions = [
    ...(isNamed(filter) ? [namedBy(filter, sql`s.transaction_id`, sql`s.id`)] : []),
    ...placeOf(filter, sql`s`),
  ];
  return conditions.length === 0 ? sql`true` : sql`coalesce(${sql.join(conditions, sql` and `)}, false)`;
}

/** All that have one of the names, whatever their state. */
export async function readNamed(tx: Transaction, filter: SaleFilter): Promise<NamedLine[]> {
  const conditions = [namedBy(filter, sql`v.id`, sql`v.line`), ...placeOf(filter, sql`v`)];
  const rows = await tx.execute<NamedLine>(sql`
    select v.line::text, v.id as "transactionId", v.location_id as "locationId", v.date::text, v.state
    from public.conexxus_sales v where ${sql.join(conditions, sql` and `)}
    order by v.line`);
  return [...rows];
}

/** @throws AmbiguousSaleError */
export function checkNames(found: readonly NamedLine[], { sales = [] }: SaleFilter): void {
  for (const id of sales) {
    const places = found
      .filter(({ transactionId, line, state }) => transactionId === id && line !== null && isOpen(state))
      .map(({ locationId, date }) => `${locationId ?? 'no store'}, ${date ?? 'no date'}`);
    const different = [...new Set(places)];
    if (different.length > 1) {
      throw new AmbiguousSaleError(
        `${id} is more than one sale (${different.join('; ')}): say which, with --location or --date`,
      );
    }
  }
}

function isOpen(state: string): boolean {
  return state === 'replaced' || OPEN_TO_ACTS.some((open) => open === state);
}

function namedBy({ sales = [], lines = [] }: SaleFilter, id: SQL, line: SQL): SQL {
  const names = [
    ...(sales.length === 0 ? [] : [sql`${id} in ${sales}`]),
    ...(lines.length === 0 ? [] : [sql`${line} in ${lines}`]),
  ];
  return sql`(${sql.join(names, sql` or `)})`;
}

function placeOf({ locationId, date }: SaleFilter, alias: SQL): SQL[] {
  return [
    ...(locationId === undefined ? [] : [sql`${alias}.location_id = ${locationId}`]),
    ...(date === undefined ? [] : [sql`${alias}.date = ${date}::date`]),
  ];
}
