import { parseArgs } from 'node:util';
import { ConexxusSyncError } from '../../src/base/errors.ts';
import { AMOUNTS, type Amounts, LISTS } from './amounts.ts';

export interface BenchOptions {
  readonly chosen: readonly string[];
  readonly amounts: Amounts;
  /** File for everything as JSON. */
  readonly json?: string;
  /** Folder for processor profiles of what throughput measures. */
  readonly profile?: string;
}

class UsageError extends ConexxusSyncError {
  readonly code = 'USAGE';
}

/** What `--help` says of `benchmarks`. */
export function usage(benchmarks: readonly string[]): string {
  const amounts = Object.entries({ ...AMOUNTS, ...LISTS }).map(([name, [byDefault, what]]) =>
    line(`--${flagOf(name)} ${String(byDefault)}`, what),
  );
  return [
    'npm run bench -- [options]',
    line('--only NAME[,NAME]', `of ${benchmarks.join(', ')}`),
    line('--json FILE', 'all figures as JSON too, with the machine and its load'),
    line('--profile FOLDER', 'throughput: a processor profile of each worker, and where the time goes'),
    ...amounts,
  ].join('\n');
}

function line(option: string, what: string): string {
  return `  ${option.padEnd(24)} ${what}`;
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
  if (given['help'] === true) return undefined;
  const texts = textsOf(given);
  const { only, json, profile } = texts;
  const chosen = only?.split(',') ?? benchmarks;
  const unknown = chosen.find((name) => !benchmarks.includes(name));
  if (unknown !== undefined) {
    throw new UsageError(`There is no benchmark '${unknown}', only ${benchmarks.join(', ')}`);
  }
  return {
    chosen,
    amounts: readAmounts(texts),
    ...(json !== undefined && { json }),
    ...(profile !== undefined && { profile }),
  };
}

type Given = Readonly<Record<string, string | boolean | undefined>>;
type Texts = Readonly<Record<string, string | undefined>>;

function parse(args: readonly string[]): Given {
  const text = { type: 'string' } as const;
  const names = ['only', 'json', 'profile', ...Object.keys({ ...AMOUNTS, ...LISTS }).map(flagOf)];
  const texts = Object.fromEntries(names.map((name) => [name, text]));
  try {
    return parseArgs({ args: [...args], options: { ...texts, help: { type: 'boolean' } } }).values;
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
}

function textsOf(given: Given): Texts {
  const texts = Object.entries(given).flatMap(([name, value]) =>
    typeof value === 'string' ? [[name, value] as const] : [],
  );
  return Object.fromEntries(texts);
}

function readAmounts(given: Texts): Amounts {
  const amount = (name: keyof typeof AMOUNTS, least = 1) => {
    const text = given[flagOf(name)];
    return text === undefined ? AMOUNTS[name][0] : wholeNumber(name, text, text, least);
  };
  const list = (name: keyof typeof LISTS) => {
    const text = given[flagOf(name)];
    return text?.split(',').map((part) => wholeNumber(name, part, text)) ?? LISTS[name][0];
  };
  return {
    jobs: amount('jobs'),
    answerMs: amount('answerMs', 0),
    turns: amount('turns'),
    singles: amount('singles'),
    adds: amount('adds'),
    events: amount('events'),
    kept: amount('kept'),
    waiting: amount('waiting'),
    rounds: amount('rounds'),
    openings: amount('openings'),
    healings: amount('healings'),
    backlog: amount('backlog'),
    seconds: amount('seconds'),
    commits: amount('commits'),
    backlogSales: amount('backlogSales'),
    sales: amount('sales'),
    posts: amount('posts'),
    postSeconds: amount('postSeconds'),
    rows: amount('rows'),
    processes: list('processes'),
    concurrency: list('concurrency'),
  };
}

/** `backlogSales` is given as `--backlog-sales`. */
function flagOf(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}

function wholeNumber(name: string, text: string, given: string, least = 1): number {
  const value = text === '' ? Number.NaN : Number(text);
  if (!Number.isInteger(value) || value < least) {
    throw new UsageError(`--${flagOf(name)} must be a whole number of at least ${least}, not '${given}'`);
  }
  return value;
}
