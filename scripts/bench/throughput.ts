import { mkdir } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { Benchmark, BenchSetting } from './bench.ts';
import { type Figure, figure, median, megabytes, ms, perSecond } from './figure.ts';
import { type Spent, showSpent } from './profile/spent.ts';
import type { Profiling } from './sides/profiling.ts';
import { type Round, runRound, SIDES, type Side } from './sides/round.ts';
import { startApi } from './sides/start-api.ts';
import { takeTurns } from './turns.ts';

const MB = 2 ** 20;

interface Size {
  readonly processes: number;
  readonly concurrency: number;
}

type Rounds = ReadonlyMap<Side, readonly Round[]>;

/** What safety costs: our worker against a bare one, and one assembled from packages, by turns. */
export const benchThroughput: Benchmark = async (setting) => {
  const api = await startApi(setting.programs, setting.answerMs);
  try {
    const figures: Figure[] = [];
    for (const size of sizesOf(setting)) {
      setting.say(`${nameOf(size)}: ${setting.turns} turns`);
      const rounds = await runSize(setting, api.url, size);
      for (const side of SIDES) figures.push(figureOf(side, size, rounds));
    }
    return figures;
  } finally {
    await api.stop();
  }
};

function sizesOf({ processes, concurrency }: BenchSetting): Size[] {
  return processes.flatMap((processes) => concurrency.map((concurrency) => ({ processes, concurrency })));
}

function nameOf({ processes, concurrency }: Size): string {
  return `${processes} x ${concurrency}`;
}

async function runSize(setting: BenchSetting, apiUrl: string, size: Size): Promise<Rounds> {
  const { jobs, turns, profile } = setting;
  const spent: Spent[] = [];
  const rounds = await takeTurns(SIDES, turns, async (side, turn) => {
    const profiling = profile === undefined ? undefined : await profilingOf(profile, size, side, turn);
    const round = await runRound(setting, { side, apiUrl, jobs, ...size, profiling });
    if (profiling !== undefined) spent.push({ side, jobs: round.jobs, profiling });
    return round;
  });
  if (spent.length > 0) await showSpent(nameOf(size), spent);
  return rounds;
}

async function profilingOf(
  folder: string,
  { processes, concurrency }: Size,
  side: Side,
  turn: number,
): Promise<Profiling> {
  await mkdir(folder, { recursive: true });
  return { folder: resolve(folder), name: `${processes}x${concurrency}-${side}-${turn + 1}` };
}

function figureOf(side: Side, size: Size, rounds: Rounds): Figure {
  const of = (value: (round: Round) => number) => (rounds.get(side) ?? []).map(value);
  const bare = (value: (round: Round) => number) => (rounds.get('bare') ?? []).map(value);
  const rate = (round: Round) => round.jobsPerSecond;
  const cpu = (round: Round) => round.workerMs;
  return figure(`${nameOf(size)}, ${side}`, {
    jobs: median(perSecond, of(rate), bare(rate)),
    'worker CPU a job': median(ms, of(cpu), bare(cpu)),
    Redis: median(
      ms,
      of((round) => round.redisMs),
    ),
    Postgres: median(
      ms,
      of((round) => round.postgresMs),
    ),
    RSS: median(
      megabytes,
      of((round) => round.rssBytes / MB),
    ),
  });
}
