/**
 * The figures of this machine, next to what they should be: `npm run bench`. Everything runs on private
 * services; timed figures are honest only on a machine with nothing else to do, ratios nearly anywhere.
 */
import { cpus, loadavg } from 'node:os';
import { parseArgs } from 'node:util';
import type { Benchmark, BenchSetting } from './bench/bench.ts';
import { benchBooks } from './bench/books.ts';
import { benchCircuit } from './bench/circuit.ts';
import { table } from './bench/figure.ts';
import { benchHappenings } from './bench/happenings.ts';
import { benchHealing } from './bench/healing.ts';
import { benchOpening } from './bench/opening.ts';
import { benchOutage } from './bench/outage.ts';
import { benchOutboxBacklog } from './bench/outbox-backlog.ts';
import { benchOutboxCommit } from './bench/outbox-commit.ts';
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
]);
const USAGE = `npm run bench -- [options]
  --only NAME[,NAME]  of ${[...BENCHMARKS.keys()].join(', ')}
  --rounds 200        circuit: rounds of calls of each kind, by turns
  --openings 100      opening: how often the circuit opens
  --healings 50       healing: how many outages end
  --backlog 100000    outage: jobs waiting
  --seconds 60        outage: how long it is watched
  --jobs 3000         throughput: sales per round
  --commits 20000     outbox-commit: transactions of each kind
  --backlog-sales 10000  outbox-backlog: single sales that wait
  --sales 1000000     books: settled sales in the outbox`;

const { values } = parseArgs({
  options: {
    only: { type: 'string', default: [...BENCHMARKS.keys()].join(',') },
    rounds: { type: 'string', default: '200' },
    openings: { type: 'string', default: '100' },
    healings: { type: 'string', default: '50' },
    backlog: { type: 'string', default: '100000' },
    seconds: { type: 'string', default: '60' },
    jobs: { type: 'string', default: '3000' },
    commits: { type: 'string', default: '20000' },
    'backlog-sales': { type: 'string', default: '10000' },
    sales: { type: 'string', default: '1000000' },
    help: { type: 'boolean', default: false },
  },
});
const chosen = values.only.split(',').map((name) => ({ name, run: BENCHMARKS.get(name) }));
if (values.help || chosen.some(({ run }) => run === undefined)) {
  console.log(USAGE);
  process.exitCode = values.help ? 0 : 1;
} else {
  await bench();
}

async function bench(): Promise<void> {
  const redis = await startPrivateRedis({ say });
  const postgres = await startPostgres({ variable: 'DATABASE_URL', say });
  const setting: BenchSetting = {
    redis,
    postgres,
    say,
    rounds: Number(values.rounds),
    openings: Number(values.openings),
    healings: Number(values.healings),
    backlog: Number(values.backlog),
    seconds: Number(values.seconds),
    jobs: Number(values.jobs),
    commits: Number(values.commits),
    backlogSales: Number(values['backlog-sales']),
    sales: Number(values.sales),
  };
  try {
    say(`${cpus().length} CPUs, Node ${process.version}`, redis.description, postgres.description);
    for (const { name, run } of chosen) {
      say(`\n${name} …`);
      const figures = (await run?.(setting)) ?? [];
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
