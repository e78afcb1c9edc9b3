import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { sql } from 'drizzle-orm';
import { readSaleEvents, type SaleName, saleEventsQuery } from '../../src/events/sale-events.ts';
import { openTestDatabase, type TestDatabase } from './harness.ts';

let open: TestDatabase;

/** Of one sale hundreds of rows, among those of many others. */
beforeAll(async () => {
  open = await openTestDatabase();
  await open.database.sql`
    insert into event_log (event_type, aggregate_id, location_id, "timestamp", payload, transaction_ids, dedupe_key)
    select 'conexxus.sync.failed.push_sales', 'ps-' || n, 'store-' || n % 2, now() - n * interval '1 minute',
      jsonb_build_object('attempt', n, 'data', repeat(md5(n::text), 20)), array['T-' || n, case when n % 100 = 0 then 'T-again' else 'N-' || n end],
      'key-' || n
    from generate_series(1, 30000) n`;
  await open.database.sql`analyze event_log`;
});

afterAll(() => open.close());

const read = (name: SaleName) => open.database.read((tx) => readSaleEvents(tx, name));

it('finds a sale by its transaction and by its job, oldest first', async () => {
  const [one] = (await read({ id: 'T-123' })).events;
  expect(one).toMatchObject({
    type: 'conexxus.sync.failed.push_sales',
    jobId: 'ps-123',
    payload: { attempt: 123 },
  });
  expect(one?.at).toBeInstanceOf(Date);
  expect((await read({ id: 'ps-123' })).events).toEqual([one]);
  const { events, older } = await read({ id: 'T-again' });
  expect([events.length, older]).toEqual([200, 100]);
  expect(events.map(({ payload }) => payload['attempt'])).toEqual(
    Array.from({ length: 200 }, (_, index) => (200 - index) * 100),
  );
});

it('finds those of one store alone', async () => {
  expect((await read({ id: 'T-123', locationId: 'store-1' })).events).toHaveLength(1);
  expect(await read({ id: 'T-123', locationId: 'store-0' })).toEqual({ events: [], older: 0 });
});

it.each([
  ['a sale with one row', 'T-123'],
  ['a sale with many', 'T-again'],
  ['a job', 'ps-123'],
  ['nothing', 'T-0'],
])('finds %s by indexes alone', async (_what, id) => {
  const rows = await open.database.read((tx) =>
    tx.execute(sql`explain (costs off) ${saleEventsQuery({ id })}`),
  );
  const plan = rows.map((row) => row['QUERY PLAN']).join('\n');
  expect(plan).toContain('Bitmap Index Scan on event_log_transactions');
  expect(plan).toMatch(/event_log_aggregate/);
  expect(plan).not.toContain('Seq Scan');
});
