import { describe, expect, it } from '@jest/globals';
import { type ParsedJob, parseJob } from '../../../src/sync/jobs/jobs.ts';
import { sales } from '../sales.ts';

function problemsOf(parsed: ParsedJob): Record<string, string> {
  if (parsed.ok) return {};
  return Object.fromEntries(parsed.problems.map(({ path, message }) => [path, message]));
}

function pushed(data: unknown): Record<string, string> {
  return problemsOf(parseJob('push_sales', data));
}

function keyOf(data: unknown): string | undefined {
  const parsed = parseJob('push_sales', data);
  if (!parsed.ok) throw new Error(`refused: ${JSON.stringify(parsed.problems)}`);
  return parsed.job.syncKey;
}

const [sale] = sales().transactions;

describe('a push_sales job', () => {
  it('is accepted with its location, sale ids and sync key, and keeps the very data', () => {
    const data = sales('a');
    const parsed = parseJob('push_sales', data);
    expect(parsed).toMatchObject({
      ok: true,
      job: { name: 'push_sales', locationId: 'store-1', transactionIds: ['sale-a'] },
    });
    expect(parsed.ok && parsed.job.data).toBe(data);
    expect(parsed.ok && parsed.job.json).toBe(JSON.stringify(data));
    expect(parsed.ok && parsed.job.syncKey).toMatch(/^ps-[0-9a-f]{64}$/);
  });

  it.each([
    ['a refund', { ...sale, total: -12.5, items: [{ sku: 'a', quantity: -1, price: 12.5 }] }],
    ['a gift', { ...sale, total: 0, items: [{ sku: 'a', quantity: 1, price: 0 }] }],
    ['a total that is no sum of its items', { ...sale, total: 1e9 }],
    ['a time in UTC', { ...sale, timestamp: '2026-01-31T20:30:00.123Z' }],
    ['half a kilogram', { ...sale, items: [{ sku: 'a', quantity: 0.5, price: 1.999 }] }],
    [
      'unknown members',
      { ...sale, till: 4, items: [{ sku: 'a', quantity: 1, price: 1, lot: { n: [null] } }] },
    ],
  ])('may hold %s', (_what, transaction) => {
    expect(pushed({ ...sales(), transactions: [transaction] })).toEqual({});
  });

  it('may be a summary alone, and of that a part', () => {
    expect(pushed(sales('', { transactions: [], summary: { totalOrders: 0 } }))).toEqual({});
    expect(pushed(sales('', { transactions: [{ ...sale, items: [] }], summary: { totalTax: -1 } }))).toEqual(
      {},
    );
  });

  it.each([
    ['no transactions', { transactions: [] }],
    ['only transactions without items', { transactions: [{ ...sale, items: [] }] }],
    ['no transactions and an empty summary', { transactions: [], summary: {} }],
  ])('is refused with %s', (_what, unlike) => {
    expect(Object.keys(pushed(sales('', unlike)))).toEqual(['transactions']);
  });

  it.each([
    '2026-02-30',
    '2025-02-29',
    '0000-01-01',
    '2026-13-01',
    '26-01-01',
    '2026-1-1',
    '2026-01-31T00:00:00Z',
    '',
    20260131,
  ])('is refused with the date %p', (date) => {
    expect(pushed(sales('', { date }))).toEqual({ date: 'must be a calendar date as YYYY-MM-DD' });
  });

  it('knows leap days', () => {
    expect(pushed(sales('', { date: '2024-02-29' }))).toEqual({});
  });

  it.each(['2026-01-31T14:30:00', '2026-01-31', '2026-02-30T14:30:00Z', '14:30', 1769891400000])(
    'is refused with the timestamp %p, which has no offset or is none',
    (timestamp) => {
      expect(Object.keys(pushed(sales('', { transactions: [{ ...sale, timestamp }] })))).toEqual([
        'transactions[0].timestamp',
      ]);
    },
  );

  it('is refused with all its problems at once, each with its path', () => {
    const data = {
      date: '2026-02-30',
      transactions: [
        { id: '', timestamp: 'noon', total: '12.00', items: [{ sku: 7, quantity: null, price: NaN }] },
        { ...sale, id: 'twice' },
        { ...sale, id: 'twice', items: 'none' },
      ],
      summary: { totalTax: '1', itemsSold: Infinity },
    };
    expect(pushed(data)).toEqual({
      date: 'must be a calendar date as YYYY-MM-DD',
      locationId: 'is missing',
      'transactions[0].id': 'must not be empty',
      'transactions[0].timestamp': expect.stringContaining('ISO 8601'),
      'transactions[0].total': 'must be a finite number',
      'transactions[0].items[0].sku': 'must be a string',
      'transactions[0].items[0].quantity': 'must be a finite number',
      'transactions[0].items[0].price': 'NaN does not exist in JSON',
      'transactions[2].id': '"twice" is already the id of transactions[1]',
      'transactions[2].items': 'must be a list',
      'summary.totalTax': 'must be a finite number',
      'summary.itemsSold': 'Infinity does not exist in JSON',
    });
  });

  it('tells the location and the sale ids of refused data, as far as they can be read', () => {
    const data = { locationId: 'store-9', transactions: [{ id: 'a' }, { id: 3 }, null, { id: 'b' }] };
    expect(parseJob('push_sales', data)).toMatchObject({
      ok: false,
      locationId: 'store-9',
      transactionIds: ['a', 'b'],
    });
  });

  it('lists 50 problems and counts the rest', () => {
    const transactions = Array.from({ length: 60 }, (_, n) => ({ ...sale, id: `s${n}`, total: 'much' }));
    const parsed = parseJob('push_sales', sales('', { transactions }));
    expect(parsed.ok ? undefined : [parsed.problems.length, parsed.more]).toEqual([50, 10]);
  });

  it.each([null, undefined, 'text', 7, [], [sales()]])('is refused as %j', (data) => {
    expect(Object.keys(pushed(data))).toContain('');
  });
});

describe('what JSON cannot carry', () => {
  const cyclic: Record<string, unknown> = {};
  cyclic['self'] = { cyclic };

  it.each([
    ['a function', { f: () => 1 }, 'more.f'],
    ['a big integer', { n: [1n] }, 'more.n[0]'],
    ['an integer that may have lost digits', { card: 6035710012345679000 }, 'more.card'],
    ['the first of those', { card: -(2 ** 53) }, 'more.card'],
    ['a float too large for decimals', { huge: 1e300 }, 'more.huge'],
    ['a hole in a list', { l: [1, undefined] }, 'more.l[1]'],
    ['a symbol', { s: Symbol('s') }, 'more.s'],
    ['a Date', { when: new Date(0) }, 'more.when'],
    ['a Map', { map: new Map() }, 'more.map'],
    ['an instance that writes itself', { own: { toJSON: () => 'other' } }, 'more.own'],
    ['members that are inherited', { heir: Object.create({ sku: 'a' }) }, 'more.heir'],
    ['minus infinity', { 'odd key': -Infinity }, 'more["odd key"]'],
    ['a cycle', cyclic, 'more.self.cyclic'],
  ])('is refused with its path: %s', (_what, more, path) => {
    expect(Object.keys(pushed(sales('', { more })))).toEqual([path]);
  });

  it('is not an integer up to 2^53 - 1, nor any fraction', () => {
    const numbers = [2 ** 53 - 1, 1 - 2 ** 53, 0.1 + 0.2, 1e-300, -0.5];
    expect(pushed(sales('', { numbers }))).toEqual({});
  });

  it('is told once for each path, also where the JSON text told of it before', () => {
    const known = [{ path: 'more.card', message: 'would arrive as another' }];
    const parsed = parseJob('push_sales', sales('', { more: { card: 1e17 } }), known);
    expect(problemsOf(parsed)).toEqual({ 'more.card': 'would arrive as another' });
  });

  it('is not an absent member, written as undefined', () => {
    expect(keyOf(sales('', { register: undefined }))).toBe(keyOf(sales()));
  });

  it('is refused where it is nested too deep, and accepted below that', () => {
    const nested = (levels: number) => JSON.parse(`${'['.repeat(levels)}${']'.repeat(levels)}`);
    expect(pushed(sales('', { deep: nested(99) }))).toEqual({});
    const [path] = Object.keys(pushed(sales('', { deep: nested(5_000) })));
    expect(path).toMatch(/^deep(\[0\]){10,}/);
  });

  it('is refused above 10 MB, whatever makes it large, and accepted below', () => {
    const tooLarge = { '': expect.stringContaining('more than 10 MB') };
    expect(pushed(sales('', { note: 'x'.repeat(10_000_000) }))).toEqual({});
    expect(pushed(sales('', { note: 'x'.repeat(10_500_000) }))).toEqual(tooLarge);
    expect(pushed(sales('', { note: '€'.repeat(4_000_000) }))).toEqual(tooLarge);
  });

  it('is refused at once where shared references would make it endless', () => {
    let bomb: unknown = 'x';
    for (let level = 0; level < 90; level += 1) bomb = [bomb, bomb];
    expect(Object.keys(pushed(sales('', { bomb })))).toEqual(['']);
  });
});

describe('the sync key', () => {
  it('is the same for the same data in any order, on every machine', () => {
    const shuffled = JSON.parse(
      '{"transactions":[{"items":[{"price":15.35,"sku":"16676","quantity":2.0}],"total":30.70,' +
        '"id":"sale-a","timestamp":"2026-01-31T14:30:00-06:00"}],"locationId":"store-1","date":"2026-01-31"}',
    );
    expect(keyOf(shuffled)).toBe(keyOf(sales('a')));
    // SHA-256 of the RFC 8785 text, computed apart from this code.
    expect(keyOf(sales('a'))).toBe('ps-7af54b8dfa4b24cbe63626c1b009a7a916e3590593118abb52c078d6af435108');
  });

  it.each([
    ['a corrected amount', { ...sale, total: 30.71 }],
    ['another unknown member', { ...sale, note: 'é' }],
    ['a member named __proto__', JSON.parse(JSON.stringify(sale).replace('{', '{"__proto__":{"a":1},'))],
    ['a lone surrogate', { ...sale, note: '\ud800' }],
    ['another lone surrogate', { ...sale, note: '\ud801' }],
  ])('is another with %s', (_what, transaction) => {
    const others = [sale, { ...sale, note: '\ud802' }].map((other) =>
      keyOf(sales('', { transactions: [other] })),
    );
    expect(others).not.toContain(keyOf(sales('', { transactions: [transaction] })));
  });

  it('is none for fetch_inventory: each request stands for itself', () => {
    expect(parseJob('fetch_inventory', { locationId: 'store-1' })).toEqual({
      ok: true,
      job: {
        name: 'fetch_inventory',
        data: { locationId: 'store-1' },
        json: '{"locationId":"store-1"}',
        locationId: 'store-1',
        transactionIds: [],
        syncKey: undefined,
      },
    });
  });
});

it('refuses a fetch_inventory without location', () => {
  expect(problemsOf(parseJob('fetch_inventory', {}))).toEqual({ locationId: 'is missing' });
  expect(problemsOf(parseJob('fetch_inventory', { locationId: '' }))).toEqual({
    locationId: 'must not be empty',
  });
});

it.each(['pull_sales', 'constructor', '__proto__', ''])('refuses the unknown job name %p', (name) => {
  expect(problemsOf(parseJob(name, sales()))).toEqual({
    '': `"${name}" is no job name: there are push_sales, fetch_inventory`,
  });
});
