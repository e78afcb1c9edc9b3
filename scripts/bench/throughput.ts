import { setTimeout as delay } from 'node:timers/promises';
import { makeSales } from '../../test/support/sales.ts';
import { startStand } from '../../test/support/stand.ts';
import type { Benchmark, BenchSetting } from './bench.ts';
import { figure, percentile, perSecond, times } from './figure.ts';

const WORKERS = 2;
const ROUNDS = 3;
const LOOK_MS = 20;

/** What safety costs: our workers against bare ones, by turns. */
export const benchThroughput: Benchmark = async (setting) => {
  const bare: number[] = [];
  const ours: number[] = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    bare.push(await jobsPerSecond(setting, 'scripts/bench/bare-worker.ts'));
    ours.push(await jobsPerSecond(setting, 'dist/worker.js'));
    setting.say(
      `round ${round + 1}: bare ${perSecond(bare.at(-1) ?? 0)}, ours ${perSecond(ours.at(-1) ?? 0)}`,
    );
  }
  const median = (rates: readonly number[]) => percentile(rates, 0.5);
  return [
    figure(`bare BullMQ worker + got, ${WORKERS} processes`, perSecond(median(bare))),
    figure(`our worker, ${WORKERS} processes`, perSecond(median(ours))),
    figure('our worker to the bare one', times(median(ours) / median(bare))),
  ];
};

/** Until all are delivered; the workers are up before the queue is let go. */
async function jobsPerSecond({ redis, postgres, jobs }: BenchSetting, entry: string): Promise<number> {
  const stand = await startStand({ redisUrl: redis.url, databaseUrl: postgres.url });
  try {
    await stand.queue.pause();
    await stand.enqueue(makeSales(jobs));
    await Promise.all(
      Array.from({ length: WORKERS }, () => stand.startWorker({ COMPLETED_MAX: String(jobs) }, entry)),
    );
    const from = performance.now();
    await stand.queue.resume();
    while ((await stand.queue.getCompletedCount()) < jobs) await delay(LOOK_MS);
    return (jobs / (performance.now() - from)) * 1_000;
  } finally {
    await stand.close();
  }
}
