import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { take } from '../../src/outbox/take.ts';
import type { Turn } from '../../src/outbox/turn.ts';
import { aSale, ringUp } from '../support/outbox.ts';
import { type RelayBench, relayBench, relayOn } from './relay-bench.ts';

let bench: RelayBench;
let relay: ReturnType<typeof relayOn>;

beforeAll(async () => {
  bench = await relayBench();
});
afterAll(() => bench.close());
beforeEach(async () => {
  await bench.empty();
  relay = relayOn(bench);
});

async function taken(): Promise<void> {
  while (await take(await relay.memory(), relay.deps));
}
const lines = () =>
  bench.sql`select transaction_id as id, total::text, fate, reason, corrects::int, id::int as line, frame, data from conexxus.sale order by line`;
const left = async () => (await bench.sql`select id from conexxus.outbox`).length;
async function waitingHere() {
  const store = (await relay.memory()).waiting.stores().get('store-1');
  return store?.sales ?? 0;
}
const withTotal = (id: string, total: number) => {
  const [one] = aSale(id).transactions;
  return { ...aSale(id), transactions: [{ ...one, total }] };
};
const SUMMARY = { totalOrders: 1 };

describe('taking', () => {
  it('makes lines of rows, in the order in which they were written', async () => {
    for (const id of ['a', 'b', 'c']) await ringUp(bench.sql, aSale(id));
    await taken();
    expect(await lines()).toMatchObject([{ id: 'a' }, { id: 'b' }, { id: 'c' }]);
    expect([await left(), await waitingHere()]).toEqual([0, 3]);
  });

  it('stands still at no date, however old or far', async () => {
    for (const date of ['0000-01-01', '0001-01-01', '9999-12-31'])
      await ringUp(bench.sql, aSale(date, { date }));
    await taken();
    expect(await lines()).toMatchObject([
      { id: '0001-01-01', fate: null },
      { id: '9999-12-31', fate: null },
      { id: '0000-01-01', fate: 'apart', reason: 'date: must be a calendar date as YYYY-MM-DD' },
    ]);
  });

  it('never writes a sale again that is known, in the same look or a later one', async () => {
    await ringUp(bench.sql, aSale('a'));
    await ringUp(bench.sql, { ...aSale('a'), register: 3 });
    await taken();
    await ringUp(bench.sql, {
      ...aSale('a'),
      transactions: ['a', 'b'].flatMap((id) => aSale(id).transactions),
    });
    await taken();
    expect(await lines()).toMatchObject([{ id: 'a' }, { id: 'b' }]);
    expect([await left(), await waitingHere()]).toEqual([0, 2]);
    const [, second] = await lines();
    expect(JSON.parse(String(second?.['frame']))).toEqual({ date: '2026-11-24', locationId: 'store-1' });
  });

  it('marks the same id with other content as a correction of the last one', async () => {
    for (const total of [1, 2, 3]) await ringUp(bench.sql, withTotal('a', total));
    await ringUp(bench.sql, aSale('a', { date: '2026-11-25' }));
    await ringUp(bench.sql, aSale('a', { locationId: 'store-2' }));
    await taken();
    const [first, second, third, ...others] = await lines();
    expect([first?.['corrects'], second?.['corrects'], third?.['corrects']]).toEqual([
      null,
      first?.['line'],
      second?.['line'],
    ]);
    expect(others).toMatchObject([{ corrects: null }, { corrects: null }]);
  });

  it('takes a summary once, also where all its sales are known', async () => {
    await ringUp(bench.sql, aSale('a'));
    await ringUp(bench.sql, aSale('a', { summary: SUMMARY }));
    await ringUp(bench.sql, aSale('b', { summary: SUMMARY }));
    await ringUp(bench.sql, aSale('c', { transactions: [], summary: SUMMARY }));
    await taken();
    expect(await lines()).toMatchObject([{ id: 'a' }, { id: null, total: null }, { id: 'b' }]);
  });

  it.each([
    {
      name: 'read, and larger than a payload',
      length: 11_000_000,
      reason: 'is too large: more than 10 MB as JSON',
    },
    { name: 'not even read', length: 21_000_000, reason: 'it is larger than 10 MB as JSON' },
  ])(
    'sets apart what can not be sent, with its text and however large it is: $name',
    async ({ length, reason }) => {
      const note = 'x'.repeat(length);
      await ringUp(bench.sql, { ...aSale('large', { transactions: [] }), note });
      await ringUp(bench.sql, { ...aSale('dateless'), date: 'x' });
      await ringUp(bench.sql, aSale('good'));
      await taken();
      const [first, third, second] = await lines();
      expect(first).toMatchObject({ fate: 'apart', reason });
      expect(JSON.parse(String(first?.['data']))).toMatchObject({ note });
      expect(second).toMatchObject({ id: 'dateless', fate: 'apart' });
      expect(third).toMatchObject({ id: 'good', fate: null });
      expect([await left(), await waitingHere()]).toEqual([0, 1]);
    },
  );

  it('leaves a row that asks for a catalog until it is enqueued', async () => {
    await ringUp(bench.sql, { locationId: 'store-1' }, 'fetch_inventory');
    const adder = { ...relay.deps.adder, add: () => Promise.reject(new Error('Redis is away')) };
    await expect(take(await relay.memory(), { ...relay.deps, adder })).rejects.toThrow('Redis is away');
    expect(await left()).toBe(1);
    relay.forget();
    await taken();
    expect(await left()).toBe(0);
    expect(await bench.queue.getJobCounts('waiting')).toEqual({ waiting: 1 });
  });

  it('of many rows goes on where the last look ended', async () => {
    const ids = Array.from({ length: 1_100 }, (_, n) => `t-${n}`);
    await bench.sql.begin(async (tx) => {
      for (const id of ids) await ringUp(tx, aSale(id));
    });
    await taken();
    expect((await lines()).map((line) => line['id'])).toEqual(ids);
  });

  it('takes what was read ahead when its turn comes, also where one came to nothing', async () => {
    const ids = Array.from({ length: 1_100 }, (_, n) => `t-${n}`);
    await bench.sql.begin(async (tx) => {
      for (const id of ids) await ringUp(tx, aSale(id));
    });
    const memory = await relay.memory();
    const undone: Turn = (work) =>
      relay.turn(async (tx) => {
        await work(tx);
        throw new Error('Postgres went away');
      });
    for (const turn of [undone, relay.turn, undone, relay.turn, relay.turn]) {
      await take(memory, { ...relay.deps, turn }).catch(() => undefined);
    }
    expect((await lines()).map((line) => line['id'])).toEqual(ids);
    expect([await left(), await waitingHere()]).toEqual([0, 1_100]);
  });
});
