import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { PushSales } from '../../src/index.ts';
import { createOutboxActs } from '../../src/outbox/acts.ts';
import { readBooks } from '../../src/outbox/books.ts';
import { readSaleLines } from '../../src/outbox/sale-lines.ts';
import { aSale, ringUp } from '../support/outbox.ts';
import { keyOf } from '../sync/dead-letters/mending.ts';
import { WORD } from '../sync/shelf.ts';
import { consumerOf } from './consumer.ts';
import { type RelayBench, relayBench, relayOn } from './relay-bench.ts';

let bench: RelayBench;
let consumer: ReturnType<typeof consumerOf>;

beforeAll(async () => {
  bench = await relayBench();
  consumer = consumerOf(bench);
});
afterAll(async () => {
  await consumer.close();
  await bench.close();
});
beforeEach(async () => {
  await bench.empty();
  consumer.calls.length = 0;
});

const DAY = { date: '2026-11-24', locationId: 'store-1' };

/** The sale with another total. */
function edited(data: PushSales, total: number): PushSales {
  return { ...data, transactions: data.transactions.map((one) => ({ ...one, total })) };
}

/** A sale of 9.99 that is a dead letter, known as such to a relay. */
async function dead(id = 'T-1', data = aSale(id)) {
  await ringUp(bench.sql, data);
  const relay = relayOn(bench);
  await relay.step();
  await consumer.work('refused');
  await bench.writeEvents();
  await relay.step();
  expect(await lines()).toMatchObject([{ id, state: 'dead' }]);
  return { relay, data };
}

const repair = (before: PushSales, after: PushSales) =>
  bench.repairs.repair({ id: keyOf(before), edited: { data: after, changed: [] }, word: WORD });

async function lines() {
  const rows = await bench.sql<
    { id: string; total: number; state: string; reason: string; corrects: string }[]
  >`
    select id, total::float8, state, reason, corrects from conexxus_sales order by line`;
  return [...rows];
}

describe('a dead sale that a person edited', () => {
  it('is closed as replaced, and the edited one is a correction with a fate of its own', async () => {
    const { relay, data } = await dead();
    const after = edited(data, 8.99);
    await repair(data, after);
    await bench.writeEvents();
    await relay.step();
    expect(await lines()).toMatchObject([
      { id: 'T-1', total: 9.99, state: 'replaced', reason: `edited into ${keyOf(after)}: ${WORD.reason}` },
      { id: 'T-1', total: 8.99, state: 'enqueued', corrects: expect.anything() },
    ]);
    await consumer.work('answered');
    await bench.writeEvents();
    await relay.step();
    expect((await lines()).map(({ state }) => state)).toEqual(['replaced', 'delivered']);
    const { total, problems } = await bench.database.read((tx) => readBooks(tx, DAY, 5));
    expect(problems).toEqual([]);
    expect(total.sales).toMatchObject({
      sold: { count: 1, money: '9.99' },
      replaced: { count: 1, money: '9.99' },
      delivered: { count: 0 },
      dead: { count: 0 },
      discarded: { count: 0 },
    });
    expect(total.corrections).toMatchObject({
      sold: { count: 1, money: '8.99' },
      delivered: { count: 1, money: '8.99' },
    });
    const payloads = await bench.database.read((tx) => readSaleLines(tx, { id: keyOf(data) }));
    expect(payloads).toMatchObject([{ state: 'replaced' }]);
  });

  it('is so too where a relay is started only after all is done, and the queue has forgotten it', async () => {
    const { data } = await dead();
    const after = edited(data, 8.99);
    await repair(data, after);
    await consumer.work('answered');
    await bench.writeEvents();
    await bench.queue.clean(0, 100, 'completed');
    const relay = relayOn(bench);
    await relay.step();
    await relay.step();
    expect(await bench.sql`select held from conexxus.relay`).toMatchObject([{ held: null }]);
    expect((await lines()).map(({ state, total }) => [state, total])).toEqual([
      ['replaced', 9.99],
      ['delivered', 8.99],
    ]);
  });

  it('can be neither released nor discarded before a relay knows of it', async () => {
    const { relay, data } = await dead();
    const after = edited(data, 8.99);
    await repair(data, after);
    const acts = createOutboxActs({ ...bench, redact: (text) => text });
    for (const act of ['release', 'discard'] as const) {
      const { done, refused } = await acts[act]({ sales: ['T-1'] }, WORD);
      expect(done.dead).toBe(0);
      expect(refused).toMatchObject([{ why: 'replaced', first: ['T-1'] }]);
    }
    await bench.writeEvents();
    relay.forget();
    await relay.step();
    expect((await lines()).map(({ state }) => state)).toEqual(['replaced', 'enqueued']);
  });

  it('stays to be looked at where nobody has the edited one any more', async () => {
    const { relay, data } = await dead();
    const after = { ...edited(data, 8.99), note: 'x'.repeat(2_000) };
    await repair(data, after);
    await bench.writeEvents();
    await bench.wipe();
    await relay.step();
    expect(await lines()).toMatchObject([{ state: 'dead' }]);
  });

  it('goes once, where the till writes the same correction meanwhile', async () => {
    const { relay, data } = await dead();
    const after = edited(data, 8.99);
    await ringUp(bench.sql, after);
    await repair(data, after);
    await bench.writeEvents();
    for (let round = 0; round < 3; round += 1) {
      await relay.step();
      await consumer.work('answered');
      await bench.writeEvents();
    }
    await relay.step();
    expect((await lines()).map(({ state }) => state)).toEqual(['replaced', 'delivered']);
    expect(consumer.calls.filter(({ applied }) => applied).map(({ key }) => key)).toEqual([keyOf(after)]);
  });

  it('that dies again is dead, and may be edited again', async () => {
    const { relay, data } = await dead();
    const after = edited(data, 8.99);
    await repair(data, after);
    await bench.writeEvents();
    await relay.step();
    await consumer.work('refused');
    await bench.writeEvents();
    await relay.step();
    const last = edited(data, 7.99);
    await repair(after, last);
    await consumer.work('answered');
    await bench.writeEvents();
    await relay.step();
    await relay.step();
    expect((await lines()).map(({ state, total }) => [state, total])).toEqual([
      ['replaced', 9.99],
      ['replaced', 8.99],
      ['delivered', 7.99],
    ]);
  });
});
