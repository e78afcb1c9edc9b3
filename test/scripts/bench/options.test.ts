import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { describe, expect, it } from '@jest/globals';
import { AMOUNTS, LISTS } from '../../../scripts/bench/amounts.ts';
import { readOptions, usage } from '../../../scripts/bench/options.ts';

const NAMES = ['circuit', 'outage', 'books'];
const DEFAULTS = Object.fromEntries(
  Object.entries({ ...AMOUNTS, ...LISTS }).map(([name, [byDefault]]) => [name, byDefault]),
);

describe('the options of the benchmarks', () => {
  it('run all of them, as much as the help says', () => {
    expect(readOptions([], NAMES)).toEqual({ chosen: NAMES, amounts: DEFAULTS });
    const told = [...usage(NAMES).matchAll(/--[a-z-]+ ([\d,]+) /g)].map(([, amount]) => amount);
    expect(told).toEqual(Object.values(DEFAULTS).map(String));
    expect(readOptions(['--help', '--only', 'nonsense'], NAMES)).toBeUndefined();
  });

  it('run some of them, in the order given, and more or less of it', () => {
    const more = ['--backlog-sales', '7', '--concurrency', '20,5', '--answer-ms', '0'];
    const args = ['--only', 'books,circuit', ...more];
    expect(readOptions(args, NAMES)).toEqual({
      chosen: ['books', 'circuit'],
      amounts: { ...DEFAULTS, backlogSales: 7, concurrency: [20, 5] },
    });
  });

  it('name where figures and profiles go', () => {
    expect(readOptions(['--json', 'figures.json', '--profile', 'profiles'], NAMES)).toMatchObject({
      json: 'figures.json',
      profile: 'profiles',
    });
  });

  it.each([
    [['--only', 'circiut'], "There is no benchmark 'circiut', only circuit, outage, books"],
    [['--only', 'circuit,'], "There is no benchmark '', only circuit, outage, books"],
    [['--rounds', 'many'], "--rounds must be a whole number of at least 1, not 'many'"],
    [['--rounds', '0'], "--rounds must be a whole number of at least 1, not '0'"],
    [['--concurrency', '10,'], "--concurrency must be a whole number of at least 1, not '10,'"],
    [['--answer-ms', '-1'], /--answer-ms/],
    [['--answer-ms', '1.5'], "--answer-ms must be a whole number of at least 0, not '1.5'"],
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
