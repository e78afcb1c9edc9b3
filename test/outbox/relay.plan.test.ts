import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { openPostgres } from '../../src/base/postgres.ts';
import { readBooks } from '../../src/outbox/books.ts';
import { forgetSettled } from '../../src/outbox/retention.ts';
import { readStatus } from '../../src/outbox/status.ts';
import { take } from '../../src/outbox/take.ts';
import { aSale } from '../support/outbox.ts';
import { consumerOf } from './consumer.ts';
import { writeSettled } from './many-sales.ts';
import { canTellPlans, openPlanned, type Plan, type PlannedDatabase } from './plans.ts';
import { type RelayBench, relayBench, relayOn } from './relay-bench.ts';

const describeWithPlans = (await canTellPlans()) ? describe : describe.skip;

const DAY_MS = 86_400_000;
const SETTLED = 20_000;
/** Of one look: more than a few, and few beside those that are settled. */
const NEW = 20;
const MANY = 400;
const DATE = aSale('of today').date;

describeWithPlans('the plans of a relay (not on PGlite, nor without auto_explain)', () => {
  let bench: RelayBench;
  let planned: PlannedDatabase;
  let relay: ReturnType<typeof relayOn>;
  let consumer: ReturnType<typeof consumerOf>;
  let rung = 0;

  beforeAll(async () => {
    bench = await relayBench();
    for (const table of ['outbox', 'sale', 'payload', 'relay', 'taken']) {
      await bench.sql.unsafe(`alter table conexxus.${table} set (autovacuum_enabled = false)`);
    }
    planned = await openPlanned(bench.fresh.url);
    consumer = consumerOf(bench);
    relay = relayOn({ ...bench, database: { ...bench.database, ...planned } }, { batch: 100, window: 100 });
    await relay.lease.hold();
  });

  afterAll(async () => {
    await consumer.close();
    await planned.close();
    await bench.close();
  });

  /** Of three stores in turn, twenty in a transaction. */
  async function ringUp(count: number): Promise<void> {
    const sales = Array.from({ length: count }, () => {
      rung += 1;
      return { ...aSale(`N-${rung}`), locationId: `store-${(rung % 3) + 1}` };
    });
    for (let n = 0; n < count; n += 20) {
      const some = JSON.stringify(sales.slice(n, n + 20));
      await bench.sql`
        select conexxus_enqueue('push_sales', sale) from jsonb_array_elements(${some}::text::jsonb) as sale`;
    }
  }

  /** What a relay asks until these are delivered. */
  async function deliver(count: number): Promise<Plan[]> {
    const { journey, waiting } = await relay.memory();
    await ringUp(count);
    planned.plans();
    do {
      await relay.step();
      while (await consumer.work('answered'));
      await bench.writeEvents();
    } while ([...journey.all()].length + waiting.stores().size > 0);
    return planned.plans();
  }

  async function plansOf(work: () => Promise<unknown>): Promise<Plan[]> {
    planned.plans();
    await work();
    return planned.plans();
  }

  const idle = () => plansOf(() => relay.step());
  const begin = () => plansOf(() => relay.memory());
  const ofPeople = () =>
    plansOf(async () => {
      await planned.read((tx) => readBooks(tx, { date: DATE, locationId: 'store-1' }, 5));
      await planned.read(readStatus);
    });

  it('read no table as a whole, though the planner takes it for an empty one', async () => {
    await writeSettled(bench.sql, SETTLED, { analyzed: false });
    expectIndexes(await begin());
    expectIndexes(await deliver(NEW));
    expectIndexes(await plansOf(() => planned.write((tx) => forgetSettled(tx, 170 * DAY_MS))));
    // Of many keys it would think that to read the table is less.
    await ringUp(MANY);
    const looking = await plansOf(async () => take(await relay.memory(), relay.deps));
    expectIndexes(looking, 20 * MANY);
    await deliver(0);
  });

  it('go by indexes alone among many settled sales', async () => {
    await bench.sql`vacuum analyze conexxus.sale, conexxus.payload, conexxus.outbox`;
    relay.forget();
    expectIndexes(await begin());
    const plans = await deliver(NEW);
    expectIndexes(plans);
    expect(plans.length).toBeGreaterThan(15);
    expect(plans.flatMap(({ scans }) => scans.map(({ of }) => of))).toEqual(
      expect.arrayContaining([
        'outbox',
        'sale_sale_key_unique',
        'sale_pkey',
        'payload_pkey',
        'event_log_aggregate',
      ]),
    );
    expectIndexes(await ofPeople());
    expectIndexes(await plansOf(() => planned.write((tx) => forgetSettled(tx, 160 * DAY_MS))));
  });

  it("look at no more pages when a till's transaction is open for long, and many sales come meanwhile", async () => {
    await aTill(bench.fresh.url, async () => {
      const before = { idle: await idle(), delivering: await deliver(NEW) };
      await deliver(2_000);
      // Now it is written down how far the relay came.
      const after = { delivering: await deliver(NEW), idle: await idle() };
      // A few more or less, as the server tidied up; to walk over what is dead by now would be ninety.
      expect(buffersIn(after.idle)).toBeLessThan(buffersIn(before.idle) + 15);
      expect(buffersIn(after.delivering)).toBeLessThan(1.2 * buffersIn(before.delivering));
      expectIndexes(after.delivering);
      const untaken = (await ofPeople()).find(({ statement }) => statement.includes('conexxus.untaken'));
      expect(untaken?.buffers).toBeLessThan(20);
    });
  });
});

/** In the middle of its transaction, with a snapshot of that moment. */
async function aTill(url: string, meanwhile: () => Promise<void>): Promise<void> {
  const till = openPostgres(url, { max: 1 });
  try {
    await till.unsafe('begin isolation level repeatable read');
    await till.unsafe(`select conexxus_enqueue('push_sales', '{}')`);
    await meanwhile();
  } finally {
    await till.end({ timeout: 0 });
  }
}

const buffersIn = (plans: readonly Plan[]) => plans.reduce((sum, { buffers }) => sum + buffers, 0);

function expectIndexes(plans: readonly Plan[], buffersMax = 600): void {
  const whole = plans.filter(({ scans }) =>
    scans.some(({ kind, of }) => kind.includes('Seq Scan') && (of === 'sale' || of === 'payload')),
  );
  expect(whole).toEqual([]);
  expect(plans.filter(({ buffers }) => buffers > buffersMax)).toEqual([]);
}
