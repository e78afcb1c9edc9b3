import { expect } from '@jest/globals';
import type { Sql } from 'postgres';
import { type consumerOf, contentOf } from './consumer.ts';

type Calls = ReturnType<typeof consumerOf>['calls'];

/** What happened, as the tills, the people and Conexxus know it; sales by their content. */
interface History {
  readonly rungUp: ReadonlyMap<string, number>;
  readonly discarded: ReadonlySet<string>;
  /** What a person edited, to what it became. */
  readonly repaired: ReadonlyMap<string, string>;
  readonly consumer: { readonly calls: Calls };
  /** Redis forgot everything once. */
  readonly isWiped: () => boolean;
}

interface Booked {
  readonly id: string;
  readonly total: number;
  readonly state: string;
}

/** What the product says of each sale is what happened to it. */
export async function expectBooks(sql: Sql, history: History): Promise<void> {
  const { rungUp, consumer } = history;
  const lines = await sql<Booked[]>`
    select id, total::float8 as total, state from conexxus_sales order by line`;
  // Each sale is one line, whoever wrote it again.
  const booked = new Map(lines.map((line) => [contentOf({ ...line, timestamp: '', items: [] }), line]));
  const sales = [...rungUp.keys()].filter((sale) => booked.has(sale) || !isUndone(history, sale));
  expect([...booked.keys()].sort()).toEqual(sales.sort());
  expect(lines).toHaveLength(sales.length);
  const arrived = arrivals(consumer.calls);
  const problems: string[] = [];
  for (const [sale, line] of booked) {
    const keys = arrived.get(sale) ?? new Set();
    const isRepaired = history.repaired.has(sale);
    if (isRepaired) problems.push(...repairProblems(sale, line, history));
    else problems.push(...fateProblems(sale, line, keys.size, history.discarded.has(sale)));
    if (keys.size > 1) problems.push(...(await splitProblems(sql, sale, consumer.calls, keys)));
  }
  problems.push(...discardProblems(history, booked));
  expect(problems).toEqual([]);
}

/** A repair of which Redis forgot the rows before Postgres had them never was. */
function isUndone({ repaired, isWiped }: History, sale: string): boolean {
  return isWiped() && [...repaired.values()].includes(sale);
}

/** Never both: where the old one arrived, it was in a batch of which nobody heard. */
function repairProblems(sale: string, { state }: Booked, { consumer, isWiped }: History): string[] {
  if (isWiped()) return [];
  const isHeard = consumer.calls.some((one) => one.applied && one.heard && one.sales.includes(sale));
  return [
    ...(state === 'replaced' ? [] : [`${sale} was edited into another, and is ${state}`]),
    ...(isHeard ? [`${sale} was edited into another, and arrived`] : []),
  ];
}

/** Under which keys Conexxus took each sale. */
function arrivals(calls: Calls): Map<string, Set<string>> {
  const arrived = new Map<string, Set<string>>();
  for (const { key, sales, applied } of calls) {
    for (const sale of applied ? sales : []) arrived.set(sale, (arrived.get(sale) ?? new Set()).add(key));
  }
  return arrived;
}

function fateProblems(sale: string, { id, state }: Booked, times: number, isDiscarded: boolean): string[] {
  const problems: string[] = [];
  const allowed = allowedStates(id, times, isDiscarded);
  if (!allowed.includes(state)) problems.push(`${sale} is ${state}, not ${allowed.join(' or ')}`);
  if (id.startsWith('bad') && times > 0) problems.push(`${sale} is bad, and arrived`);
  if (state === 'delivered' && times === 0) problems.push(`${sale} is delivered, and never arrived`);
  return problems;
}

function allowedStates(id: string, times: number, isDiscarded: boolean): readonly string[] {
  if (id.startsWith('bad')) return ['dead', 'discarded', 'replaced'];
  if (id.startsWith('bare') && times === 0) return ['apart', 'discarded', 'replaced'];
  return isDiscarded ? ['delivered', 'discarded', 'replaced'] : ['delivered'];
}

/** Only a batch of which nobody knew whether it had arrived is sent again in parts. */
async function splitProblems(
  sql: Sql,
  sale: string,
  calls: Calls,
  keys: ReadonlySet<string>,
): Promise<string[]> {
  const split = await sql<{ sync_key: string }[]>`
    select sync_key from conexxus.payload where state = 'split' and sync_key = any(${`{${[...keys].join(',')}}`}::text[])`;
  const unheard = calls.filter((call) => call.applied && !call.heard && call.sales.includes(sale));
  const unheardKeys = new Set(unheard.map(({ key }) => key));
  const isInDoubt = split.some(({ sync_key }) => unheardKeys.has(sync_key));
  return isInDoubt ? [] : [`${sale} arrived under ${[...keys].join(' and ')}, and none was split in doubt`];
}

function discardProblems(
  { discarded, consumer, isWiped }: History,
  booked: ReadonlyMap<string, Booked>,
): string[] {
  // A discard of which Redis forgot the row before Postgres had it never was.
  if (isWiped()) return [];
  return [...discarded].flatMap((sale) => {
    const heard = consumer.calls.some((one) => one.applied && one.heard && one.sales.includes(sale));
    const state = booked.get(sale)?.state;
    if ((state === 'delivered') === heard) return [];
    return [`${sale} was discarded, and is ${state}, though its delivery was ${heard ? '' : 'not '}heard of`];
  });
}
