/**
 * The figures of this machine, next to what they should be: `npm run bench`. Everything runs on private
 * services; timed figures are honest only on a machine with nothing else to do, ratios nearly anywhere.
 */
import { cpus, loadavg } from 'node:os';
import { runProcess } from '../src/base/lifecycle.ts';
import type { Benchmark, BenchSetting } from './bench/bench.ts';
import { benchBooks } from './bench/books.ts';
import { benchCircuit } from './bench/circuit.ts';
import { table } from './bench/figure.ts';
import { benchHappenings } from './bench/happenings.ts';
import { benchHealing } from './bench/healing.ts';
import { benchIntake } from './bench/intake.ts';
import { benchOpening } from './bench/opening.ts';
import { type BenchOptions, readOptions, usage } from './bench/options.ts';
import { benchOutage } from './bench/outage.ts';
import { benchOutboxBacklog } from './bench/outbox-backlog.ts';
import { benchOutboxCommit } from './bench/outbox-commit.ts';
import { benchPage } from './bench/page.ts';
import { benchThroughput } from './bench/throughput.ts';
import { startPostgres, startPrivateRedis } from './services.ts';

const BENCHMARKS: ReadonlyMap<string, Benchmark> = new Map([
  ['happenings', benchHappenings],
  ['circuit', benchCircuit],
  ['opening', benchOpening],
  ['healing', benchHealing],
  ['outage', benchOutage],
  ['throughput', benchThroughput],
  ['outbox-commit', benchOutboxCommit],
  ['outbox-backlog', benchOutboxBacklog],
  ['books', benchBooks],
  ['intake', benchIntake],
  ['page', benchPage],
]);
const NAMES = [...BENCHMARKS.keys()];

await runProcess(main, (text) => text);

async function main(): Promise<void> {
  const options = readOptions(process.argv.slice(2), NAMES);
  if (options === undefined) console.log(usage(NAMES));
  else await bench(options);
}

async function bench({ chosen, amounts }: BenchOptions): Promise<void> {
  const redis = await startPrivateRedis({ say });
  const postgres = await startPostgres({ say });
  const setting: BenchSetting = { redis, postgres, say, ...amounts };
  try {
    say(`${cpus().length} CPUs, Node ${process.version}`, redis.description, postgres.description);
    for (const name of chosen) {
      say(`\n${name} …`);
      const figures = (await BENCHMARKS.get(name)?.(setting)) ?? [];
      console.log(`${table(`${name} (load ${loadavg()[0]?.toFixed(1)})`, figures)}\n`);
    }
  } finally {
    await Promise.all([redis.stop(), postgres.stop()]);
  }
}

/** Progress goes to stderr: what is printed to stdout is the tables alone. */
function say(...lines: string[]): void {
  for (const line of lines) console.error(line);
}
