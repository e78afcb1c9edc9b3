import { beforeEach, describe, expect, it } from '@jest/globals';
import { createInstruments, type Instruments } from '../../../src/ops/metrics/instruments.ts';
import { parseScrape } from '../../support/prometheus.ts';

let instruments: Instruments;

beforeEach(() => {
  instruments = createInstruments();
});

const scraped = async () => parseScrape(await instruments.text());

describe('a counter', () => {
  it('has every series from the start, at 0', async () => {
    const count = instruments.counter({
      name: 'attempts_total',
      help: 'Attempts.',
      labels: { job: ['a', 'b'], outcome: ['well', 'ill'] },
    });
    expect((await scraped()).series('attempts_total')).toEqual({
      'a well': 0,
      'a ill': 0,
      'b well': 0,
      'b ill': 0,
    });
    count({ job: 'a', outcome: 'ill' });
    count({ job: 'a', outcome: 'ill' }, 2);
    expect((await scraped()).value('attempts_total', { job: 'a', outcome: 'ill' })).toBe(3);
  });

  it('makes no series of a text from outside', async () => {
    const closed = instruments.counter({ name: 'a_total', help: 'A.', labels: { job: ['a'] } });
    const open = instruments.counter({ name: 'b_total', help: 'B.', labels: { job: ['a', 'other'] } });
    closed({ job: 'canary' });
    open({ job: 'canary' });
    const seen = await scraped();
    expect(seen.series('a_total')).toEqual({ a: 0 });
    expect(seen.series('b_total')).toEqual({ a: 0, other: 1 });
  });
});

describe('a gauge', () => {
  it('has no series until it is set', async () => {
    const set = instruments.gauge({ name: 'age_seconds', help: 'Age.', labels: {} });
    expect((await scraped()).value('age_seconds')).toBe(undefined);
    set({}, 1.5);
    expect((await scraped()).value('age_seconds')).toBe(1.5);
  });
});

describe('a histogram', () => {
  it('has every bucket from the start, at 0', async () => {
    const observe = instruments.histogram({
      name: 'call_seconds',
      help: 'Calls.',
      labels: { job: ['a'] },
      buckets: [0.1, 1],
    });
    expect((await scraped()).value('call_seconds_bucket', { job: 'a', le: '0.1' })).toBe(0);
    observe({ job: 'a' }, 0.5);
    const seen = await scraped();
    expect(seen.value('call_seconds_bucket', { job: 'a', le: '0.1' })).toBe(0);
    expect(seen.value('call_seconds_bucket', { job: 'a', le: '1' })).toBe(1);
    expect(seen.value('call_seconds_sum', { job: 'a' })).toBe(0.5);
  });
});

describe('what is read', () => {
  it('is asked for at each scrape, and a counter is not added up', async () => {
    let now = 3;
    instruments.read({ name: 'busy', help: 'Busy.' }, () => now);
    instruments.read({ name: 'cpu_seconds_total', help: 'CPU.' }, () => now, 'counter');
    await scraped();
    now = 4;
    const seen = await scraped();
    expect([seen.value('busy'), seen.value('cpu_seconds_total')]).toEqual([4, 4]);
  });
});
