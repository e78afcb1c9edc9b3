import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { findJobsOfSale, readQueuedJobs } from '../../src/sync/report/jobs-of-sale.ts';
import { makeSales } from '../support/sales.ts';
import { openShelf, type Shelf } from './shelf.ts';

let shelf: Shelf;

beforeEach(() => {
  shelf = openShelf();
});

afterEach(async () => {
  await shelf.queue.obliterate({ force: true });
  shelf.close();
});

const find = (id: string) => findJobsOfSale(shelf.redis, shelf.queue, id);

it('finds a sale in whichever list its job is, also behind many others', async () => {
  const { queue } = shelf;
  await shelf.died({ id: 'dead', data: makeSales(1, 'dead')[0] });
  const jobs = makeSales(1_300).map((data, index) => ({
    name: 'push_sales',
    data,
    opts: { jobId: `job-${index}` },
  }));
  await queue.addBulk(jobs);
  const [sale] = makeSales(1, 'late');
  const later = await queue.add('push_sales', sale, { delay: 3_600_000, jobId: 'later' });
  await queue.add('push_sales', sale, { priority: 3, jobId: 'first' });
  expect(await find('a-0')).toEqual(['job-0']);
  expect(await find('a-1299')).toEqual(['job-1299']);
  expect((await find('late-0')).toSorted()).toEqual(['first', 'later']);
  expect(await find('dead-0')).toEqual(['dead']);
  expect(await find('a-1300')).toEqual([]);
  expect(await readQueuedJobs(shelf.redis, queue, ['later', 'first', 'dead', 'nobody'])).toMatchObject([
    {
      id: 'later',
      state: 'delayed',
      dueAt: later.timestamp + 3_600_000,
      locationId: 'store-1',
      date: '2026-11-20',
    },
    {
      id: 'first',
      state: 'waiting',
      dueAt: null,
      transactions: 1,
      enqueuedAt: expect.any(Number),
      reason: null,
    },
    { id: 'dead', state: 'failed', reason: expect.any(String) },
  ]);
});

it.each([
  ['as Python writes it', String.raw`{"transactions": [{"id" : "Caf\u00e9/1"}]}`],
  ['as .NET writes it', String.raw`{"transactions":[{"id":"Caf\u00E9/1"}]}`],
  ['as PHP writes it', String.raw`{"transactions":[{"id":"Caf\u00e9\/1"}]}`],
  ['as it is', '{"transactions":[{"id":"Café/1"}]}'],
])('finds an id %s', async (_who, json) => {
  await shelf.queue.add('push_sales', {}, { jobId: 'foreign' });
  await shelf.redis.hset(shelf.queue.toKey('foreign'), 'data', json);
  expect(await find('Café/1')).toEqual(['foreign']);
});

it('is not misled by what only looks like it', async () => {
  const data = {
    note: 'T-1',
    transactions: [{ id: 'T-10', items: [{ sku: 'T-1', id: 'T-1' }] }, { id: 'T.2' }],
  };
  await shelf.queue.add('push_sales', data, { jobId: 'other' });
  await shelf.queue.add('push_sales', 'no object', { jobId: 'text' });
  expect(await find('T-1')).toEqual([]);
  expect(await find('T-2')).toEqual([]);
  expect(await find('T.2')).toEqual(['other']);
});
