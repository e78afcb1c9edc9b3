import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { describe, expect, it } from '@jest/globals';
import { readOptions, usage } from '../../../scripts/bench/options.ts';

const NAMES = ['circuit', 'outage', 'books'];
const DEFAULTS = {
  rounds: 200,
  openings: 100,
  healings: 50,
  backlog: 100_000,
  seconds: 60,
  jobs: 3_000,
  commits: 20_000,
  backlogSales: 10_000,
  sales: 1_000_000,
  rows: 1_000_000,
  posts: 1_000,
  postSeconds: 30,
};

describe('the options of the benchmarks', () => {
  it('run all of them, as much as the help says', () => {
    expect(readOptions([], NAMES)).toEqual({ chosen: NAMES, amounts: DEFAULTS });
    const told = [...usage(NAMES).matchAll(/--[a-z-]+ (\d+) /g)].map(([, amount]) => Number(amount));
    expect(told).toEqual(Object.values(DEFAULTS));
    expect(readOptions(['--help', '--only', 'nonsense'], NAMES)).toBeUndefined();
  });

  it('run some of them, in the order given, and more or less of it', () => {
    expect(readOptions(['--only', 'books,circuit', '--backlog-sales', '7'], NAMES)).toEqual({
      chosen: ['books', 'circuit'],
      amounts: { ...DEFAULTS, backlogSales: 7 },
    });
  });

  it.each([
    [['--only', 'circiut'], "There is no benchmark 'circiut', only circuit, outage, books"],
    [['--only', 'circuit,'], "There is no benchmark '', only circuit, outage, books"],
    [['--rounds', 'many'], "--rounds must be a whole number above 0, not 'many'"],
    [['--rounds', '0'], "--rounds must be a whole number above 0, not '0'"],
    [['--round', '5'], /Unknown option '--round'/],
  ])('%j: says what is wrong', (args, message) => {
    expect(() => readOptions(args, NAMES)).toThrow(message);
  });

  it('that are wrong cost one line, not a stack', async () => {
    const bench = promisify(execFile)(process.execPath, [
      '--import',
      'tsx',
      'scripts/bench.ts',
      '--only',
      'circiut',
    ]);
    await expect(bench).rejects.toMatchObject({
      code: 1,
      stdout: '',
      stderr: expect.stringMatching(/^There is no benchmark 'circiut', only [a-z, -]+\n$/),
    });
  });
});
