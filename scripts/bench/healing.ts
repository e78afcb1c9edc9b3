import { setTimeout as delay } from 'node:timers/promises';
import { makeSales } from '../../test/support/sales.ts';
import { type Stand, startStand } from '../../test/support/stand.ts';
import type { Benchmark } from './bench.ts';
import { atMost, figure, spread } from './figure.ts';

const WORKERS = 4;
const OPEN_MS = 1_000;
const LOOK_MS = 10;

/** From the end of the open time, the API long healthy, to the first sale that it took. */
export const benchHealing: Benchmark = async ({ redis, postgres, healings, say }) => {
  const stand = await startStand({
    redisUrl: redis.url,
    databaseUrl: postgres.url,
    simulator: { latency: { kind: 'fixed', ms: 5 } },
    env: { CIRCUIT_OPEN: String(OPEN_MS), CIRCUIT_OPEN_MAX: String(OPEN_MS) },
  });
  try {
    await stand.startWorkers(WORKERS);
    const took: number[] = [];
    while (took.length < healings) took.push(await heal(stand, took.length));
    say(`${took.length} healings`);
    const what = 'API healthy and open time over to first sale delivered';
    return [atMost(figure(what, spread(took)), 1_000, 'p99')];
  } finally {
    await stand.close();
  }
};

/** One outage, from the first failure until it is closed again. */
async function heal(stand: Stand, round: number): Promise<number> {
  const { requests: since } = await stand.simulator.summary();
  await stand.simulator.setMode(503);
  await stand.enqueue(makeSales(100, `round-${round}`));
  await until(() => stand.queue.isPaused());
  await stand.simulator.setMode('ok');
  const healthyAt = Date.now();
  const retryAt = Number(await circuitField(stand, 'retryAt'));
  const delivered = async () => {
    const calls = await stand.simulator.ledger({ path: '/api/v1/sales/push', since });
    // Not those from before the opening that were still on their way.
    return calls.find(({ status, receivedAt }) => status === 200 && receivedAt >= retryAt);
  };
  await until(async () => (await delivered()) !== undefined);
  const first = await delivered();
  await until(async () => (await circuitField(stand, 'state')) === 'closed');
  return (first?.endedAt ?? Number.NaN) - Math.max(retryAt, healthyAt);
}

async function circuitField(stand: Stand, field: string): Promise<string | null> {
  return stand.redis.hget(`{${stand.namespace}}:circuit`, field);
}

async function until(holds: () => Promise<boolean>): Promise<void> {
  while (!(await holds())) await delay(LOOK_MS);
}
