import type { Benchmark, BenchSetting } from './bench.ts';
import { type Figure, figure, percentile } from './figure.ts';
import { type Round, runRound, type Side } from './sides/round.ts';

const ORDER: readonly Side[] = ['bare', 'ours', 'assembled'];
const CONCURRENCIES = [10, 50, 200];
const PROCESSES = [1, 4];

type Rounds = Record<Side, Round[]>;

/** What safety costs: our worker against a bare one, and one assembled from packages, by turns. */
export const benchThroughput: Benchmark = async (setting) => {
  const figures: Figure[] = [];
  for (const processes of PROCESSES) {
    for (const concurrency of CONCURRENCIES) {
      const rounds = await takeTurns(setting, processes, concurrency);
      for (const side of ORDER) figures.push(figureOf(side, processes, concurrency, rounds));
    }
  }
  return figures;
};

async function takeTurns(setting: BenchSetting, processes: number, concurrency: number): Promise<Rounds> {
  const rounds: Rounds = { bare: [], ours: [], assembled: [] };
  for (let round = 0; round < setting.turns; round += 1) {
    for (const side of ORDER) {
      rounds[side].push(await runRound(setting, { side, jobs: setting.jobs, processes, concurrency }));
    }
  }
  return rounds;
}

function figureOf(side: Side, processes: number, concurrency: number, rounds: Rounds): Figure {
  const of = (which: Side, value: (round: Round) => number) => percentile(rounds[which].map(value), 0.5);
  const rates = rounds[side].map(({ jobsPerSecond }) => Math.round(jobsPerSecond));
  const rate = of(side, (r) => r.jobsPerSecond) / of('bare', (r) => r.jobsPerSecond);
  const cpu = of(side, (r) => r.workerMs) / of('bare', (r) => r.workerMs);
  return figure(
    `${processes} x ${concurrency}, ${side}`,
    `${Math.round(of(side, (r) => r.jobsPerSecond))} jobs/s (${Math.min(...rates)} to ${Math.max(...rates)}, ${rate.toFixed(2)} of bare); ` +
      `CPU ${of(side, (r) => r.workerMs).toFixed(3)} ms (${cpu.toFixed(2)}), Redis ${of(side, (r) => r.redisMs).toFixed(3)} ms; ` +
      `${Math.round(of(side, (r) => r.rssBytes) / 2 ** 20)} MB`,
  );
}
