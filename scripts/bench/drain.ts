import { setTimeout as delay } from 'node:timers/promises';
import { type Stand, startStand } from '../../test/support/stand.ts';
import type { Benchmark, BenchSetting } from './bench.ts';
import { type Figure, figure, median, perSecond, type Quantity, times } from './figure.ts';
import { makePayloads } from './sides/payloads.ts';
import { untilCompleted, workerEnv } from './sides/round.ts';
import { type BenchApi, startApi } from './sides/start-api.ts';

const CONCURRENCY = 50;
const WARM_SHARE = 0.2;
const LOOK_MS = 5;
/** As by default; a shorter open time, since it is no matter of the drain. */
const ENV = {
  RAMP_STEP: '1000',
  CIRCUIT_OPEN: '2000',
  CIRCUIT_OPEN_MAX: '2000',
  CONEXXUS_RETRY_DELAY: '1000',
};

/** Jobs a second. */
interface Drained {
  readonly steady: number;
  readonly sinceClosed: number;
  readonly sinceWell: number;
}

/** How fast what an outage left flows off, next to what the same worker does on any other day. */
export const benchDrain: Benchmark = async (setting) => {
  const api = await startApi(setting.programs);
  try {
    const rounds: Drained[] = [];
    while (rounds.length < setting.turns) rounds.push(await runRound(setting, api));
    return figuresOf(rounds, setting.waiting);
  } finally {
    await api.stop();
  }
};

function figuresOf(rounds: readonly Drained[], waiting: number): Figure[] {
  const of = (value: (round: Drained) => number): Record<string, Quantity> => ({
    jobs: median(perSecond, rounds.map(value)),
    'to steady': median(
      times,
      rounds.map((round) => value(round) / round.steady),
    ),
  });
  return [
    figure(
      'steady',
      of(({ steady }) => steady),
    ),
    figure(
      `${waiting.toLocaleString('en')} left by an outage, since the circuit closed`,
      of(({ sinceClosed }) => sinceClosed),
    ),
    figure(
      '… since Conexxus was well again',
      of(({ sinceWell }) => sinceWell),
    ),
  ];
}

async function runRound({ redis, postgres, waiting }: BenchSetting, api: BenchApi): Promise<Drained> {
  await api.answer(200);
  const env = { ...ENV, ...workerEnv(api.url, CONCURRENCY, 2 * waiting) };
  const stand = await startStand({ redisUrl: redis.url, databaseUrl: postgres.url, env });
  try {
    await stand.queue.pause();
    await stand.enqueue(makePayloads(waiting, 'steady'));
    await stand.startWorker();
    await stand.queue.resume();
    await untilCompleted(stand, waiting * WARM_SHARE);
    const warm = await look(stand);
    await untilCompleted(stand, waiting);
    const steady = rate(warm, await look(stand));
    await breakDown(stand, api, waiting);
    const well = await look(stand);
    await api.answer(200);
    while ((await stand.redis.hget(`{${stand.namespace}}:circuit`, 'state')) !== 'closed')
      await delay(LOOK_MS);
    const closed = await look(stand);
    await untilCompleted(stand, 2 * waiting);
    const empty = await look(stand);
    return { steady, sinceClosed: rate(closed, empty), sinceWell: rate(well, empty) };
  } finally {
    await stand.close();
  }
}

/** Until the circuit is open, and all jobs wait. */
async function breakDown(stand: Stand, api: BenchApi, waiting: number): Promise<void> {
  await api.answer(503);
  await stand.enqueue(makePayloads(waiting, 'outage'));
  const isBusy = async () => !(await stand.queue.isPaused()) || (await stand.queue.getActiveCount()) > 0;
  while (await isBusy()) await delay(LOOK_MS);
}

interface Look {
  readonly completed: number;
  readonly at: number;
}

async function look({ queue }: Stand): Promise<Look> {
  return { completed: await queue.getCompletedCount(), at: performance.now() };
}

function rate(from: Look, to: Look): number {
  return ((to.completed - from.completed) / (to.at - from.at)) * 1_000;
}
