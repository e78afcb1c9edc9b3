import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import type { SyncEvent } from '../../src/events/event.ts';
import { createSpool } from '../../src/events/spool.ts';
import type { PushSales } from '../../src/index.ts';
import { attemptEvent } from '../../src/sync/sync-event.ts';
import { databaseOn } from '../../test/support/postgres.ts';
import { processLoad } from '../../test/support/process-load.ts';
import { type Stand, startStand } from '../../test/support/stand.ts';
import type { Benchmark, BenchSetting } from './bench.ts';
import { figure, median, ms, perSecond } from './figure.ts';
import { postgresCpuMs, redisCpuMs } from './load.ts';
import { makePayloads } from './sides/payloads.ts';
import { takeTurns } from './turns.ts';

const LOOK_MS = 2;
const APPENDED_AT_ONCE = 500;
const WARM_SHARE = 0.2;

interface Written {
  readonly rowsPerSecond: number;
  /** Processor time a row, in ms. */
  readonly writerMs: number;
  readonly redisMs: number;
  readonly postgresMs: number;
}

/** How fast what waits in the outcome stream becomes rows, and what a row costs. */
export const benchRows: Benchmark = async (setting) => {
  const fresh = await databaseOn(setting.postgres.url);
  try {
    const rounds = await takeTurns(['writer'], setting.turns, () => runRound(setting, fresh.url));
    const of = (value: (written: Written) => number) => (rounds.get('writer') ?? []).map(value);
    return [
      figure('rows of deliveries, from the stream into Postgres', {
        rows: median(
          perSecond,
          of(({ rowsPerSecond }) => rowsPerSecond),
        ),
        'writer CPU a row': median(
          ms,
          of(({ writerMs }) => writerMs),
        ),
        Redis: median(
          ms,
          of(({ redisMs }) => redisMs),
        ),
        Postgres: median(
          ms,
          of(({ postgresMs }) => postgresMs),
        ),
      }),
    ];
  } finally {
    await fresh.close();
  }
};

async function runRound(setting: BenchSetting, databaseUrl: string): Promise<Written> {
  const stand = await startStand({ redisUrl: setting.redis.url, databaseUrl });
  try {
    await appendDeliveries(stand, setting.events);
    const writer = await stand.startWorker({}, setting.programs.pathOf('writer'));
    const read = () => reading(setting, stand, writer.pid);
    await untilWaiting(stand, Math.floor(setting.events * (1 - WARM_SHARE)));
    const before = await read();
    await untilWaiting(stand, 0);
    const after = await read();
    const rows = before.waiting;
    return {
      rowsPerSecond: (rows / (after.at - before.at)) * 1_000,
      writerMs: (after.writerMs - before.writerMs) / rows,
      redisMs: (after.redisMs - before.redisMs) / rows,
      postgresMs: (after.postgresMs - before.postgresMs) / rows,
    };
  } finally {
    await stand.close();
  }
}

/** What a worker writes of sales that it delivered. */
export async function appendDeliveries({ redis, namespace }: Stand, count: number): Promise<void> {
  const spool = createSpool({ redis, namespace });
  const events = makePayloads(count).map(deliveryOf);
  for (let from = 0; from < events.length; from += APPENDED_AT_ONCE) {
    await Promise.all(events.slice(from, from + APPENDED_AT_ONCE).map((event) => spool.append(event)));
  }
}

function deliveryOf(data: PushSales): SyncEvent {
  const jobId = `ps-${randomUUID()}${randomUUID().slice(0, 28)}`;
  const transactionIds = (data.transactions ?? []).map(({ id }) => id);
  const job = {
    jobId,
    syncKey: jobId,
    name: 'push_sales',
    json: JSON.stringify(data),
    locationId: data.locationId,
    transactionIds,
  };
  const attempt = { outcome: 'delivered', attempt: 1, durationMs: 40, httpStatus: 200 } as const;
  return attemptEvent(job, randomUUID(), attempt, (text) => text);
}

async function untilWaiting({ redis, namespace }: Stand, most: number): Promise<void> {
  while ((await createSpool({ redis, namespace }).backlog()) > most) await delay(LOOK_MS);
}

async function reading({ postgres }: BenchSetting, { redis, namespace }: Stand, pid: number) {
  const [postgresMs, redisMs, waiting, { cpuSeconds }] = await Promise.all([
    postgresCpuMs(postgres),
    redisCpuMs(redis),
    createSpool({ redis, namespace }).backlog(),
    processLoad(pid),
  ]);
  return { postgresMs, redisMs, waiting, writerMs: cpuSeconds * 1_000, at: performance.now() };
}
