import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { type Counts, readReport } from '../../src/outbox/counts.ts';
import { createReporter } from '../../src/outbox/reporter.ts';
import { take } from '../../src/outbox/take.ts';
import { aSale, ringUp } from '../support/outbox.ts';
import { consumerOf } from './consumer.ts';
import { type RelayBench, relayBench, relayOn } from './relay-bench.ts';
import { aLine } from './tables.ts';

const NONE: Counts = { waiting: 0, enqueued: 0, dead: 0, apart: 0, oldestAt: null };
const STEP = { workingMs: 60_000, held: null, more: false };
const DAY_MS = 86_400_000;

let bench: RelayBench;

beforeAll(async () => {
  bench = await relayBench();
});
afterEach(() => bench.empty());
afterAll(() => bench.close());

const reporterOn = ({ redis, namespace, database }: RelayBench, paceMs = 0) =>
  createReporter({ redis, namespace, name: 'a relay', outbox: database, paceMs });
const read = () => readReport(bench.redis, bench.namespace);
const key = () => `{${bench.namespace}}:outbox:counts`;
const sell = (id: string, locationId = 'store-1') => ringUp(bench.sql, { ...aSale(id), locationId });

/** What a relay tells that begins now. */
async function told(step: Partial<typeof STEP> = {}) {
  await reporterOn(bench).report(await relayOn(bench).memory(), { ...STEP, ...step });
  const report = await read();
  if (report === null) throw new Error('nothing was told');
  return report;
}

describe('what the relay at work tells in Redis', () => {
  it('is by store and in all what waits and since when, travels, died and was set apart', async () => {
    const relay = relayOn(bench, { batch: 1, window: 3 });
    const consumer = consumerOf(bench);
    await sell('delivered', 'quiet');
    await sell('bad one', 'store-2');
    await relay.step();
    while (await consumer.work('answered'));
    await bench.writeEvents();
    await relay.step();
    await sell('a');
    const afterFirst = Date.now();
    for (const id of ['b', 'c']) await sell(id);
    await ringUp(bench.sql, { ...aSale('d'), locationId: 'store-2', date: 'yesterday' });
    await ringUp(bench.sql, { nothing: 'of it' });
    await relay.step();
    await reporterOn(bench).report(await relay.memory(), { ...STEP, held: 'restored' });
    const report = await read();
    expect(report?.relay).toMatchObject({ name: 'a relay', workingMs: 60_000, held: 'restored', untaken: 0 });
    const { oldestAt = null } = report?.stores.get('store-1') ?? {};
    // Two travel: the third is the oldest that waits.
    expect(oldestAt).toBeGreaterThanOrEqual(afterFirst);
    expect(oldestAt).toBeLessThanOrEqual(report?.relay.now ?? 0);
    expect(report?.total).toEqual({ waiting: 1, enqueued: 2, dead: 1, apart: 2, oldestAt });
    expect(Object.fromEntries(report?.stores ?? [])).toEqual({
      quiet: NONE,
      'store-1': { ...NONE, waiting: 1, enqueued: 2, oldestAt },
      'store-2': { ...NONE, dead: 1, apart: 1 },
    });
    await consumer.close();
  });

  it('counts what a relay has not taken yet, and what is more of a store than it remembers', async () => {
    await bench.sql.unsafe(
      `select conexxus_enqueue('push_sales', $1::text::jsonb) from generate_series(1, 700)`,
      [JSON.stringify(aSale('x'))],
    );
    await aLine(bench.sql, { id: 'T-1', location: 'store-9', agoMs: 3_600_000 });
    await bench.sql`
      insert into conexxus.sale (row_id, location_id, transaction_id, group_key, bytes, created_at)
      select n, 'store-8', 't-' || n, 'a day', 10, now() from generate_series(1, 6000) n`;
    const relay = relayOn(bench);
    const more = await take(await relay.memory(), relay.deps);
    await reporterOn(bench).report(await relay.memory(), { ...STEP, more });
    const report = await read();
    expect(report?.relay.untaken).toBe(200);
    expect(report?.stores.get('store-8')?.waiting).toBe(6_000);
    // Of the taken ones all were the same sale.
    expect(report?.total.waiting).toBe(6_002);
    const ageMs = (report?.relay.now ?? 0) - (report?.total.oldestAt ?? 0);
    expect(ageMs).toBeGreaterThanOrEqual(3_600_000);
    expect(ageMs).toBeLessThan(3_660_000);
  });

  it('stays for a day, with its age; where none ever told anything there is nothing', async () => {
    expect(await read()).toBeNull();
    expect((await told()).agoMs).toBeLessThan(5_000);
    await bench.redis.pexpire(key(), DAY_MS - 30_000);
    const agoMs = (await read())?.agoMs ?? 0;
    expect([agoMs >= 30_000, agoMs < 35_000]).toEqual([true, true]);
  });

  it('is written again where it changed or is gone, and else only that the relay is at work', async () => {
    const relay = relayOn(bench, { window: 0 });
    const reporter = reporterOn(bench);
    const report = async (workingMs: number) => reporter.report(await relay.memory(), { ...STEP, workingMs });
    await sell('a');
    await relay.step();
    await report(1);
    await bench.redis.hset(key(), 'store:of a test', JSON.stringify(NONE));
    await report(2);
    const unchanged = await read();
    expect([unchanged?.relay.workingMs, unchanged?.stores.has('of a test')]).toEqual([2, true]);
    await sell('b');
    await relay.step();
    await report(3);
    const changed = await read();
    expect([changed?.total.waiting, changed?.stores.has('of a test')]).toEqual([2, false]);
    await bench.redis.del(key());
    await report(4);
    expect(await read()).toBeNull();
    await report(5);
    expect((await read())?.total.waiting).toBe(2);
  });

  it('is told every few seconds at most', async () => {
    const memory = await relayOn(bench).memory();
    const reporter = reporterOn(bench, 60_000);
    await reporter.report(memory, STEP);
    await bench.redis.del(key());
    await reporter.report(memory, STEP);
    expect(await read()).toBeNull();
  });
});
