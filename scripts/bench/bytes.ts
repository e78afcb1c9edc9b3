import { setTimeout as delay } from 'node:timers/promises';
import type { Redis } from 'ioredis';
import { type Stand, startStand } from '../../test/support/stand.ts';
import type { Benchmark, BenchSetting } from './bench.ts';
import { bytes, type Figure, figure } from './figure.ts';
import { redisBytes } from './load.ts';
import { appendDeliveries } from './rows.ts';
import { makePayloads } from './sides/payloads.ts';
import { programOf, untilCompleted, untilWritten, workerEnv } from './sides/round.ts';
import { type BenchApi, startApi } from './sides/start-api.ts';

const WARM_UP = 200;
const CONCURRENCY = 50;
const ADDED_AT_ONCE = 500;
const LOOK_MS = 20;

type Compared = 'ours' | 'bare';

/** Bytes of Redis that one job takes. */
interface Taken {
  readonly waiting: number;
  readonly finished: number;
  /** When the job itself is gone. */
  readonly remembered: number;
}

/** What Redis keeps: of a job that waits, of one that is finished, of an event that waits for Postgres. */
export const benchBytes: Benchmark = async (setting) => {
  const api = await startApi(setting.programs);
  try {
    // Redis keeps what it knows of a script from its first call on.
    for (const side of ['bare', 'ours'] as const) await measure({ ...setting, kept: WARM_UP }, api, side);
    const bare = await measure(setting, api, 'bare');
    const ours = await measure(setting, api, 'ours');
    const json = JSON.stringify(makePayloads(1)[0]).length;
    return [
      figure('the payload itself, as JSON', { bare: bytes(json), ours: bytes(json) }),
      compared('a job that waits', bare.waiting, ours.waiting),
      compared('a finished job that is kept', bare.finished, ours.finished),
      // Bare remembers nothing: what it shows is how exact this is.
      figure('a delivered payload whose job is gone', {
        bare: bytes(bare.remembered),
        ours: bytes(ours.remembered),
      }),
      figure('an event that waits for Postgres', { ours: bytes(await bytesOfEvents(setting)) }),
    ];
  } finally {
    await api.stop();
  }
};

function compared(what: string, bare: number, ours: number): Figure {
  return figure(what, { bare: bytes(bare), ours: { ...bytes(ours), toBare: ours / bare } });
}

async function measure(setting: BenchSetting, api: BenchApi, side: Compared): Promise<Taken> {
  const { kept, programs } = setting;
  return onStand(setting, async (stand, aJob) => {
    await enqueue(stand, kept, side);
    const waiting = await aJob();
    const worker = await stand.startWorker(workerEnv(api.url, CONCURRENCY, kept), programOf(side, programs));
    await untilCompleted(stand, kept);
    await untilWritten(stand);
    await worker.stop();
    const finished = await aJob();
    await stand.queue.clean(0, kept, 'completed');
    return { waiting, finished, remembered: await aJob() };
  });
}

async function bytesOfEvents(setting: BenchSetting): Promise<number> {
  return onStand(setting, async (stand, aJob) => {
    await appendDeliveries(stand, setting.kept);
    return aJob();
  });
}

async function onStand<Result>(
  { redis, postgres, kept }: BenchSetting,
  work: (stand: Stand, aJob: () => Promise<number>) => Promise<Result>,
): Promise<Result> {
  const stand = await startStand({ redisUrl: redis.url, databaseUrl: postgres.url });
  try {
    const before = await bytesAtRest(stand.redis);
    return await work(stand, async () => {
      // BullMQ keeps the last ten thousand of its own events, however many jobs there are.
      await stand.queue.trimEvents(0);
      return Math.max(0, ((await bytesAtRest(stand.redis)) - before) / kept);
    });
  } finally {
    await stand.close();
  }
}

/** Once all that was let go is gone. */
async function bytesAtRest(redis: Redis): Promise<number> {
  while (!/^lazyfree_pending_objects:0\r?$/m.test(await redis.info('memory'))) await delay(LOOK_MS);
  return redisBytes(redis);
}

async function enqueue(stand: Stand, count: number, side: Compared): Promise<void> {
  const sales = makePayloads(count);
  if (side === 'ours') {
    await stand.enqueue(sales);
    return;
  }
  const jobs = sales.map((data) => ({ name: 'push_sales', data }));
  for (let from = 0; from < jobs.length; from += ADDED_AT_ONCE) {
    await stand.queue.addBulk(jobs.slice(from, from + ADDED_AT_ONCE));
  }
}
