import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { readNewestDeaths } from '../../../src/sync/dead-letters/newest-deaths.ts';
import { openShelf, type Shelf } from '../shelf.ts';

let shelf: Shelf;

beforeEach(() => {
  shelf = openShelf();
});

afterEach(() => shelf.close());

const deaths = () => readNewestDeaths(shelf.redis, shelf.namespace);

describe('what the newest dead letters died of', () => {
  it('is nothing where there are none', async () => {
    expect(await deaths()).toEqual({ total: 0, codes: [] });
  });

  it('is told by the code that the reason begins with', async () => {
    await shelf.died(
      { id: 'a', reason: 'http_422: no such item: 7' },
      { id: 'b', reason: 'http_422: closed' },
      { id: 'c', reason: 'somebody else: wrote this' },
    );
    const { total, codes } = await deaths();
    expect(total).toBe(3);
    expect(new Map(codes)).toEqual(
      new Map([
        ['http_422', 2],
        ['', 1],
      ]),
    );
  });

  it('is looked for in the newest thousand alone', async () => {
    await shelf.shelve(1_200);
    expect(await deaths()).toEqual({ total: 1_200, codes: [['transient', 1_000]] });
  });
});
