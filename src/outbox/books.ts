import { type SQL, sql } from 'drizzle-orm';
import type { Transaction } from '../base/database.ts';
import { holdSnapshot } from './snapshot.ts';

/** A store's business date, and whose books: of one store, or of all that have any. */
export interface Day {
  readonly date: string;
  readonly locationId?: string | undefined;
}

export interface Sum {
  readonly count: number;
  /** The totals as given, summed by Postgres; null where none of them has one. */
  readonly money: string | null;
}

/** What became of a sale. `waiting`: until its fate is known, in the queue too. */
export const FATES = ['delivered', 'flagged', 'waiting', 'dead', 'discarded', 'replaced', 'apart'] as const;
export type Fate = (typeof FATES)[number];
/** A person has to look. */
const WRONG = ['flagged', 'dead', 'apart'] as const satisfies readonly Fate[];
export type Wrong = (typeof WRONG)[number];

/** Of each sold sale it is told what became of it: the fates add up to `sold`. */
export type Account = Readonly<Record<'sold' | Fate, Sum>>;

/** `corrections` came under the id of an earlier sale of that store; `payloads` hold no transaction. */
export const KINDS = ['sales', 'corrections', 'payloads'] as const;
type Kind = (typeof KINDS)[number];
export type Accounts = Readonly<Record<Kind, Account>>;

interface StoreBooks extends Accounts {
  /** Null: what was written names none. */
  readonly locationId: string | null;
}

export interface WrongSale {
  /** What the view, and `outbox release --line`, call it. */
  readonly line: string;
  readonly transactionId: string | null;
  readonly total: string | null;
  readonly reason: string | null;
}

/** All of one store in one state; the first of them by name. */
export interface Problem {
  readonly locationId: string | null;
  readonly state: Wrong;
  readonly count: number;
  readonly first: readonly WrongSale[];
}

export interface Books {
  readonly date: string;
  /** By name; a store without a line has no books. */
  readonly stores: readonly StoreBooks[];
  readonly total: Accounts;
  /** Stores that had books the day before or a week before, and have none; asked only of all stores. */
  readonly withoutBooks: readonly string[];
  /** Set apart and of no store or day that could be read: they may be of these. */
  readonly unplaced: number;
  readonly problems: readonly Problem[];
}

/** The books of a day from the view, which is all that the reader needs a right to. */
export async function readBooks(tx: Transaction, day: Day, named: number): Promise<Books> {
  await holdSnapshot(tx);
  const sums = await readSums(tx, day);
  return {
    date: day.date,
    stores: storesOf(sums),
    total: accountsOf(sums.filter(({ ofAll }) => ofAll)),
    withoutBooks: day.locationId === undefined ? await storesWithoutBooks(tx, day.date) : [],
    unplaced: await countUnplaced(tx, day),
    problems: await readProblems(tx, day, named),
  };
}

/** Whether anything waits for a person. */
export function areWrong({ problems, unplaced }: Books): boolean {
  return problems.length > 0 || unplaced > 0;
}

/** The lines of a day; `v` is the view. */
export function ofDay({ date, locationId }: Day): SQL {
  const store = locationId === undefined ? sql`` : sql` and v.location_id = ${locationId}`;
  return sql`v.date = ${date}::date${store}`;
}

interface SumRow extends Record<string, unknown> {
  readonly locationId: string | null;
  readonly kind: Kind;
  /** Null: of all of them. */
  readonly fate: Fate | null;
  readonly ofAll: boolean;
  readonly count: number;
  readonly money: string | null;
}

async function readSums(tx: Transaction, day: Day): Promise<SumRow[]> {
  return [...(await tx.execute<SumRow>(sumsQuery(day)))];
}

/** Also for whoever looks at its plan. */
export function sumsQuery(day: Day): SQL {
  return sql`
    select location_id as "locationId", kind, fate, grouping(location_id) = 1 as "ofAll",
      count(*)::int as count, trim_scale(sum(total))::text as money
    from (
      select v.location_id, v.total,
        case when v.id is null then 'payloads' when v.corrects is null then 'sales' else 'corrections' end as kind,
        case v.state when 'enqueued' then 'waiting' else v.state end as fate
      from public.conexxus_sales v where ${ofDay(day)}
    ) as line
    group by grouping sets ((location_id, kind, fate), (location_id, kind), (kind, fate), (kind))
    order by location_id`;
}

function storesOf(sums: readonly SumRow[]): StoreBooks[] {
  const ofStores = sums.filter(({ ofAll }) => !ofAll);
  const names = [...new Set(ofStores.map(({ locationId }) => locationId))];
  return names.map((locationId) => ({
    locationId,
    ...accountsOf(ofStores.filter((sum) => sum.locationId === locationId)),
  }));
}

function accountsOf(sums: readonly SumRow[]): Accounts {
  const account = (kind: Kind): Account => {
    const ofKind = sums.filter((sum) => sum.kind === kind);
    const sumOf = (fate: Fate | null): Sum => {
      const { count, money } = ofKind.find((sum) => sum.fate === fate) ?? { count: 0, money: '0' };
      return { count, money };
    };
    return {
      sold: sumOf(null),
      delivered: sumOf('delivered'),
      flagged: sumOf('flagged'),
      waiting: sumOf('waiting'),
      dead: sumOf('dead'),
      discarded: sumOf('discarded'),
      replaced: sumOf('replaced'),
      apart: sumOf('apart'),
    };
  };
  return { sales: account('sales'), corrections: account('corrections'), payloads: account('payloads') };
}

async function storesWithoutBooks(tx: Transaction, date: string): Promise<string[]> {
  const rows = await tx.execute<{ store: string }>(sql`
    select location_id as store from public.conexxus_sales
    where date in (${date}::date - 1, ${date}::date - 7) and location_id is not null
    except
    select location_id from public.conexxus_sales where date = ${date}::date
    order by store`);
  return rows.map(({ store }) => store);
}

/** What was set apart before that day is none of it, wherever on earth the day begins. */
async function countUnplaced(tx: Transaction, { date, locationId }: Day): Promise<number> {
  const undated = sql`date is null and since >= ${date}::date - interval '1 day'`;
  const here =
    locationId === undefined ? sql`true` : sql`(location_id is null or location_id = ${locationId})`;
  // Of all stores, those of the day without a store are books of their own.
  const ofNoStore = locationId === undefined ? sql`false` : sql`date = ${date}::date and location_id is null`;
  const [row] = await tx.execute<{ count: number }>(sql`
    select (select count(*) from public.conexxus_sales where state = 'apart' and ${undated} and ${here})::int
      + (select count(*) from public.conexxus_sales where state = 'apart' and ${ofNoStore})::int as count`);
  return row?.count ?? 0;
}

interface ProblemRow extends WrongSale, Record<string, unknown> {
  readonly locationId: string | null;
  readonly state: Wrong;
  readonly count: number;
  readonly place: number;
}

async function readProblems(tx: Transaction, day: Day, named: number): Promise<Problem[]> {
  const rows = await tx.execute<ProblemRow>(sql`
    select "locationId", state, count, place, line, "transactionId", total, reason
    from (
      select v.location_id as "locationId", v.state, v.line::text, v.id as "transactionId",
        v.total::text, v.reason, count(*) over (partition by v.location_id, v.state)::int as count,
        row_number() over (partition by v.location_id, v.state order by v.line)::int as place
      from public.conexxus_sales v where ${ofDay(day)} and v.state in ${WRONG}
    ) as wrong
    where place <= ${named}
    order by "locationId", state, place`);
  const problems: (Problem & { first: WrongSale[] })[] = [];
  for (const { locationId, state, count, place, line, transactionId, total, reason } of rows) {
    if (place === 1) problems.push({ locationId, state, count, first: [] });
    problems.at(-1)?.first.push({ line, transactionId, total, reason });
  }
  return problems;
}
