import { setTimeout as delay } from 'node:timers/promises';
import type { RunningProcess } from '../../test/support/process.ts';
import { processLoad } from '../../test/support/process-load.ts';
import { commandsRun } from '../../test/support/redis-load.ts';
import { makeSales } from '../../test/support/sales.ts';
import { type Stand, startStand } from '../../test/support/stand.ts';
import type { Benchmark } from './bench.ts';
import { atMost, type Figure, figure, megabytes, percent, perSecond } from './figure.ts';

const WORKERS = 4;
const LOOK_MS = 100;
/** Until what the opening stirred up has settled. */
const SETTLE_MS = 10_000;
const MB = 2 ** 20;

/** What an open circuit costs, whatever the backlog. */
export const benchOutage: Benchmark = async ({ redis, postgres, backlog, seconds, say }) => {
  const stand = await startStand({
    redisUrl: redis.url,
    databaseUrl: postgres.url,
    env: { CIRCUIT_OPEN: '3600000', CIRCUIT_OPEN_MAX: '3600000' },
  });
  try {
    await stand.simulator.setMode(503);
    await stand.enqueue(makeSales(backlog));
    say(`${backlog} jobs enqueued`);
    const workers = await stand.startWorkers(WORKERS);
    await untilAtRest(stand);
    await delay(SETTLE_MS);
    say(`open; watching for ${seconds} s`);
    return await watch(stand, workers, seconds, `open, ${backlog.toLocaleString('en')} waiting`);
  } finally {
    await stand.close();
  }
};

async function untilAtRest({ queue, redis, namespace }: Stand): Promise<void> {
  const isBusy = async () =>
    !(await queue.isPaused()) ||
    (await queue.getActiveCount()) > 0 ||
    (await redis.xlen(`{${namespace}}:events`)) > 0;
  while (await isBusy()) await delay(LOOK_MS);
}

async function watch(
  stand: Stand,
  workers: readonly RunningProcess[],
  seconds: number,
  when: string,
): Promise<Figure[]> {
  const loads = () => Promise.all(workers.map(({ pid }) => processLoad(pid)));
  const before = await loads();
  const commandsBefore = await commandsRun(stand.redis);
  const from = performance.now();
  await delay(seconds * 1_000);
  const commands = (await commandsRun(stand.redis)) - commandsBefore;
  const tookS = (performance.now() - from) / 1_000;
  const after = await loads();

  const grown = (of: (load: (typeof before)[number]) => number) =>
    Math.max(...after.map((load, i) => of(load) - of(before[i] ?? load)));
  const busiest = grown((load) => load.cpuSeconds) / tookS;
  return [
    atMost(figure(`${when}: CPU, busiest worker`, percent(busiest * 100)), 1),
    atMost(figure(`${when}: RSS growth, largest`, megabytes(grown((load) => load.rssBytes) / MB)), 5),
    atMost(figure(`${when}: Redis commands per worker`, perSecond(commands / tookS / workers.length)), 12),
  ];
}
