import { sql } from 'drizzle-orm';
import { z } from 'zod';
import type { Transaction } from '../../src/base/database.ts';
import { type Day, readBooks, sumsQuery } from '../../src/outbox/books.ts';
import { migrateOutbox } from '../../src/outbox/migrate.ts';
import { holdSnapshot } from '../../src/outbox/snapshot.ts';
import { DAYS, STORES, writeSettled } from '../../test/outbox/many-sales.ts';
import { databaseOn, openDatabase } from '../../test/support/postgres.ts';
import type { BenchSetting } from './bench.ts';
import { atMost, count, type Figure, figure, ms, percentile, spread } from './figure.ts';

const LOOKS = 200;
const LIMIT_MS = 5;

/** The books of one store and day among very many settled sales: what the query costs, and by which plan. */
export async function benchBooks({ postgres, sales, say }: BenchSetting): Promise<Figure[]> {
  const fresh = await databaseOn(postgres.url);
  const database = openDatabase(fresh.url, 1);
  try {
    say(`writing ${sales.toLocaleString('en')} sales`);
    await migrateOutbox(database);
    await writeSettled(database.sql, sales);
    const days = await daysOf(database.sql);
    const plans: Plan[] = [];
    const whole: number[] = [];
    for (let look = 0; look < LOOKS; look += 1) {
      const day = { date: days[(look * 7) % days.length] ?? '', locationId: `store-${(look % STORES) + 1}` };
      plans.push(await database.read((tx) => planOf(tx, day)));
      const begun = performance.now();
      await database.read((tx) => readBooks(tx, day, 5));
      whole.push(performance.now() - begun);
    }
    const all = await database.read((tx) => planOf(tx, { date: days[DAYS / 2] ?? '' }));
    const times = plans.map(({ ms }) => ms);
    const buffers = plans.map(({ buffers }) => buffers);
    return [
      atMost(figure('one store and day: the query', spread(times)), LIMIT_MS, 'p50'),
      atMost(figure('tables read as a whole', count(Math.max(...plans.map(({ whole }) => whole)))), 0),
      figure('buffers of it, median', count(percentile(buffers, 0.5))),
      figure('all questions of the books, as the client sees them', spread(whole)),
      figure(`the ${STORES} stores of a day: the query`, ms(all.ms)),
    ];
  } finally {
    await database.close();
    await fresh.close();
  }
}

async function daysOf(sql: ReturnType<typeof openDatabase>['sql']): Promise<string[]> {
  const rows = await sql<{ day: string }[]>`
    select (current_date - n)::text as day from generate_series(0, ${DAYS - 1}::int) n`;
  return rows.map(({ day }) => day);
}

interface Plan {
  readonly ms: number;
  readonly buffers: number;
  /** Scans of one of the large tables without an index. */
  readonly whole: number;
}

const explained = z.array(
  z.object({
    'Execution Time': z.number(),
    Plan: z.looseObject({ 'Shared Hit Blocks': z.number(), 'Shared Read Blocks': z.number() }),
  }),
);

async function planOf(tx: Transaction, day: Day): Promise<Plan> {
  await holdSnapshot(tx);
  const [row] = await tx.execute(sql`explain (analyze, buffers, format json) ${sumsQuery(day)}`);
  const answer = row?.['QUERY PLAN'];
  const [found] = explained.parse(typeof answer === 'string' ? JSON.parse(answer) : answer);
  if (found === undefined) throw new Error('no plan');
  const { 'Execution Time': ms, Plan: plan } = found;
  return {
    ms,
    buffers: plan['Shared Hit Blocks'] + plan['Shared Read Blocks'],
    whole: JSON.stringify(plan).match(/"Seq Scan"[^{}]*"Relation Name":"(?:sale|payload)"/g)?.length ?? 0,
  };
}
