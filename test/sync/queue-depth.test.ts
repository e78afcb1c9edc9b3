import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { createDepthReader } from '../../src/sync/report/queue-depth.ts';
import { openShelf, type Shelf } from './shelf.ts';

let shelf: Shelf;

beforeEach(() => {
  shelf = openShelf();
});

afterEach(async () => {
  await shelf.queue.obliterate({ force: true });
  shelf.close();
});

it('counts what is in the queue, and finds the oldest that is due', async () => {
  const { queue, redis, namespace } = shelf;
  const read = createDepthReader(redis, namespace);
  const NOTHING = { waiting: 0, delayed: 0, active: 0, failed: 0, unwritten: 0, oldestDueAt: null };
  expect(await read()).toEqual(NOTHING);

  const now = Date.now();
  await shelf.died({ id: 'dead' });
  await queue.add('push_sales', {}, { jobId: 'later', timestamp: now - 900_000, delay: 9_000_000 });
  const unwritten = await redis.xlen(`{${namespace}}:events`);
  expect(await read()).toEqual({ ...NOTHING, delayed: 1, failed: 1, unwritten });

  await queue.add('push_sales', {}, { jobId: 'first', timestamp: now - 300_000 });
  await queue.add('push_sales', {}, { jobId: 'second', timestamp: now - 200_000 });
  await queue.add('push_sales', {}, { jobId: 'before all', priority: 1, timestamp: now - 100_000 });
  expect(await read()).toMatchObject({ waiting: 3, delayed: 1, oldestDueAt: now - 300_000 });

  // Due, and not moved while the queue is paused.
  await queue.pause();
  await queue.add('push_sales', {}, { jobId: 'due', timestamp: now - 600_000, delay: 1_000 });
  expect(await read()).toMatchObject({ waiting: 3, delayed: 2, oldestDueAt: now - 600_000 });
});
