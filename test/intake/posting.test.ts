import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { aSale, sorted } from '../support/outbox.ts';
import { type Asking, type IntakeBench, intakeBench, jsonLines, LINES } from './harness.ts';

const PUSH = '/v1/jobs/push_sales';
const BATCH = '/v1/jobs/push_sales/batch';
const MB = 1024 * 1024;

describe.each([
  { way: 'queue', outbox: false },
  { way: 'outbox', outbox: true },
])('what is posted to an intake that writes to the $way', ({ outbox }) => {
  let bench: IntakeBench;
  let token: string;

  beforeAll(async () => {
    bench = await intakeBench({ outbox });
    token = await bench.token('till', 'store-1', 'store-2');
  });

  afterAll(() => bench.close());

  const post = (body: unknown, how: Asking = {}) => bench.ask('POST', PUSH, { token, body, ...how });
  const postLines = (payloads: readonly unknown[], how: Asking = {}) =>
    bench.ask('POST', BATCH, { token, headers: LINES, body: jsonLines(payloads), ...how });

  /** Where workers, or relays, will find them. */
  async function written(): Promise<unknown[]> {
    if (outbox) {
      const rows = await bench.database.sql`select data from conexxus.outbox where job_name = 'push_sales'`;
      return rows.map(({ data }) => data);
    }
    const ids = await bench.redis.lrange(`{${bench.namespace}}:sync:wait`, 0, -1);
    const texts = await Promise.all(
      ids.map((id) => bench.redis.hget(`{${bench.namespace}}:sync:${id}`, 'data')),
    );
    return texts.map((text) => JSON.parse(text ?? ''));
  }

  it('is there when it is accepted, unchanged, and known from then on', async () => {
    const sale = aSale('T-1', { note: 'Café 😀', 'x-more': { deep: [1.5, null] } });
    const first = await post(sale);
    expect(await written()).toContainEqual(sale);
    expect(first).toMatchObject({
      status: 202,
      body: { jobId: expect.stringMatching(/^ps-[0-9a-f]{64}$/), status: 'accepted', state: 'waiting' },
    });
    // The same content, written in another order.
    const { transactions, ...rest } = sale;
    const again = await post({ transactions, ...rest });
    expect(again).toMatchObject({
      status: 202,
      body: { jobId: first.body.jobId, status: 'known', state: 'waiting' },
    });
  });

  it('twenty times at once is accepted once', async () => {
    const before = (await written()).length;
    const answers = await Promise.all(Array.from({ length: 20 }, () => post(aSale('twenty'))));
    expect(answers.map(({ status }) => status)).toEqual(Array(20).fill(202));
    expect(sorted(answers.map(({ body }) => body.status))).toEqual(['accepted', ...Array(19).fill('known')]);
    expect(new Set(answers.map(({ body }) => body.jobId)).size).toBe(1);
    expect(await written()).toHaveLength(before + 1);
  });

  it('of many at once, each gets the answer to its own', async () => {
    const sales = Array.from({ length: 300 }, (_, n) => aSale(`many-${n}`));
    const answers = await Promise.all(sales.map((sale) => post(sale)));
    expect(new Set(answers.map(({ body }) => body.jobId)).size).toBe(300);
    const again = await Promise.all(sales.map((sale) => post(sale)));
    expect(again.map(({ body }) => body.jobId)).toEqual(answers.map(({ body }) => body.jobId));
    expect(new Set(again.map(({ body }) => body.status))).toEqual(new Set(['known']));
  });

  it('of another store is refused, whatever else is wrong with it, and nothing of it is written', async () => {
    const before = (await written()).length;
    expect(await post(aSale('theirs', { locationId: 'store-9' }))).toMatchObject({
      status: 403,
      body: {
        type: 'urn:conexxus-sync:problem:other-store',
        detail:
          'locationId is "store-9", and the token till is for store-1, store-2 alone: use that store\'s token',
        problems: [{ path: 'locationId' }],
      },
    });
    expect(await post({ locationId: 'store-9' })).toMatchObject({ status: 403 });
    expect(await written()).toHaveLength(before);
  });

  it('not valid is refused with every problem and its path', async () => {
    const [transaction] = aSale('T-1').transactions;
    const bad = {
      date: '2026-02-30',
      locationId: 'store-1',
      transactions: [{ ...transaction, total: '9.99' }],
    };
    const { status, headers, body } = await post(bad);
    expect(status).toBe(422);
    expect(headers.get('content-type')).toBe('application/problem+json');
    expect(body).toEqual({
      type: 'urn:conexxus-sync:problem:invalid-payload',
      title: 'Invalid payload',
      status: 422,
      detail: 'date must be a calendar date as YYYY-MM-DD; and 1 more: see problems',
      problems: [
        { path: 'date', message: 'must be a calendar date as YYYY-MM-DD' },
        { path: 'transactions[0].total', message: 'must be a finite number' },
      ],
      more: 0,
    });
  });

  it('with a number that a double changes is refused by the digits of its text', async () => {
    const text = JSON.stringify(aSale('card')).replace('{', '{"card":6035710012345678901,');
    expect(await post(text)).toMatchObject({
      status: 422,
      body: { problems: [{ path: 'card', message: expect.stringContaining('send it as text') }] },
    });
  });

  it.each([
    ['cut off', '{"date":', /^The body is not JSON: /],
    ['empty', '', /^The body is not JSON: /],
    ['not UTF-8', Buffer.from([0x22, 0xe9, 0x22]), /^The body is not UTF-8 text\.$/],
  ])('%s is refused, and says how', async (_how, body, said) => {
    const answer = await fetch(`${bench.url}${PUSH}`, {
      method: 'POST',
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      body,
    });
    expect([answer.status, await answer.json()]).toMatchObject([
      400,
      { detail: expect.stringMatching(said) },
    ]);
  });

  it('a hundred levels deep passes, and one more is refused', async () => {
    const nested = (levels: number) =>
      JSON.stringify(aSale('deep')).replace('{', `{"more":${'['.repeat(levels)}${']'.repeat(levels)},`);
    expect(await post(nested(99))).toMatchObject({ status: 202 });
    for (const levels of [100, 1_000_000]) {
      expect(await post(nested(levels))).toMatchObject({
        status: 422,
        body: { problems: [{ message: expect.stringContaining('nested deeper than 100 levels') }] },
      });
    }
  });

  it.each([
    [{ 'content-type': 'application/x-www-form-urlencoded' }],
    [{ 'content-type': 'application/json; charset=iso-8859-1' }],
    [{ 'content-encoding': 'gzip' }],
  ])('as %j is refused, and says as what', async (headers) => {
    expect(await post(aSale('typed'), { headers })).toMatchObject({
      status: 415,
      body: { detail: expect.stringContaining('Content-Type: application/json') },
    });
  });

  it('takes what names its charset', async () => {
    const headers = { 'content-type': 'Application/JSON; charset="UTF-8"' };
    expect(await post(aSale('charset'), { headers })).toMatchObject({ status: 202 });
  });

  it('larger than may be is refused before it is read, and the connection serves on', async () => {
    const answer = await post(' '.repeat(13 * MB));
    expect(answer).toMatchObject({
      status: 413,
      body: { detail: 'The body is more than 12 MB: send fewer sales at a time.' },
    });
    expect(await post(aSale('after'))).toMatchObject({ status: 202 });
  });

  it('larger than may be without saying so is refused as it comes', async () => {
    const chunks = function* () {
      for (let n = 0; n < 13; n += 1) yield Buffer.alloc(MB, ' ');
    };
    const answer = await fetch(`${bench.url}${PUSH}`, {
      method: 'POST',
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      body: ReadableStream.from(chunks()),
      duplex: 'half',
    });
    expect(answer.status).toBe(413);
    await answer.body?.cancel();
  });

  it('a catalog is asked for once as long as that is unfinished', async () => {
    const fetch = () =>
      bench.ask('POST', '/v1/jobs/fetch_inventory', { token, body: { locationId: 'store-1' } });
    expect(await fetch()).toMatchObject({ status: 202, body: { status: 'accepted', state: 'waiting' } });
    // A relay asks once for all that were accepted.
    expect(await fetch()).toMatchObject({ body: { status: outbox ? 'accepted' : 'known' } });
    const other = { token, body: { locationId: 'store-9' } };
    expect(await bench.ask('POST', '/v1/jobs/fetch_inventory', other)).toMatchObject({ status: 403 });
  });

  describe('in a batch', () => {
    it('is answered line by line', async () => {
      const known = aSale('T-1');
      await post(known);
      const { status, body } = await postLines([
        known,
        '',
        aSale('B-1', { locationId: 'store-2' }),
        'no JSON',
        aSale('B-2', { locationId: 'store-9' }),
        { locationId: 'store-1' },
        aSale('B-1', { locationId: 'store-2' }),
      ]);
      expect(status).toBe(422);
      expect(body).toMatchObject({ accepted: 1, known: 2, refused: 3 });
      expect(body.lines).toMatchObject([
        { line: 1, status: 'known' },
        { line: 3, status: 'accepted', jobId: expect.stringMatching(/^ps-/), state: 'waiting' },
        {
          line: 4,
          status: 'refused',
          problems: [{ path: '', message: expect.stringMatching(/^is not JSON/) }],
        },
        { line: 5, status: 'refused', problems: [{ path: 'locationId' }] },
        { line: 6, status: 'refused', problems: [{ path: 'date' }, { path: 'transactions' }] },
        { line: 7, status: 'known' },
      ]);
    });

    it('of many lines is written whole, and known as a whole when it comes again', async () => {
      const sales = Array.from({ length: 1_100 }, (_, n) => aSale(`batch-${n}`));
      const first = await postLines(sales);
      expect([first.status, first.body.accepted]).toEqual([202, 1_100]);
      const again = await postLines(sales);
      expect([again.status, again.body.accepted, again.body.known]).toEqual([202, 0, 1_100]);
      expect(again.body.lines.map(({ jobId }: { jobId: string }) => jobId)).toEqual(
        first.body.lines.map(({ jobId }: { jobId: string }) => jobId),
      );
    });

    it('of too many lines is written up to there, and says so', async () => {
      const { status, body } = await postLines(Array(10_001).fill('{}'));
      expect(status).toBe(413);
      expect(body).toMatchObject({ type: 'urn:conexxus-sync:problem:too-many-lines', refused: 10_000 });
    });

    it('as plain JSON is refused, and says as what', async () => {
      expect(await postLines([], { headers: {} })).toMatchObject({
        status: 415,
        body: { detail: expect.stringContaining('application/x-ndjson') },
      });
    });
  });
});

describe('what an outbox cannot keep', () => {
  it('is refused with its path and the cure', async () => {
    const bench = await intakeBench({ outbox: true });
    const token = await bench.token('till', 'store-1');
    const body = aSale('nul', { note: 'a\u0000b' });
    expect(await bench.ask('POST', PUSH, { token, body })).toMatchObject({
      status: 422,
      body: { problems: [{ path: 'note', message: expect.stringContaining('leave it out') }] },
    });
    await bench.close();
  });
});
