import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { sql } from 'drizzle-orm';
import { migrateDatabase } from '../../src/events/migrate.ts';
import { readMinutes } from '../../src/events/minutes.ts';
import { readActs, readMoves, readOfStore, readOutcomes, readStoreTimes } from '../../src/events/recent.ts';
import { canTellPlans, openPlanned, type PlannedDatabase } from '../outbox/plans.ts';
import { type FreshDatabase, freshDatabase, type OpenDatabase, openDatabase } from '../support/postgres.ts';
import { describeOnServer } from './harness.ts';

const MINUTE_MS = 60_000;
const START = Math.floor(Date.now() / MINUTE_MS) * MINUTE_MS - 60 * MINUTE_MS;

async function write(
  database: OpenDatabase,
  rows: readonly (readonly [type: string, minute: number, more?: object])[],
) {
  const given = rows.map(([type, minute, more], place) => ({
    type,
    at: new Date(START + minute * MINUTE_MS + place).toISOString(),
    payload: more ?? {},
    key: `key-${type}-${place}`,
  }));
  await database.db.execute(sql`
    insert into event_log (event_type, aggregate_id, location_id, "timestamp", payload, dedupe_key)
    select row ->> 'type', 'job', 'store-1', (row ->> 'at')::timestamptz, row -> 'payload', row ->> 'key'
    from jsonb_array_elements(${JSON.stringify(given)}::text::jsonb) as row`);
}

describe('the newest rows', () => {
  let fresh: FreshDatabase;
  let database: OpenDatabase;
  beforeAll(async () => {
    fresh = await freshDatabase();
    database = openDatabase(fresh.url, 1);
    await migrateDatabase(database);
    await write(database, [
      ['conexxus.circuit.opened', 1],
      ['conexxus.circuit.half_opened', 2],
      ['conexxus.circuit.opened', 3],
      ['conexxus.circuit.closed', 4],
      ['conexxus.operator.hold', 5],
      ['conexxus.operator.hold', 6],
      ['conexxus.operator.release', 7],
      ['conexxus.sync.succeeded.push_sales', 10, { durationMs: 100 }],
      ['conexxus.sync.succeeded.push_sales', 10, { durationMs: 300 }],
      ['conexxus.sync.failed.push_sales', 10, { durationMs: 'soon' }],
      ['conexxus.sync.succeeded.fetch_inventory', 12],
      ['conexxus.worker.benched', 13],
    ]);
  });
  afterAll(async () => {
    await database.close();
    await fresh.close();
  });

  const types = (events: readonly { readonly type: string }[]) => events.map(({ type }) => type.slice(9));

  it('are of the circuit', async () => {
    const moves = await database.read((tx) => readMoves(tx, 1));
    expect(types(moves)).toEqual(['circuit.closed', 'circuit.opened', 'circuit.half_opened']);
  });

  it('are of jobs', async () => {
    const outcomes = await database.read((tx) => readOutcomes(tx, 2));
    expect(types(outcomes)).toEqual(['sync.succeeded.fetch_inventory', 'sync.failed.push_sales']);
  });

  it('are of people, whatever they did', async () => {
    const acts = await database.read((tx) => readActs(tx, 2));
    expect(types(acts)).toEqual(['operator.release', 'operator.hold']);
  });

  it('are of a store', async () => {
    const [rows, times] = await database.read(async (tx) => [
      await readOfStore(tx, 'store-1', 1),
      await readStoreTimes(tx, 'store-1'),
    ]);
    expect(types(rows)).toEqual(['worker.benched']);
    expect(times).toEqual({
      soldAt: START + 10 * MINUTE_MS + 8,
      failedAt: START + 10 * MINUTE_MS + 9,
      catalogAt: START + 12 * MINUTE_MS + 10,
    });
  });

  it('are counted by the minute, with how long they took', async () => {
    const from = START + 9 * MINUTE_MS;
    const jobs = ['push_sales', 'fetch_inventory'];
    const minutes = await database.read((tx) => readMinutes(tx, jobs, from, from + 4 * MINUTE_MS));
    const none = { delivered: 0, failed: 0, medianMs: null, slowMs: null };
    expect(minutes).toEqual([
      { ...none, at: from },
      { at: from + MINUTE_MS, delivered: 2, failed: 1, medianMs: 200, slowMs: 290 },
      { ...none, at: from + 2 * MINUTE_MS },
      { ...none, at: from + 3 * MINUTE_MS, delivered: 1 },
    ]);
  });
});

describeOnServer('the newest of 50,000 rows (not on PGlite)', () => {
  let fresh: FreshDatabase;
  let database: OpenDatabase;
  let planned: PlannedDatabase | undefined;
  beforeAll(async () => {
    fresh = await freshDatabase();
    database = openDatabase(fresh.url, 1);
    await migrateDatabase(database);
    await database.sql.unsafe(`
      insert into event_log (event_type, aggregate_id, location_id, "timestamp", payload, dedupe_key)
      select case when n % 500 = 0 then 'conexxus.operator.resend' when n % 100 = 0 then 'conexxus.circuit.opened'
        when n % 20 = 0 then 'conexxus.sync.failed.push_sales' else 'conexxus.sync.succeeded.push_sales' end,
        'job-' || n, 'store-' || n % 50, now() - n * interval '1 second', '{"durationMs": 100}', 'key-' || n
      from generate_series(1, 50000) as n;
      analyze event_log`);
    planned = (await canTellPlans()) ? await openPlanned(fresh.url) : undefined;
  });
  afterAll(async () => {
    await planned?.close();
    await database.close();
    await fresh.close();
  });

  const looks: readonly [
    string,
    (tx: Parameters<Parameters<OpenDatabase['read']>[0]>[0]) => Promise<unknown>,
    number,
  ][] = [
    ['moves of the circuit', (tx) => readMoves(tx, 60), 300],
    ['outcomes', (tx) => readOutcomes(tx, 12), 100],
    ['acts', (tx) => readActs(tx, 8), 100],
    ['a store', (tx) => readOfStore(tx, 'store-7', 30), 150],
    ['times of a store', (tx) => readStoreTimes(tx, 'store-7'), 3_100],
    ['three minutes', (tx) => readMinutes(tx, ['push_sales'], Date.now() - 180_000, Date.now()), 400],
  ];

  it.each(looks)('%s: by indexes, at a bounded number of pages', async (_what, look, buffersMax) => {
    if (planned === undefined) return;
    await planned.read(look);
    const plans = planned.plans();
    const scans = plans.flatMap((plan) => plan.scans).filter(({ of }) => of.startsWith('event_log'));
    expect(scans.length).toBeGreaterThan(0);
    expect(scans.filter(({ kind }) => kind === 'Seq Scan')).toEqual([]);
    expect(Math.max(...plans.map(({ buffers }) => buffers))).toBeLessThan(buffersMax);
  });
});
