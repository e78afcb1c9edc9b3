import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type FaultStand, startFaultStand } from './fault-stand.ts';

let stand: FaultStand;

beforeAll(async () => {
  stand = await startFaultStand();
  await stand.startWorker();
}, 60_000);

afterAll(() => stand.close());

describe('catalog prices', () => {
  it('[71] of four decimals, and with what floating point left behind: stored; too large: refused by name', async () => {
    // As text: a price is what is written there.
    const prices = ['3.459', '19.990000000000002', '1.5', '1e1', '12345678901.2'];
    const items = prices.map((price, index) => `{"sku":"S-${index}","name":"Fuel","price":${price}}`);
    await stand.simulator.setCatalog(`[${items.join(',')}]`);
    const { jobId } = await stand.producer.fetchInventory({ locationId: 'row-71' });
    stand.accept(jobId);
    await stand.untilAtRest();

    const stored = await stand.database.sql`
      select sku, trim_scale(price)::text as price from inventory_items where location_id = 'row-71' order by sku`;
    expect([...stored]).toEqual([
      { sku: 'S-0', price: '3.459' },
      { sku: 'S-1', price: '19.99' },
      { sku: 'S-2', price: '1.5' },
      { sku: 'S-3', price: '10' },
    ]);
    const [row] = await stand.database.sql`select payload from event_log where aggregate_id = ${jobId}`;
    expect(row?.['payload']).toMatchObject({
      status: 'partial',
      succeeded: 4,
      failed: 1,
      errors: [{ index: 4, sku: 'S-4', problems: [expect.stringContaining('12345678901.2')] }],
    });
    await stand.expectSums();
  }, 40_000);
});
