import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createFetchPlaces } from '../../src/sync/fetch-places.ts';
import { eventually } from '../support/eventually.ts';
import { makeSales } from '../support/sales.ts';
import { type FaultStand, startFaultStand } from './fault-stand.ts';

let stand: FaultStand;

beforeAll(async () => {
  stand = await startFaultStand({ env: { WORKER_CONCURRENCY: '1' } });
  await stand.startWorker();
}, 60_000);

afterAll(() => stand.close());

async function fetchCatalog(locationId: string, items: readonly string[]) {
  await stand.simulator.setCatalog(`[${items.join(',')}]`);
  const { jobId } = await stand.producer.fetchInventory({ locationId });
  stand.accept(jobId);
  await stand.untilAtRest();
  return payloadOf(jobId);
}

async function payloadOf(jobId: string): Promise<unknown> {
  const [row] = await stand.database.sql`select payload from event_log where aggregate_id = ${jobId}`;
  return row?.['payload'];
}

const item = (sku: string) => `{"sku":"${sku}","name":"${sku}","price":1.10}`;

describe('catalog prices', () => {
  it('[71] of four decimals, and with what floating point left behind: stored; too large: refused by name', async () => {
    // As text: a price is what is written there.
    const prices = ['3.459', '19.990000000000002', '1.5', '1e1', '12345678901.2'];
    const items = prices.map((price, index) => `{"sku":"S-${index}","name":"Fuel","price":${price}}`);
    const payload = await fetchCatalog('row-71', items);

    const stored = await stand.database.sql`
      select sku, trim_scale(price)::text as price from inventory_items where location_id = 'row-71' order by sku`;
    expect([...stored]).toEqual([
      { sku: 'S-0', price: '3.459' },
      { sku: 'S-1', price: '19.99' },
      { sku: 'S-2', price: '1.5' },
      { sku: 'S-3', price: '10' },
    ]);
    expect(payload).toMatchObject({
      status: 'partial',
      succeeded: 4,
      failed: 1,
      errors: [{ index: 4, sku: 'S-4', problems: [expect.stringContaining('12345678901.2')] }],
    });
    await stand.expectSums();
  }, 40_000);
});

describe('a catalog that lacks items', () => {
  it('has them marked, and none where more than half is missing: its row and the log say so', async () => {
    const whole = ['A', 'B', 'C', 'D'].map(item);
    await fetchCatalog('lacking', whole);
    expect(await fetchCatalog('lacking', whole.slice(1))).toMatchObject({
      there: 4,
      missing: 1,
      marked: true,
    });
    expect(await fetchCatalog('lacking', [item('D')])).toMatchObject({
      status: 'success',
      there: 3,
      missing: 2,
      marked: false,
    });
    const line = await stand.workers[0]?.waitForLog((entry) => /more than half/.test(entry.msg ?? ''));
    expect(line).toMatchObject({ level: 50, location: 'lacking', there: 3, missing: 2 });
    const rows = await stand.database.sql`
      select sku from inventory_items where location_id = 'lacking' and missing_since is not null`;
    expect(rows.map(({ sku }) => String(sku))).toEqual(['A']);
    await stand.expectSums();
  }, 40_000);
});

describe('a third catalog, while two are fetched elsewhere', () => {
  it('waits half a minute, and sales go on in the slot meanwhile', async () => {
    const { redis, namespace, queue } = stand;
    const places = createFetchPlaces({ redis, namespace });
    const taken = await Promise.all([places.take(), places.take()]);
    const { jobId } = await stand.producer.fetchInventory({ locationId: 'third' });
    stand.accept(jobId);
    await eventually(async () => expect(await queue.getJobState(jobId)).toBe('delayed'));
    const job = await queue.getJob(jobId);
    expect(job?.delay).toBeGreaterThan(25_000);
    expect(job?.attemptsMade).toBe(0);
    const sales = await stand.enqueue(makeSales(3, 'beside-the-third'));
    await eventually(async () =>
      expect(await stand.states(sales)).toEqual(['completed', 'completed', 'completed']),
    );

    for (const place of taken) await place?.release();
    await job?.promote();
    await stand.untilAtRest();
    expect(await payloadOf(jobId)).toMatchObject({ outcome: 'delivered', attempt: 1 });
    expect(await redis.exists(`{${namespace}}:inventory:fetches`)).toBe(0);
    await stand.expectSums();
  }, 40_000);
});
