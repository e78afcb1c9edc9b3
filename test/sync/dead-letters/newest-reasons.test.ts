import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { createReasonsReader } from '../../../src/sync/dead-letters/newest-reasons.ts';
import { groupKeyOf } from '../../../src/sync/dead-letters/reason-groups.ts';
import { SPLITS } from '../../../src/sync/dead-letters/splits.ts';
import { openShelf, type Shelf } from '../shelf.ts';

let shelf: Shelf;

beforeEach(() => {
  shelf = openShelf();
});

afterEach(() => shelf.close());

const reasons = () => createReasonsReader(shelf.redis, shelf.namespace)();

describe('what the newest dead letters died of', () => {
  it('is nothing where there are none', async () => {
    expect(await reasons()).toEqual({ total: 0, toBeSplit: 0, older: 0, groups: [] });
  });

  it('is told in groups, by the same keys as on the command line', async () => {
    await shelf.died(
      { id: 'a', reason: 'http_422: no such item: 7' },
      { id: 'b', reason: 'http_422: no such item: 8' },
      { id: 'c', reason: 'timeout: no answer' },
    );
    const { total, groups } = await reasons();
    expect(total).toBe(3);
    expect(groups.map(({ key, count }) => [key, count])).toEqual([
      [groupKeyOf('http_422: no such item: 9'), 2],
      [groupKeyOf('timeout: no answer'), 1],
    ]);
  });

  it('is told anew to who reads it again, where one died, left, or died again of something else', async () => {
    const read = createReasonsReader(shelf.redis, shelf.namespace);
    const told = async () => (await read()).groups.map(({ count, reason }) => [count, reason]);
    const failed = shelf.queue.toKey('failed');
    const dies = (id: string, failedReason: string, finishedOn: number) =>
      Promise.all([
        shelf.redis.hset(shelf.queue.toKey(id), { failedReason, finishedOn }),
        shelf.redis.zadd(failed, finishedOn, id),
      ]);
    await dies('a', 'timeout: none', 1_000);
    expect([await told(), await told()]).toEqual([[[1, 'timeout: none']], [[1, 'timeout: none']]]);
    await dies('b', 'timeout: none', 1_000);
    expect(await told()).toEqual([[2, 'timeout: none']]);
    await dies('b', 'http_422: no', 2_000);
    expect(await told()).toEqual([
      [1, 'http_422: no'],
      [1, 'timeout: none'],
    ]);
    await shelf.redis.zrem(failed, 'a');
    expect(await told()).toEqual([[1, 'http_422: no']]);
  });

  it('passes over a batch that waits to be split, and not over its last half', async () => {
    await shelf.died({ id: 'batch' }, { id: 'half' });
    const sales = (...ids: string[]) => JSON.stringify({ transactions: ids.map((id) => ({ id })) });
    await shelf.redis.hset(shelf.queue.toKey('batch'), { [SPLITS]: '1', data: sales('T-1', 'T-2') });
    await shelf.redis.hset(shelf.queue.toKey('half'), { [SPLITS]: '1', data: sales('T-1') });
    const { total, toBeSplit, groups } = await reasons();
    expect([total, toBeSplit, groups.map(({ count }) => count)]).toEqual([2, 1, [1]]);
  });

  it('is looked for in the newest two thousand alone', async () => {
    await shelf.shelve(2_100);
    expect(await reasons()).toMatchObject({ total: 2_100, older: 100, groups: [{ count: 2_000 }] });
  });
});
