import { setTimeout as delay } from 'node:timers/promises';
import { type RunningProcess, startProcess } from '../../../test/support/process.ts';
import { processLoad } from '../../../test/support/process-load.ts';
import { makeSales } from '../../../test/support/sales.ts';
import { type Stand, startStand } from '../../../test/support/stand.ts';
import type { Service } from '../../services/service.ts';

/** What is measured, by the program that runs it: a process of its own each time. */
const SIDES = {
  ours: 'dist/worker.js',
  bare: 'scripts/bench/sides/bare.ts',
  assembled: 'scripts/bench/sides/assembled.ts',
} as const;

export type Side = keyof typeof SIDES;

export interface Servers {
  readonly redis: Service;
  readonly postgres: Service;
}

export interface RoundPlan {
  readonly side: Side;
  readonly jobs: number;
  /** Worker processes, and calls in flight of each. */
  readonly processes: number;
  readonly concurrency: number;
}

/** What one round came to, all of it after a fifth of the jobs had warmed the processes up. */
export interface Round {
  readonly jobsPerSecond: number;
  /** Processor time a job, in ms: of the workers, their rows in Postgres included; and of Redis. */
  readonly workerMs: number;
  readonly redisMs: number;
  /** Of the largest worker, at the end. */
  readonly rssBytes: number;
}

const TRANSACTIONS = 5;
const LOOK_MS = 20;
const WARM_SHARE = 0.2;

/** Until all are delivered, and written where the side writes; the workers are up before the queue is let go. */
export async function runRound({ redis, postgres }: Servers, plan: RoundPlan): Promise<Round> {
  const api = startProcess('scripts/bench/sides/api.ts', {});
  const { url } = await api.waitForLog('listening');
  const stand = await startStand({ redisUrl: redis.url, databaseUrl: postgres.url });
  try {
    await stand.queue.pause();
    await stand.enqueue(makePayloads(plan.jobs));
    const env = {
      CONEXXUS_API_URL: String(url),
      CONEXXUS_TIMEOUT: '30000',
      WORKER_CONCURRENCY: String(plan.concurrency),
      COMPLETED_MAX: String(plan.jobs),
    };
    const workers = await Promise.all(
      Array.from({ length: plan.processes }, () => stand.startWorker(env, SIDES[plan.side])),
    );
    return await measure(stand, workers, plan.jobs);
  } finally {
    await stand.close();
    await api.stop();
  }
}

async function measure(stand: Stand, workers: readonly RunningProcess[], jobs: number): Promise<Round> {
  const warm = Math.ceil(jobs * WARM_SHARE);
  await stand.queue.resume();
  await untilCompleted(stand, warm);
  const before = await reading(stand, workers);
  await untilCompleted(stand, jobs);
  const at = performance.now();
  while ((await stand.redis.xlen(`{${stand.namespace}}:events`)) > 0) await delay(LOOK_MS);
  const after = await reading(stand, workers);
  const measured = jobs - before.completed;
  return {
    jobsPerSecond: (measured / (at - before.at)) * 1_000,
    workerMs: ((after.workersS - before.workersS) / measured) * 1_000,
    redisMs: ((after.redisS - before.redisS) / measured) * 1_000,
    rssBytes: after.rssBytes,
  };
}

async function untilCompleted({ queue }: Stand, jobs: number): Promise<void> {
  while ((await queue.getCompletedCount()) < jobs) await delay(LOOK_MS);
}

async function reading({ queue, redis }: Stand, workers: readonly RunningProcess[]) {
  const loads = await Promise.all(workers.map(({ pid }) => processLoad(pid)));
  const cpu = await redis.info('cpu');
  const used = (what: string) => Number(new RegExp(`^used_cpu_${what}:([\\d.]+)`, 'm').exec(cpu)?.[1]);
  return {
    completed: await queue.getCompletedCount(),
    at: performance.now(),
    workersS: loads.reduce((sum, { cpuSeconds }) => sum + cpuSeconds, 0),
    redisS: used('sys') + used('user'),
    rssBytes: Math.max(...loads.map(({ rssBytes }) => rssBytes)),
  };
}

/** As a till gathers them: five sales in each. */
function makePayloads(count: number) {
  return makeSales(count).map((sale) => ({
    ...sale,
    transactions: sale.transactions.flatMap((transaction) =>
      Array.from({ length: TRANSACTIONS }, (_, place) => ({
        ...transaction,
        id: `${transaction.id}-${place}`,
      })),
    ),
  }));
}
