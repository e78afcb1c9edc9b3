import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { createBacklogReader, readBacklog } from '../../../src/sync/report/backlog.ts';
import { eventually } from '../../support/eventually.ts';
import { openShelf, type Shelf } from '../shelf.ts';

let shelf: Shelf;

beforeEach(() => {
  shelf = openShelf();
});

afterEach(() => shelf.close());

const backlog = () => readBacklog(shelf.redis, shelf.namespace);

/** A job as it was enqueued so long ago. */
async function enqueued(id: string, agoMs: number, options: object = {}): Promise<void> {
  await shelf.queue.add('push_sales', {}, { jobId: id, timestamp: Date.now() - agoMs, ...options });
}

/** Seconds, by clocks that are the same here. */
async function oldestDueAge(): Promise<number | null> {
  const { oldestDueSince, now } = await backlog();
  return oldestDueSince === null ? null : Math.round((now - oldestDueSince) / 1_000);
}

describe('the backlog', () => {
  it('of an empty queue is nothing at all', async () => {
    expect(await backlog()).toEqual({
      jobs: { waiting: 0, active: 0, delayed: 0, completed: 0, failed: 0 },
      oldestDueSince: null,
      now: expect.any(Number),
    });
  });

  it('counts the jobs by state, those of a priority as waiting', async () => {
    await shelf.died({ id: 'dead-1' }, { id: 'dead-2' });
    await enqueued('a', 0);
    await enqueued('b', 0, { priority: 5 });
    await enqueued('c', 0, { delay: 60_000 });
    expect((await backlog()).jobs).toEqual({ waiting: 2, active: 0, delayed: 1, completed: 0, failed: 2 });
  });

  it('is as old as the oldest job next in turn, also where others came back to the head', async () => {
    await enqueued('old', 600_000);
    await enqueued('new', 60_000);
    await enqueued('back', 30_000, { lifo: true });
    expect(await oldestDueAge()).toBe(600);
  });

  it('is as old as a delayed job has been due that no worker fetched', async () => {
    await enqueued('later', 0, { delay: 60_000 });
    expect(await oldestDueAge()).toBe(null);
    await enqueued('overdue', 100_000, { delay: 60_000 });
    expect(await oldestDueAge()).toBe(40);
  });

  it('is told anew to who reads it again, where others came or the time of one has come', async () => {
    const read = createBacklogReader(shelf.redis, shelf.namespace);
    await enqueued('ahead', -1_500);
    expect((await read()).oldestDueSince).toBeNull();
    await eventually(async () => expect((await read()).oldestDueSince).not.toBeNull());
    const first = await read();
    expect(await read()).toEqual({ ...first, now: expect.any(Number) });
    await enqueued('old', 600_000);
    expect((await read()).oldestDueSince).toBe((await backlog()).oldestDueSince);
    expect(await oldestDueAge()).toBe(600);
  });

  it('takes a job that failed by itself for due since it was last tried', async () => {
    await enqueued('poison', 86_400_000);
    await shelf.redis.hset(shelf.queue.toKey('poison'), { atm: 7, processedOn: Date.now() - 5_000 });
    expect(await oldestDueAge()).toBe(5);
  });
});
