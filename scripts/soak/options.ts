import { parseArgs } from 'node:util';
import { ConexxusSyncError } from '../../src/base/errors.ts';

export interface SoakOptions {
  readonly minutes: number;
  /** JSON Lines of `push_sales` payloads; made-up sales without it. */
  readonly salesFile: string | undefined;
  readonly seed: number;
}

class UsageError extends ConexxusSyncError {
  readonly code = 'USAGE';
}

const USAGE = 'usage: npm run soak -- --minutes N [--sales FILE.jsonl] [--seed S]';
const SEED_MAX = 2 ** 31;

/** @throws UsageError */
export function readOptions(args: readonly string[]): SoakOptions {
  const { minutes, sales, seed } = parse(args);
  const options = {
    minutes: Number(minutes),
    salesFile: sales,
    seed: seed === undefined ? Math.floor(Math.random() * SEED_MAX) : Number(seed),
  };
  if (!(options.minutes > 0 && Number.isFinite(options.minutes))) {
    throw new UsageError(`--minutes must be a number above 0\n${USAGE}`);
  }
  if (!Number.isInteger(options.seed)) throw new UsageError(`--seed must be a whole number\n${USAGE}`);
  return options;
}

function parse(args: readonly string[]) {
  const text = { type: 'string' } as const;
  try {
    return parseArgs({ args: [...args], options: { minutes: text, sales: text, seed: text } }).values;
  } catch (error) {
    throw new UsageError(`${error instanceof Error ? error.message : String(error)}\n${USAGE}`);
  }
}
