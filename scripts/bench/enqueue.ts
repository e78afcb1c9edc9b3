import { startProcess } from '../../test/support/process.ts';
import { startStand } from '../../test/support/stand.ts';
import type { Benchmark, BenchSetting } from './bench.ts';
import { figure, median, ms, perSecond } from './figure.ts';
import { WAYS } from './sides/producer-ways.ts';
import { takeTurns } from './turns.ts';

const SIDES = ['bare', 'ours'] as const;
const TIMEOUT_MS = 300_000;

interface Added {
  readonly jobsPerSecond: number;
  readonly cpuMs: number;
  readonly redisMs: number;
}

/** What it costs who enqueues: our producer against `queue.add` and `queue.addBulk`, each round a new process. */
export const benchEnqueue: Benchmark = async (setting) => {
  const rounds = await takeTurns(SIDES, setting.turns, (side) => runRound(setting, side));
  return WAYS.flatMap((way, place) =>
    SIDES.map((side) => {
      const of = (side: (typeof SIDES)[number], value: (added: Added) => number) =>
        (rounds.get(side) ?? []).map((ways) => value(ways[place] ?? NOTHING));
      const both = (value: (added: Added) => number) => [of(side, value), of('bare', value)] as const;
      return figure(`${way}, ${side}`, {
        jobs: median(perSecond, ...both(({ jobsPerSecond }) => jobsPerSecond)),
        'CPU a job': median(ms, ...both(({ cpuMs }) => cpuMs)),
        Redis: median(ms, ...both(({ redisMs }) => redisMs)),
      });
    }),
  );
};

const NOTHING: Added = { jobsPerSecond: Number.NaN, cpuMs: Number.NaN, redisMs: Number.NaN };

/** In the order of WAYS. */
async function runRound({ redis, postgres, programs, adds }: BenchSetting, side: string): Promise<Added[]> {
  const stand = await startStand({ redisUrl: redis.url, databaseUrl: postgres.url });
  const env = { ...stand.env, SIDE: side, ADDS: String(adds) };
  const producer = startProcess(programs.pathOf('producer'), env);
  try {
    const lines = await Promise.all(WAYS.map((way) => producer.waitForLog(`added: ${way}`, TIMEOUT_MS)));
    return lines.map((line) => ({
      jobsPerSecond: Number(line['jobsPerSecond']),
      cpuMs: Number(line['cpuMs']),
      redisMs: Number(line['redisMs']),
    }));
  } finally {
    await producer.stop();
    await stand.close();
  }
}
