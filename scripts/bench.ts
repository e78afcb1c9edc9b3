/**
 * The figures of this machine, next to what they should be: `npm run bench`. Everything runs on private
 * services; timed figures are honest only on a machine with nothing else to do, ratios nearly anywhere.
 */
import { runProcess } from '../src/base/lifecycle.ts';
import type { Benchmark, BenchSetting } from './bench/bench.ts';
import { benchBooks } from './bench/books.ts';
import { benchBytes } from './bench/bytes.ts';
import { benchCircuit } from './bench/circuit.ts';
import { benchDrain } from './bench/drain.ts';
import { benchEnqueue } from './bench/enqueue.ts';
import type { Figure } from './bench/figure.ts';
import { benchHappenings } from './bench/happenings.ts';
import { benchHealing } from './bench/healing.ts';
import { benchIntake } from './bench/intake.ts';
import { benchLatency } from './bench/latency.ts';
import { benchOpening } from './bench/opening.ts';
import { type BenchOptions, readOptions, usage } from './bench/options.ts';
import { benchOutage } from './bench/outage.ts';
import { benchOutboxBacklog } from './bench/outbox-backlog.ts';
import { benchOutboxCommit } from './bench/outbox-commit.ts';
import { benchPage } from './bench/page.ts';
import { describeMachine, loadNow, type Machine, type Result, writeReport } from './bench/report.ts';
import { benchRows } from './bench/rows.ts';
import { buildSides } from './bench/sides/build.ts';
import { table } from './bench/table.ts';
import { benchThroughput } from './bench/throughput.ts';
import { startPostgres, startPrivateRedis } from './services.ts';

const BENCHMARKS: ReadonlyMap<string, Benchmark> = new Map([
  ['throughput', benchThroughput],
  ['latency', benchLatency],
  ['enqueue', benchEnqueue],
  ['rows', benchRows],
  ['bytes', benchBytes],
  ['drain', benchDrain],
  ['happenings', benchHappenings],
  ['circuit', benchCircuit],
  ['opening', benchOpening],
  ['healing', benchHealing],
  ['outage', benchOutage],
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

async function bench({ chosen, amounts, json, profile }: BenchOptions): Promise<void> {
  const redis = await startPrivateRedis({ say });
  const postgres = await startPostgres({ say });
  const programs = await buildSides();
  const setting: BenchSetting = { redis, postgres, programs, say, ...amounts, ...(profile && { profile }) };
  try {
    const servers = { redis: redis.description, postgres: postgres.description };
    const machine = await describeMachine(servers);
    say(`${machine.cpus} x ${machine.cpu}, Node ${process.version}`, ...Object.values(servers));
    await runAll(chosen, setting, machine, json);
  } finally {
    await Promise.all([redis.stop(), postgres.stop()]);
  }
}

/** What is measured is told, and written down, at once: the next one may fail. */
async function runAll(
  chosen: readonly string[],
  setting: BenchSetting,
  machine: Machine,
  json: string | undefined,
): Promise<void> {
  const results: Result[] = [];
  for (const name of chosen) {
    say(`\n${name} …`);
    const result = await run(name, setting);
    results.push(result);
    const { load, tookSeconds, figures } = result;
    say(`${name} took ${tookSeconds.toFixed(0)} s`);
    const title = `${name} (load ${load.before.toFixed(1)})`;
    console.log(`${table(title, figures)}\n`);
    if (json !== undefined) await writeReport(json, machine, results);
  }
}

/** One that fails leaves the others their turn. */
async function run(name: string, setting: BenchSetting): Promise<Result> {
  const before = loadNow();
  const from = performance.now();
  let figures: readonly Figure[] = [];
  try {
    figures = (await BENCHMARKS.get(name)?.(setting)) ?? [];
  } catch (error) {
    process.exitCode = 1;
    say(`${name} failed: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
    figures = [{ what: name, quantities: {}, note: 'failed' }];
  }
  return {
    name,
    load: { before, after: loadNow() },
    tookSeconds: (performance.now() - from) / 1_000,
    figures,
  };
}

/** Progress goes to stderr: what is printed to stdout is the tables alone. */
function say(...lines: string[]): void {
  for (const line of lines) console.error(line);
}
