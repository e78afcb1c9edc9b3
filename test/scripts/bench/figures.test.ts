import { describe, expect, it } from '@jest/globals';
import {
  atLeast,
  atMost,
  count,
  figure,
  median,
  ms,
  perSecond,
  spread,
  times,
} from '../../../scripts/bench/figure.ts';
import { reportText } from '../../../scripts/bench/report.ts';
import { show, table } from '../../../scripts/bench/table.ts';
import { takeTurns } from '../../../scripts/bench/turns.ts';

const MACHINE = { cpus: 2, cpu: 'one', memoryMb: 8, system: 'linux', versions: { node: 'v20' } };

describe('a figure of several rounds', () => {
  it('is their median, how far they lie apart, and what each turn says of the bare side', () => {
    // Each turn says half, though the machine was slower in the second.
    expect(median(perSecond, [500, 250, 600], [1_000, 500, 1_200])).toEqual({
      value: 500,
      unit: '/ s',
      min: 250,
      max: 600,
      toBare: 0.5,
    });
  });

  it('meets its target or does not', () => {
    expect(atMost(figure('a', ms(5)), 5).target).toMatchObject({ bound: 'at most', met: true });
    expect(atMost(figure('a', spread([1, 2, 30])), 5, 'p99').target?.met).toBe(false);
    expect(atLeast(figure('a', times(9.9)), 10).target?.met).toBe(false);
    expect(atMost(figure('a', ms(Number.NaN)), 5).target?.met).toBe(false);
  });
});

describe('the table', () => {
  it('has a column of each quantity, its ratio to bare, and the target', () => {
    const figures = [
      figure('bare', { jobs: median(perSecond, [2_000, 1_000, 3_000], [2_000, 1_000, 3_000]) }),
      figure('ours', { jobs: median(perSecond, [1_000], [2_000]), Postgres: ms(Number.NaN) }),
      atMost(figure('errors', count(1)), 0),
    ];
    expect(table('throughput', figures).split('\n')).toEqual([
      '| throughput | jobs                       | to bare | Postgres | measured | target    |         |',
      '| ---------- | -------------------------- | ------- | -------- | -------- | --------- | ------- |',
      '| bare       | 2,000 / s (1,000 to 3,000) | 1.00 x  |          |          |           |         |',
      '| ours       | 1,000 / s                  | 0.50 x  | -        |          |           |         |',
      '| errors     |                            |         |          | 1        | at most 0 | NOT met |',
    ]);
  });

  it('says of which quantity a target is, and why there is none', () => {
    const text = table('t', [
      atMost(figure('looks', spread([1, 2, 30])), 100, 'p99'),
      { what: 'commit', quantities: {}, note: 'not measured' },
    ]);
    expect(text).toContain('| p99 at most 100 ms | met |');
    expect(text).toMatch(/\| commit \| +\| +\| not measured \|/);
  });

  it('shows small numbers with more digits', () => {
    expect([0.1234, 1.234, 12.34].map((value) => show(value, 'ms'))).toEqual([
      '0.123 ms',
      '1.23 ms',
      '12 ms',
    ]);
    expect(show(99.44, '/ s')).toBe('99.4 / s');
    expect(show(1_234.5, 'B')).toBe('1,235 B');
  });
});

describe('the report', () => {
  it('holds numbers with their units, and null for what could not be measured', () => {
    const figures = [figure('ours', { jobs: perSecond(1_234.5), Postgres: ms(Number.NaN) })];
    const result = { name: 'throughput', load: { before: 0.1, after: 2 }, tookSeconds: 3, figures };
    expect(JSON.parse(reportText(MACHINE, [result]))).toEqual({
      machine: MACHINE,
      benchmarks: [
        {
          ...result,
          figures: [
            {
              what: 'ours',
              quantities: {
                jobs: { value: 1_234.5, unit: '/ s' },
                Postgres: { value: null, unit: 'ms' },
              },
            },
          ],
        },
      ],
    });
  });
});

describe('turns', () => {
  it('have each side once, and begin with another one each time', async () => {
    const order: string[] = [];
    const rounds = await takeTurns(['bare', 'ours', 'assembled'], 3, (side, turn) => {
      order.push(side);
      return Promise.resolve(`${side} ${turn}`);
    });
    expect(order.join(' ')).toBe('bare ours assembled ours assembled bare assembled bare ours');
    expect(rounds.get('ours')).toEqual(['ours 0', 'ours 1', 'ours 2']);
  });
});
