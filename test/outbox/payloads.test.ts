import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { canonicalJson, syncKeyOf } from '../../src/sync/jobs/sync-key.ts';
import { aSale, ringUp } from '../support/outbox.ts';
import { type RelayBench, relayBench, relayOn } from './relay-bench.ts';

let bench: RelayBench;

beforeAll(async () => {
  bench = await relayBench();
});
afterAll(() => bench.close());
beforeEach(() => bench.empty());

const sales = (...ids: string[]) => ({
  ...aSale('x'),
  transactions: ids.flatMap((id) => aSale(id).transactions),
});
const SUMMARY = { totalOrders: 2 };
const NO_ITEMS = { ...aSale('bare').transactions[0], id: 'bare', items: [] };

/** One relay takes, then another begins anew from what is written down. */
async function takenBefore(act: () => Promise<unknown>): Promise<void> {
  await relayOn(bench, { window: 0 }).step();
  await act();
  await relayOn(bench).step();
}
const payloads = async () =>
  (
    await bench.sql`select sync_key, json, cardinality(sale_ids) as members, state from conexxus.payload order by id`
  ).map(({ sync_key, json, members, state }) => ({
    syncKey: sync_key,
    data: JSON.parse(json),
    members,
    state,
  }));
const view = async () =>
  (await bench.sql`select id, state, reason from conexxus_sales order by line`).map(
    ({ id, state }) => `${id} ${state}`,
  );
const discard = (id: string) =>
  bench.sql`update conexxus.sale set fate = 'discarded' where transaction_id = ${id}`;

describe('a payload', () => {
  it('has the bytes of its sales, in order, and the key that any producer would give it', async () => {
    await ringUp(bench.sql, { ...aSale('a'), register: 3 });
    await ringUp(bench.sql, { ...sales('b', 'c'), register: 3 });
    await relayOn(bench).step();
    const data = { ...sales('a', 'b', 'c'), register: 3 };
    const [only, ...others] = await payloads();
    expect(others).toEqual([]);
    expect(only).toMatchObject({ data, syncKey: syncKeyOf(canonicalJson(data)), state: 'open' });
    expect(only?.members).toBe(3);
    const job = await bench.queue.getJob(only?.syncKey ?? '');
    expect(job?.data).toEqual(data);
  });

  it('keeps what stood in a line that a person gave up', async () => {
    await ringUp(bench.sql, { ...sales('a', 'b'), register: 3 });
    await takenBefore(() => discard('a'));
    expect(await payloads()).toMatchObject([{ data: { ...aSale('b'), register: 3 } }]);
    expect(await view()).toEqual(['a discarded', 'b enqueued']);
  });

  it('is not written where all its lines were given up', async () => {
    await ringUp(bench.sql, sales('a', 'b'));
    await takenBefore(async () => {
      await discard('a');
      await discard('b');
    });
    expect(await payloads()).toEqual([]);
  });

  it('has its summary once', async () => {
    await ringUp(bench.sql, { ...sales('a'), summary: SUMMARY });
    await ringUp(bench.sql, { ...sales('b'), summary: SUMMARY });
    await relayOn(bench).step();
    expect(await payloads()).toMatchObject([
      { data: { ...aSale('a'), summary: SUMMARY }, members: 2 },
      { data: aSale('b') },
    ]);
    expect((await payloads())[1]?.data).not.toHaveProperty('summary');
  });

  it('is not of what is nothing without its row: that is set apart, and holds nobody up', async () => {
    const relay = relayOn(bench);
    await ringUp(bench.sql, aSale('a'));
    await relay.step();
    await ringUp(bench.sql, { ...sales('a'), transactions: [...sales('a').transactions, NO_ITEMS] });
    await ringUp(bench.sql, aSale('c', { locationId: 'store-2' }));
    await relay.step();
    await relay.step();
    expect(await view()).toEqual(['a enqueued', 'bare apart', 'c enqueued']);
    const [bare] = await bench.sql`select reason, data from conexxus.sale where transaction_id = 'bare'`;
    expect(bare).toMatchObject({
      reason: 'transactions: must hold at least one transaction with an item, or a summary be given',
    });
    expect(JSON.parse(bare?.['data'])).toEqual({ ...aSale('x'), transactions: [NO_ITEMS] });
  });
});
