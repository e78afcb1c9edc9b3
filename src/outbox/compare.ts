import { sql } from 'drizzle-orm';
import type { Transaction } from '../base/database.ts';
import { type Day, ofDay, type Sum } from './books.ts';

/** A sale as the till lists it. */
export interface TillSale {
  readonly id: string;
  /** A decimal number. */
  readonly total: string;
}

/** Where till and books differ; an absent total: it is on the other side alone. */
export interface Difference {
  readonly id: string;
  readonly till: string | null;
  readonly books: string | null;
}

/** All of one kind; the first of them by name. */
export interface Differences {
  readonly count: number;
  readonly first: readonly Difference[];
}

const KINDS = ['missing', 'unknown', 'differing'] as const;

export interface Comparison {
  readonly till: Sum;
  readonly books: Sum;
  /** Of the till, less that of the books. */
  readonly difference: string;
  /** The till has them, and the books have not. */
  readonly missing: Differences;
  /** The books have them, and the till has not. */
  readonly unknown: Differences;
  /** Both have them, with other totals. */
  readonly differing: Differences;
}

/**
 * The till's list of a day beside the books. Of a sale that was corrected the books have what came last; one
 * that a person discarded need not be on the till's list. Without a store, the same id of two stores is two sales.
 * In the transaction of the books it speaks of the same moment.
 */
export async function compareWithTill(
  tx: Transaction,
  day: Day,
  list: readonly TillSale[],
  named: number,
): Promise<Comparison> {
  const sides = sidesOf(day, list);
  const [sums] = await tx.execute<SumsRow>(sql`
    with ${sides}
    select t.count as "tillCount", t.money as "tillMoney", b.count as "booksCount", b.money as "booksMoney",
      trim_scale(coalesce(t.sum, 0) - coalesce(b.sum, 0))::text as difference
    from (select count(*)::int, sum(total), trim_scale(coalesce(sum(total), 0))::text as money from till) t,
      (select count(*)::int, sum(total), trim_scale(coalesce(sum(total), 0))::text as money from books) b`);
  const rows = await tx.execute<DifferenceRow>(sql`
    with ${sides}, till_alone as (
      select id, total, row_number() over (partition by id order by total) as n
      from (select id, total from till except all select id, total from books) as t
    ), books_alone as (
      select id, total, row_number() over (partition by id order by total) as n
      from (select id, total from books except all select id, total from till) as b
    )
    select * from (
      select kind, id, till, books, count(*) over (partition by kind)::int as count,
        row_number() over (partition by kind order by id) as place
      from (
        select coalesce(t.id, b.id) as id, t.total::text as till, b.total::text as books,
          case when b.n is null then 'missing' when t.n is null then 'unknown' else 'differing' end as kind
        from till_alone t full join books_alone b on b.id = t.id and b.n = t.n
      ) as difference
    ) as counted
    where place <= ${named} order by kind, place`);
  const of = (kind: DifferenceRow['kind']): Differences => {
    const ofKind = rows.filter((row) => row.kind === kind);
    const first = ofKind.map(({ id, till, books }) => ({ id, till, books }));
    return { count: ofKind[0]?.count ?? 0, first };
  };
  return {
    till: { count: sums?.tillCount ?? 0, money: sums?.tillMoney ?? '0' },
    books: { count: sums?.booksCount ?? 0, money: sums?.booksMoney ?? '0' },
    difference: sums?.difference ?? '0',
    missing: of('missing'),
    unknown: of('unknown'),
    differing: of('differing'),
  };
}

export function isDifferent(comparison: Comparison): boolean {
  return KINDS.some((kind) => comparison[kind].count > 0);
}

interface SumsRow extends Record<string, unknown> {
  readonly tillCount: number;
  readonly tillMoney: string;
  readonly booksCount: number;
  readonly booksMoney: string;
  readonly difference: string;
}

interface DifferenceRow extends Difference, Record<string, unknown> {
  readonly kind: (typeof KINDS)[number];
  readonly count: number;
}

/** What no relay has taken yet has no line, and is the newest. */
function sidesOf(day: Day, list: readonly TillSale[]) {
  return sql`
    till as (
      select id, total from jsonb_to_recordset(${JSON.stringify(list)}::jsonb) as listed(id text, total numeric)
    ), books as (
      select id, total from (
        select distinct on (v.location_id, v.id) v.id, v.total, v.state
        from public.conexxus_sales v where ${ofDay(day)} and v.id is not null
        order by v.location_id, v.id, v.line desc nulls first
      ) as latest
      where state <> 'discarded' or id in (select id from till)
    )`;
}
