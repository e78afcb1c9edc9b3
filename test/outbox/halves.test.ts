import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { abandonSplit, finishSplit, planHalves } from '../../src/outbox/halves.ts';
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
const payloads = async () =>
  (
    await bench.sql`select id::int, json, state, reason, cardinality(sale_ids) as members from conexxus.payload order by id`
  ).map(({ id, json, state, reason, members }) => ({ id, data: JSON.parse(json), state, reason, members }));
const fateOf = async () =>
  Object.fromEntries(
    (
      await bench.sql`select coalesce(transaction_id, 'summary') as id, payload_id::int from conexxus.sale`
    ).map(({ id, payload_id }) => [id, payload_id]),
  );

/** A payload on its way. */
async function sent(data: unknown) {
  await ringUp(bench.sql, data);
  const relay = relayOn(bench, { batch: 10 });
  await relay.step();
  const [whole] = await payloads();
  return { turn: relay.turn, id: whole?.id ?? 0 };
}

describe('the halves of a payload', () => {
  it.each([2, 3, 5])('are together the whole of %p sales, and its members', async (count) => {
    const ids = Array.from({ length: count }, (_, n) => `t-${n}`);
    const { turn, id } = await sent({ ...sales(...ids), register: 3 });
    await turn((tx) => planHalves(tx, id));
    expect((await payloads()).map(({ state }) => state)).toEqual(['splitting', 'planned', 'planned']);
    expect(new Set(Object.values(await fateOf()))).toEqual(new Set([id]));
    await turn((tx) => finishSplit(tx, id));
    const [whole, first, second] = await payloads();
    expect([whole?.state, first?.state, second?.state]).toEqual(['split', 'open', 'open']);
    expect([...(first?.data.transactions ?? []), ...(second?.data.transactions ?? [])]).toEqual(
      whole?.data.transactions,
    );
    expect(first?.data).toMatchObject({ date: '2026-11-24', locationId: 'store-1', register: 3 });
    expect(Object.values(await fateOf())).toEqual(
      ids.map((_, n) => (n < Math.ceil(count / 2) ? first?.id : second?.id)),
    );
  });

  it('hold the summary once', async () => {
    const { turn, id } = await sent({ ...sales('a', 'b', 'c'), summary: SUMMARY });
    await turn((tx) => planHalves(tx, id));
    await turn((tx) => finishSplit(tx, id));
    const [, first, second] = await payloads();
    expect(first?.data).toEqual({ ...sales('a'), summary: SUMMARY });
    expect(second?.data).toEqual(sales('b', 'c'));
  });

  it('are gone where it is not split after all, and planned anew the next time', async () => {
    const { turn, id } = await sent(sales('a', 'b'));
    for (let time = 0; time < 2; time += 1) {
      await turn((tx) => planHalves(tx, id));
      // Cut off there, it is planned once more.
      await turn((tx) => planHalves(tx, id));
      expect(await payloads()).toHaveLength(3);
      await turn((tx) => abandonSplit(tx, id));
      expect(await payloads()).toMatchObject([{ id, state: 'open' }]);
      expect(new Set(Object.values(await fateOf()))).toEqual(new Set([id]));
    }
  });

  it('that can not be sent without the other are set apart', async () => {
    const bare = { ...aSale('bare').transactions[0], items: [] };
    const { turn, id } = await sent({ ...aSale('a'), transactions: [...sales('a').transactions, bare] });
    await turn((tx) => planHalves(tx, id));
    const halves = await turn((tx) => finishSplit(tx, id));
    expect(halves.map(({ json }) => JSON.parse(json).transactions[0].id)).toEqual(['a']);
    const [, first, second] = await payloads();
    expect([first?.state, second?.state]).toEqual(['open', 'apart']);
    expect(second?.reason).toMatch(/at least one transaction with an item/);
    expect(await bench.sql`select id, state from conexxus_sales order by line`).toMatchObject([
      { id: 'a', state: 'enqueued' },
      { id: 'bare', state: 'apart' },
    ]);
  });
});
