import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { eventStreamKey } from '../../src/events/event.ts';
import { InvalidPayloadError, type PushSales } from '../../src/index.ts';
import { startProcess } from '../support/process.ts';
import { makeSales } from '../support/sales.ts';
import { type FaultStand, SALES_PATH, startFaultStand } from './fault-stand.ts';

let stand: FaultStand;

beforeAll(async () => {
  stand = await startFaultStand({ simulator: { keepBodies: true } });
  await stand.startWorker();
}, 60_000);

afterAll(() => stand.close());

beforeEach(() => stand.calm());

/** A valid sale with these members changed or added. */
function sale(batch: string, changes: object = {}): PushSales {
  const [valid] = makeSales(1, batch);
  if (valid === undefined) throw new Error('no sale made');
  return { ...valid, ...changes };
}

const transaction = (id: string, more: object = {}) => ({
  id,
  timestamp: '2026-11-20T12:00:00-06:00',
  total: 1,
  items: [{ sku: 'a', quantity: 1, price: 1 }],
  ...more,
});

function nested(levels: number): unknown {
  let value: unknown = 'deep';
  for (let level = 0; level < levels; level += 1) value = [value];
  return value;
}

const megabytes = (n: number) => 'x'.repeat(n * 2 ** 20);

describe('payloads that no back office can take', () => {
  it.each<{ what: string; changes: object; path: string; reason: string }>([
    { what: 'more than 10 MB', changes: { note: megabytes(11) }, path: '', reason: 'is too large' },
    {
      what: 'deep nesting',
      changes: { note: nested(200) },
      path: `note${'[0]'.repeat(50)}`,
      reason: 'nested deeper',
    },
    {
      what: 'NaN',
      changes: { transactions: [transaction('nan', { total: Number.NaN })] },
      path: 'transactions[0].total',
      reason: 'NaN does not exist in JSON',
    },
    {
      what: 'a date off the calendar',
      changes: { date: '2026-02-30' },
      path: 'date',
      reason: 'must be a calendar date',
    },
    {
      what: 'duplicate transaction ids',
      changes: { transactions: [transaction('one'), transaction('one')] },
      path: 'transactions[1].id',
      reason: 'is already the id of transactions[0]',
    },
  ])(
    '[49] $what: refused with its path; dead-lettered at once where it came another way',
    async (row) => {
      const data = sale(`row-49-${row.what}`, row.changes);
      const refusal: unknown = await stand.producer.pushSales(data).catch((error: unknown) => error);
      expect(refusal).toBeInstanceOf(InvalidPayloadError);
      const problem = {
        path: expect.stringContaining(row.path),
        message: expect.stringContaining(row.reason),
      };
      expect(refusal).toMatchObject({ problems: expect.arrayContaining([problem]) });

      const jobId = `row-49-${row.what}`.replaceAll(' ', '-');
      await stand.queue.add('push_sales', data, { jobId });
      stand.accept(jobId);
      await stand.untilAtRest();
      expect(await stand.states([jobId])).toEqual(['failed']);
      expect((await stand.queue.getJob(jobId))?.failedReason).toContain(row.path);
      await stand.expectSums();
    },
    40_000,
  );

  it('[49] nesting so deep that whoever recurses overflows: dead-lettered alone, others flow', async () => {
    const jobId = 'row-49-abyss';
    const levels = 50_000;
    await stand.queue.pause();
    await stand.queue.add('push_sales', {}, { jobId });
    stand.accept(jobId);
    // As a client in another language can write it: JSON.stringify of this process would overflow too.
    await stand.redis.hset(
      stand.queue.toKey(jobId),
      'data',
      `{"note":${'['.repeat(levels)}${']'.repeat(levels)}}`,
    );
    await stand.queue.resume();
    const others = await stand.enqueue(makeSales(3, 'row-49-beside-the-abyss'));
    await stand.untilAtRest();
    expect(await stand.states([jobId, ...others])).toEqual(['failed', 'completed', 'completed', 'completed']);
    // A person can look at it all the same, whatever Node's own limits are.
    const shown = startProcess('dist/cli.js', stand.env, ['dead-letters', 'show', jobId, '--json']);
    expect(await shown.exited).toEqual({ code: 0, signal: null });
    expect(shown.logs[0]).toMatchObject({ id: jobId, data: { note: expect.any(Array) } });
    expect(JSON.stringify(shown.logs[0])).toContain('cannot be shown: nests deeper');
    const read = startProcess('dist/cli.js', stand.env, ['dead-letters', 'show', jobId]);
    expect(await read.exited).toEqual({ code: 0, signal: null });
    expect(JSON.stringify(read.logs)).toContain('cannot be shown: nests deeper');
    await stand.expectSums();
  }, 40_000);

  it.each<{ what: string; changes: object }>([
    { what: 'nearly 10 MB', changes: { note: megabytes(9) } },
    { what: 'emoji', changes: { locationId: 'store 🏪', transactions: [transaction('👩‍👩‍👧‍👦-1')] } },
    { what: '__proto__', changes: JSON.parse('{"__proto__":{"polluted":true},"constructor":1}') },
    {
      what: 'long decimals and refunds',
      changes: { transactions: [transaction('refund', { total: -0.30000000000000004 })] },
    },
  ])(
    '[49] $what: delivered unchanged',
    async ({ what, changes }) => {
      // Not spread: that would set a prototype instead of a member.
      const data = Object.defineProperties(
        sale(`row-49-good-${what}`),
        Object.getOwnPropertyDescriptors(changes),
      );
      const [jobId = ''] = await stand.enqueue([data]);
      await stand.untilAtRest();
      const [call] = await stand.calls(jobId);
      expect(call?.body).toBe(JSON.stringify(data));
      expect(await stand.states([jobId])).toEqual(['completed']);
      await stand.expectSums();
    },
    40_000,
  );
});

describe('texts that Postgres refuses', () => {
  const unfit = 'NUL \0, lone \ud800 surrogate';

  it('[55] in a payload: sent unchanged, replaced in the row, the writer goes on', async () => {
    const data = sale('row-55', { locationId: unfit, transactions: [transaction(unfit)] });
    const [jobId = ''] = await stand.enqueue([data]);
    const after = await stand.enqueue(makeSales(2, 'row-55-after'));
    await stand.untilAtRest();
    const [call] = await stand.calls(jobId);
    expect(call?.body).toBe(JSON.stringify(data));
    const [row] = await stand.database.sql`
      select location_id, transaction_ids from event_log where aggregate_id = ${jobId}`;
    const replaced = unfit.replace(/[\0\ud800]/g, '\ufffd');
    expect(row).toEqual({ location_id: replaced, transaction_ids: [replaced] });
    expect(new Set(await stand.states(after))).toEqual(new Set(['completed']));
    await stand.expectSums();
  }, 40_000);

  it('[55] in an error of the API: replaced in the row, the writer goes on', async () => {
    const fault = { kind: 'status', status: 422, body: { success: false, error: unfit } } as const;
    await stand.simulator.setFaults([{ match: { path: SALES_PATH, times: 1 }, fault }]);
    const jobIds = await stand.enqueue(makeSales(1, 'row-55-error'));
    await stand.untilAtRest();
    const [failure] = await stand.failures(jobIds);
    expect(failure?.message).toContain('NUL \ufffd, lone \ufffd surrogate');
    expect(await stand.states(jobIds)).toEqual(['failed']);
    await stand.expectSums();
  }, 40_000);
});

describe('a plain client', () => {
  it("[56] adds with attempts: 1 and removeOnFail: true: the worker's policy holds, the dead letter stays", async () => {
    const [retried, refused] = makeSales(2, 'row-56');
    await stand.simulator.setFaults([
      { match: { transactionId: 'row-56-0', times: 2 }, fault: { kind: 'status', status: 500 } },
      { match: { transactionId: 'row-56-1' }, fault: { kind: 'status', status: 422 } },
    ]);
    const careless = { attempts: 1, removeOnFail: true, removeOnComplete: true };
    await stand.queue.add('push_sales', retried, { ...careless, jobId: 'row-56-retried' });
    await stand.queue.add('push_sales', refused, { ...careless, jobId: 'row-56-refused' });
    stand.accept('row-56-retried');
    stand.accept('row-56-refused');
    await stand.untilAtRest();

    expect(await stand.states(['row-56-retried', 'row-56-refused'])).toEqual(['completed', 'failed']);
    expect((await stand.queue.getJob('row-56-refused'))?.data).toEqual(refused);
    expect(await stand.failures(['row-56-retried'])).toHaveLength(2);
    await stand.expectSums();
  }, 40_000);
});

// Last, since the books of this file are off from here on: a row is where it should not be.
describe('a row that Postgres can never take', () => {
  it('[55] a sale id too long for its index: delivered, the row set apart, the writer goes on', async () => {
    const id = randomBytes(8_000).toString('base64');
    const [jobId = ''] = await stand.enqueue([sale('row-55-long', { transactions: [transaction(id)] })]);
    const after = await stand.enqueue(makeSales(2, 'row-55-after-long'));
    await stand.untilAtRest();

    expect(new Set(await stand.states([jobId, ...after]))).toEqual(new Set(['completed']));
    const { problems } = await stand.reconcile();
    expect(problems).toEqual([`1 delivered without a row: ${jobId}`, '1 rows set apart: 1']);
    const [[, fields] = []] = await stand.redis.xrange(
      `${eventStreamKey(stand.namespace)}:refused`,
      '-',
      '+',
    );
    expect(fields?.join(' ')).toContain(jobId);
  }, 40_000);
});
