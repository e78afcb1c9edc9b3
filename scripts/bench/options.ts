import { parseArgs } from 'node:util';
import { ConexxusSyncError } from '../../src/base/errors.ts';
import type { BenchSetting } from './bench.ts';

type Amounts = Omit<BenchSetting, 'redis' | 'postgres' | 'say'>;

export interface BenchOptions {
  readonly chosen: readonly string[];
  readonly amounts: Amounts;
}

class UsageError extends ConexxusSyncError {
  readonly code = 'USAGE';
}

/** What `--help` says of `benchmarks`. */
export function usage(benchmarks: readonly string[]): string {
  return `npm run bench -- [options]
  --only NAME[,NAME]     of ${benchmarks.join(', ')}
  --rounds 200           circuit: rounds of calls of each kind, by turns
  --openings 100         opening: how often the circuit opens
  --healings 50          healing: how many outages end
  --backlog 100000       outage, page: jobs waiting
  --seconds 60           outage: how long it is watched
  --jobs 6000            throughput: payloads per round
  --turns 5              throughput: rounds of each side, by turns
  --commits 20000        outbox-commit: transactions of each kind
  --backlog-sales 10000  outbox-backlog: single sales that wait
  --sales 1000000        books: settled sales in the outbox
  --rows 1000000         page: rows of the event log
  --posts 1000           intake: posts a second
  --post-seconds 30      intake: for so long`;
}

/**
 * Undefined: help was asked for.
 * @throws UsageError
 */
export function readOptions(
  args: readonly string[],
  benchmarks: readonly string[],
): BenchOptions | undefined {
  const given = parse(args);
  if (given.help === true) return undefined;
  const chosen = given.only?.split(',') ?? benchmarks;
  const unknown = chosen.find((name) => !benchmarks.includes(name));
  if (unknown !== undefined) {
    throw new UsageError(`There is no benchmark '${unknown}', only ${benchmarks.join(', ')}`);
  }
  const amounts: Amounts = {
    rounds: amount('rounds', given.rounds, 200),
    openings: amount('openings', given.openings, 100),
    healings: amount('healings', given.healings, 50),
    backlog: amount('backlog', given.backlog, 100_000),
    seconds: amount('seconds', given.seconds, 60),
    jobs: amount('jobs', given.jobs, 6_000),
    turns: amount('turns', given.turns, 5),
    commits: amount('commits', given.commits, 20_000),
    backlogSales: amount('backlog-sales', given['backlog-sales'], 10_000),
    sales: amount('sales', given.sales, 1_000_000),
    rows: amount('rows', given.rows, 1_000_000),
    posts: amount('posts', given.posts, 1_000),
    postSeconds: amount('post-seconds', given['post-seconds'], 30),
  };
  return { chosen, amounts };
}

function parse(args: readonly string[]) {
  const text = { type: 'string' } as const;
  const options = {
    only: text,
    rounds: text,
    openings: text,
    healings: text,
    backlog: text,
    seconds: text,
    jobs: text,
    turns: text,
    commits: text,
    'backlog-sales': text,
    sales: text,
    rows: text,
    posts: text,
    'post-seconds': text,
    help: { type: 'boolean' },
  } as const;
  try {
    return parseArgs({ args: [...args], options }).values;
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
}

function amount(name: string, given: string | undefined, byDefault: number): number {
  const value = given === undefined ? byDefault : Number(given);
  if (!Number.isInteger(value) || value < 1) {
    throw new UsageError(`--${name} must be a whole number above 0, not '${given}'`);
  }
  return value;
}
