import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { createStoresReader } from '../../../src/sync/report/stores-in-turn.ts';
import { openShelf, type Shelf } from '../shelf.ts';

let shelf: Shelf;

beforeEach(() => {
  shelf = openShelf();
});

afterEach(() => shelf.close());

const stores = () => createStoresReader(shelf.redis, shelf.namespace)();

async function enqueued(id: string, data: object, timestamp: number, options: object = {}): Promise<void> {
  await shelf.queue.add('push_sales', data, { jobId: id, timestamp, ...options });
}

describe('the stores of the jobs next in turn', () => {
  it('are none where nothing waits', async () => {
    expect(await stores()).toEqual({ lookedAt: 0, stores: [] });
  });

  it('come with how many wait, since when, the one that waits longest first', async () => {
    await enqueued('a', { locationId: 'new' }, 3_000);
    await enqueued('b', { locationId: 'old' }, 1_000);
    await enqueued('c', { locationId: 'old' }, 2_000, { delay: 60_000 });
    await enqueued('d', { locationId: 'new' }, 4_000, { priority: 3 });
    expect(await stores()).toEqual({
      lookedAt: 4,
      stores: [
        { locationId: 'old', jobs: 2, oldestAt: 1_000 },
        { locationId: 'new', jobs: 2, oldestAt: 3_000 },
      ],
    });
  });

  it('are others once others are next in turn', async () => {
    const read = createStoresReader(shelf.redis, shelf.namespace);
    await enqueued('a', { locationId: 'old' }, 1_000);
    const first = await read();
    expect(await read()).toEqual(first);
    await enqueued('b', { locationId: 'new' }, 2_000);
    expect(await read()).toEqual(await stores());
    expect((await read()).lookedAt).toBe(2);
  });

  it('are not known of a payload that names none, or is too large to be looked at', async () => {
    await enqueued('a', {}, 1_000);
    await enqueued('b', { locationId: 'store-7', note: 'x'.repeat(40_000) }, 2_000);
    expect((await stores()).stores).toEqual([{ locationId: null, jobs: 2, oldestAt: 1_000 }]);
  });

  it('are looked for in the next five hundred alone', async () => {
    const jobs = Array.from({ length: 600 }, (_, place) => ({
      name: 'push_sales',
      data: { locationId: place < 500 ? 'first' : 'later' },
    }));
    await shelf.queue.addBulk(jobs);
    expect(await stores()).toMatchObject({ lookedAt: 500, stores: [{ locationId: 'first', jobs: 500 }] });
  });
});
