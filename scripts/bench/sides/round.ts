import { setTimeout as delay } from 'node:timers/promises';
import type { RunningProcess } from '../../../test/support/process.ts';
import { processLoad } from '../../../test/support/process-load.ts';
import { type Stand, startStand } from '../../../test/support/stand.ts';
import type { BenchSetting } from '../bench.ts';
import { postgresCpuMs, redisCpuMs } from '../load.ts';
import type { SidePrograms } from './build.ts';
import { makePayloads } from './payloads.ts';
import { type Profiling, profiledBy } from './profiling.ts';

export const SIDES = ['bare', 'ours', 'assembled'] as const;

export type Side = (typeof SIDES)[number];

/** What is measured: a process of its own each time. */
export function programOf(side: Side, { pathOf }: SidePrograms): string {
  return side === 'ours' ? 'dist/worker.js' : pathOf(side);
}

export interface RoundPlan {
  readonly side: Side;
  readonly apiUrl: string;
  /** Of each process, besides those that warm it up. */
  readonly jobs: number;
  /** Worker processes, and calls in flight of each. */
  readonly processes: number;
  readonly concurrency: number;
  readonly profiling?: Profiling | undefined;
}

/** What one round came to, all of it after the processes were warm. */
export interface Round {
  readonly jobs: number;
  readonly jobsPerSecond: number;
  /** Processor time a job, in ms: of the workers, their rows in Postgres included; of Redis; of Postgres. */
  readonly workerMs: number;
  readonly redisMs: number;
  /** NaN where Postgres is no server of our own. */
  readonly postgresMs: number;
  /** Of the largest worker, at the end. */
  readonly rssBytes: number;
}

const LOOK_MS = 20;
/**
 * Jobs of each process before anything counts. A worker runs for days; until V8 has compiled a sale's way, which it has
 * after two or three thousand, a job takes up to twice its time, on every side.
 */
const WARM_UP = 3_000;

/** Until all are delivered, and written where the side writes; the workers are up before the queue is let go. */
export async function runRound(setting: BenchSetting, plan: RoundPlan): Promise<Round> {
  const stand = await startStand({ redisUrl: setting.redis.url, databaseUrl: setting.postgres.url });
  try {
    await stand.queue.pause();
    const jobs = plan.processes * (WARM_UP + plan.jobs);
    await stand.enqueue(makePayloads(jobs));
    const env = {
      ...workerEnv(plan.apiUrl, plan.concurrency, jobs),
      ...(plan.profiling && profiledBy(setting.programs, plan.profiling)),
    };
    const workers = await Promise.all(
      Array.from({ length: plan.processes }, () =>
        stand.startWorker(env, programOf(plan.side, setting.programs)),
      ),
    );
    // Who reads a line for each sale would take his processor time from the side that writes it.
    for (const worker of workers) worker.stopListening();
    return await measure(setting, stand, workers, jobs, plan.profiling);
  } finally {
    await stand.close();
  }
}

/** Times and limits as a worker has them by default; a stand's own are those of a test. */
export function workerEnv(apiUrl: string, concurrency: number, kept: number): Record<string, string> {
  return {
    CONEXXUS_API_URL: apiUrl,
    CONEXXUS_TIMEOUT: '30000',
    WORKER_CONCURRENCY: String(concurrency),
    COMPLETED_MAX: String(kept),
  };
}

async function measure(
  { postgres }: BenchSetting,
  stand: Stand,
  workers: readonly RunningProcess[],
  jobs: number,
  profiling: Profiling | undefined,
): Promise<Round> {
  const read = () => reading(stand, workers, () => postgresCpuMs(postgres));
  const turnProfiler = () => {
    if (profiling !== undefined) for (const worker of workers) worker.signal('SIGUSR2');
  };
  await stand.queue.resume();
  await untilCompleted(stand, workers.length * WARM_UP);
  turnProfiler();
  const before = await read();
  await untilCompleted(stand, jobs);
  const at = performance.now();
  await untilWritten(stand);
  const after = await read();
  turnProfiler();
  const measured = jobs - before.completed;
  return {
    jobs: measured,
    jobsPerSecond: (measured / (at - before.at)) * 1_000,
    workerMs: (after.workersMs - before.workersMs) / measured,
    redisMs: (after.redisMs - before.redisMs) / measured,
    postgresMs: (after.postgresMs - before.postgresMs) / measured,
    rssBytes: after.rssBytes,
  };
}

export async function untilCompleted({ queue }: Stand, jobs: number): Promise<void> {
  while ((await queue.getCompletedCount()) < jobs) await delay(LOOK_MS);
}

/** Of a side that writes by the outcome stream. */
export async function untilWritten({ redis, namespace }: Stand): Promise<void> {
  while ((await redis.xlen(`{${namespace}}:events`)) > 0) await delay(LOOK_MS);
}

async function reading(
  { queue, redis }: Stand,
  workers: readonly RunningProcess[],
  readPostgres: () => Promise<number>,
) {
  const [postgresMs, redisMs, completed, ...loads] = await Promise.all([
    readPostgres(),
    redisCpuMs(redis),
    queue.getCompletedCount(),
    ...workers.map(({ pid }) => processLoad(pid)),
  ]);
  return {
    postgresMs,
    redisMs,
    completed,
    workersMs: loads.reduce((sum, { cpuSeconds }) => sum + cpuSeconds * 1_000, 0),
    rssBytes: Math.max(...loads.map(({ rssBytes }) => rssBytes)),
    at: performance.now(),
  };
}
