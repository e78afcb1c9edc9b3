import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { Verdict } from '../../../src/sync/dead-letters/dead-letters.ts';
import { sales } from '../sales.ts';
import { collect, openShelf, type Shelf, WORD } from '../shelf.ts';

let shelf: Shelf;

beforeEach(() => {
  shelf = openShelf();
});

afterEach(() => shelf.close());

describe('discard', () => {
  it('removes the job for good, and keeps who, why and what in the log', async () => {
    await shelf.died({ id: 'a', reason: 'rejected: never valid' }, { id: 'b' });
    await shelf.queue.addJobLog('a', 'a line');
    expect(await collect(shelf.letters.discard({ ids: ['a'] }, WORD))).toEqual([{ id: 'a', kind: 'done' }]);
    expect(await shelf.redis.keys(`${shelf.queue.toKey('a')}*`)).toEqual([]);
    expect(await shelf.idsOf({})).toEqual(['b']);
    expect(await shelf.events()).toMatchObject([
      { type: 'conexxus.operator.discard', aggregateId: 'a', payload: { ...WORD, action: 'discard' } },
      {
        type: 'conexxus.sync.discarded.push_sales',
        aggregateId: 'a',
        payload: { ...WORD, diedOf: 'rejected: never valid', data: JSON.stringify(sales('a')) },
      },
    ]);
  });

  it('leaves no trace of the job that would keep it from being enqueued again', async () => {
    await shelf.died({ id: 'a', options: { deduplication: { id: 'store-1' } } });
    await collect(shelf.letters.discard({}, WORD));
    const again = await shelf.queue.add('push_sales', sales('a'), {
      jobId: 'b',
      deduplication: { id: 'store-1' },
    });
    expect(again.id).toBe('b');
    await shelf.queue.add('push_sales', sales('a'), { jobId: 'a' });
    expect((await shelf.waiting()).sort()).toEqual(['a', 'b']);
  });

  it('while somebody replays: each job is either back in the queue or gone', async () => {
    const ids = await shelf.shelve(300, (index) => 1_000 + index);
    const others = shelf.another();
    const [replayed, discarded] = await Promise.all([
      collect(shelf.letters.replay({}, WORD)),
      collect(others.letters.discard({}, WORD)),
    ]);
    others.close();
    const done = (verdicts: Verdict[]) => verdicts.filter(({ kind }) => kind === 'done').map(({ id }) => id);
    expect([...done(replayed), ...done(discarded)].sort()).toEqual([...ids].sort());
    expect((await shelf.waiting()).sort()).toEqual(done(replayed).sort());
    for (const id of done(discarded)) expect(await shelf.redis.exists(shelf.queue.toKey(id))).toBe(0);
    expect(await shelf.typesOf('conexxus.sync.replayed')).toHaveLength(done(replayed).length);
    expect(await shelf.typesOf('conexxus.sync.discarded')).toHaveLength(done(discarded).length);
  });
});
