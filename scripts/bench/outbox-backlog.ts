import { setTimeout as delay } from 'node:timers/promises';
import { migrateOutbox } from '../../src/outbox/migrate.ts';
import { startProcess } from '../../test/support/process.ts';
import { makeSales } from '../../test/support/sales.ts';
import { type Stand, startStand } from '../../test/support/stand.ts';
import type { Benchmark, BenchSetting } from './bench.ts';
import {
  atLeast,
  atMost,
  count,
  figure,
  ms,
  percent,
  percentile,
  perSecond,
  type Quantities,
  times,
} from './figure.ts';

const PUSH = '/api/v1/sales/push';
const LATENCY_MS = 100;
const SLOTS = 50;
const LOOK_MS = 50;
const SLOW_SALES = 300;
const SLOW_CALL_MS = 3_000;
const FAST_SALES = 10;

interface Drained {
  readonly calls: number;
  /** Sales a second. */
  readonly rate: number;
}

/**
 * A backlog of single sales of 20 stores, one call a sale against what a relay gathers; then a store whose calls
 * take seconds beside one that sells now and then.
 */
export const benchOutboxBacklog: Benchmark = async (setting) => {
  const single = await drain(setting, 'single');
  const gathered = await drain(setting, 'gathered');
  const { backlogSales } = setting;
  const waits = await besideASlowStore(setting);
  return [
    figure(`${backlogSales} sales, one call a sale`, quantitiesOf(single)),
    figure(`${backlogSales} sales, gathered`, quantitiesOf(gathered)),
    atMost(figure('calls, gathered to single', percent((gathered.calls / single.calls) * 100)), 2),
    atLeast(figure('sales a second, gathered to single', times(gathered.rate / single.rate)), 10),
    atMost(
      figure(`a fast store's new sale beside ${SLOW_SALES} slow ones`, {
        p50: ms(percentile(waits, 0.5)),
        longest: ms(Math.max(...waits)),
      }),
      2_000,
      'longest',
    ),
  ];
};

/** `single`: each enqueued by itself, as a POS without an outbox does. */
async function drain(setting: BenchSetting, how: 'single' | 'gathered'): Promise<Drained> {
  const { backlogSales } = setting;
  return onStand(setting, { WORKER_CONCURRENCY: String(SLOTS) }, async (stand, startRelay) => {
    const sales = makeSales(backlogSales);
    await stand.queue.pause();
    await stand.startWorker();
    if (how === 'gathered') await startRelay();
    await (how === 'single' ? stand.enqueue(sales) : ringUp(stand, sales));
    // Of the one all are in the queue by now, of the other none is: they were committed just now.
    const from = performance.now();
    await stand.queue.resume();
    await untilDelivered(stand, backlogSales);
    const rate = (backlogSales / (performance.now() - from)) * 1_000;
    return { calls: (await stand.simulator.ledger({ path: PUSH })).length, rate };
  });
}

async function besideASlowStore(setting: BenchSetting): Promise<number[]> {
  const env = { WORKER_CONCURRENCY: '20', OUTBOX_BATCH: '1' };
  return onStand(setting, env, async (stand, startRelay) => {
    await stand.simulator.setFaults([
      {
        match: { locationId: 'slow' },
        fault: { kind: 'slow', latency: { kind: 'fixed', ms: SLOW_CALL_MS } },
      },
    ]);
    await ringUp(
      stand,
      makeSales(SLOW_SALES, 'slow').map((sale) => ({ ...sale, locationId: 'slow' })),
    );
    await stand.startWorker();
    await startRelay();
    await stand.simulator.waitFor({ inFlight: 1 });
    const waits: number[] = [];
    for (const sale of makeSales(FAST_SALES, 'fast')) {
      const from = performance.now();
      await ringUp(stand, [{ ...sale, locationId: 'fast' }]);
      await untilDelivered(stand, waits.length + 1, 'fast');
      waits.push(performance.now() - from);
    }
    return waits;
  });
}

async function onStand<Result>(
  { redis, postgres }: BenchSetting,
  env: Readonly<Record<string, string>>,
  work: (stand: Stand, startRelay: () => Promise<void>) => Promise<Result>,
): Promise<Result> {
  const latency = { kind: 'fixed', ms: LATENCY_MS } as const;
  const stand = await startStand({
    redisUrl: redis.url,
    databaseUrl: postgres.url,
    simulator: { latency },
    env,
  });
  await migrateOutbox(stand.database);
  await stand.database.sql`truncate conexxus.outbox, conexxus.sale, conexxus.payload`;
  let stop: () => Promise<unknown> = () => Promise.resolve();
  try {
    return await work(stand, async () => {
      const relay = startProcess('dist/relay.js', stand.env);
      stop = () => relay.stop();
      await relay.waitForLog('relay started');
    });
  } finally {
    await stop();
    await stand.close();
  }
}

async function ringUp({ database }: Stand, sales: readonly object[]): Promise<void> {
  await database.sql.begin(async (tx) => {
    for (const sale of sales) {
      await tx.unsafe(`select conexxus_enqueue('push_sales', $1::text::jsonb)`, [JSON.stringify(sale)]);
    }
  });
}

/** The API's word: so many sales of the store, or of all, have been applied. */
async function untilDelivered({ simulator }: Stand, count: number, locationId?: string): Promise<void> {
  for (;;) {
    const pushes = await simulator.ledger({ path: PUSH });
    const applied = pushes.filter(
      (push) => push.applied && (locationId ?? push.locationId) === push.locationId,
    );
    if (applied.reduce((sum, { transactionIds }) => sum + transactionIds.length, 0) >= count) return;
    await delay(LOOK_MS);
  }
}

function quantitiesOf({ calls, rate }: Drained): Quantities {
  return { calls: count(calls), sales: perSecond(rate) };
}
