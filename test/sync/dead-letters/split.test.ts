import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Worker } from 'bullmq';
import { CLAIM_IN_DOUBT } from '../../../src/circuit/claims.ts';
import { claimKey } from '../../../src/circuit/keys.ts';
import { createSplitOut } from '../../../src/sync/dead-letters/split.ts';
import { SPLITS } from '../../../src/sync/dead-letters/splits.ts';
import { queuePrefix } from '../../../src/sync/queue.ts';
import { splitEvent } from '../../../src/sync/sync-event.ts';
import { sales } from '../sales.ts';
import { collect, openShelf, type Shelf, WORD } from '../shelf.ts';

let shelf: Shelf;

beforeEach(() => {
  shelf = openShelf();
});

afterEach(() => shelf.close());

function splitOut(jobId: string, from: 'failed' | 'delayed', { redis, queue, namespace }: Shelf = shelf) {
  const subject = {
    jobId,
    name: 'push_sales',
    json: JSON.stringify(sales(jobId)),
    locationId: 'store-1',
    transactionIds: [],
  };
  const event = splitEvent(subject, ['ps-a', 'ps-b'], 'rejected: 422', (text) => text);
  return createSplitOut({ redis, queue, namespace })({ jobId, from, event });
}

/** A job that waits for its next try. */
async function delay(jobId: string, delayMs = 60_000): Promise<void> {
  await shelf.queue.add('push_sales', sales(jobId), { jobId, delay: delayMs });
}

/** Two sales in one payload. */
const batch = (unlike: string) => ({
  ...sales(),
  transactions: [...sales(`${unlike}-1`).transactions, ...sales(`${unlike}-2`).transactions],
});

const keysOf = (jobId: string) => shelf.redis.keys(`${shelf.queue.toKey(jobId)}*`);

describe('splitting', () => {
  it.each(['failed', 'delayed'] as const)(
    'takes a %s batch out of the queue, with its event, once',
    async (from) => {
      if (from === 'failed') await shelf.died({ id: 'a' }, { id: 'b' });
      else await Promise.all(['a', 'b'].map((id) => delay(id)));
      await shelf.queue.addJobLog('a', 'a line');
      expect(await splitOut('a', from)).toBe(true);
      expect(await keysOf('a')).toEqual([]);
      expect(await shelf.queue.getJobCounts(from)).toEqual({ [from]: 1 });
      expect(await shelf.queue.getJobState('a')).toBe('unknown');
      expect(await splitOut('a', from)).toBe(false);
      expect(await shelf.events()).toMatchObject([
        {
          type: 'conexxus.sync.split.push_sales',
          aggregateId: 'a',
          payload: { halves: ['ps-a', 'ps-b'], reason: 'rejected: 422' },
        },
      ]);
    },
  );

  it('leaves alone what is in another set by now, and what is no job', async () => {
    await shelf.died({ id: 'replayed' }, { id: 'discarded' });
    await collect(shelf.letters.replay({ ids: ['replayed'] }, WORD));
    await collect(shelf.letters.discard({ ids: ['discarded'] }, WORD));
    await delay('later');
    expect(await splitOut('replayed', 'failed')).toBe(false);
    expect(await splitOut('replayed', 'delayed')).toBe(false);
    expect(await splitOut('discarded', 'failed')).toBe(false);
    expect(await splitOut('later', 'failed')).toBe(false);
    expect(await shelf.waiting()).toEqual(['replayed']);
    expect(await shelf.queue.getJobState('later')).toBe('delayed');
    expect(await shelf.typesOf('conexxus.sync.split')).toEqual([]);
  });

  it('leaves a delayed batch whole while a try has no known end; a dead one goes', async () => {
    await shelf.died({ id: 'dead' });
    await delay('later');
    for (const id of ['dead', 'later']) {
      await shelf.redis.set(claimKey(shelf.namespace, id), CLAIM_IN_DOUBT);
    }
    expect(await splitOut('later', 'delayed')).toBe(false);
    expect(await splitOut('dead', 'failed')).toBe(true);
    await shelf.redis.set(claimKey(shelf.namespace, 'later'), 'recorded|a permission');
    expect(await splitOut('later', 'delayed')).toBe(true);
  });

  it('of the next delayed job keeps no worker from those that follow', async () => {
    await delay('first', 300);
    await delay('second', 600);
    const taken: string[] = [];
    const connection = shelf.redis.duplicate();
    const worker = new Worker('sync', async (job) => void taken.push(job.id ?? ''), {
      prefix: queuePrefix(shelf.namespace),
      connection,
      drainDelay: 60,
    });
    await worker.waitUntilReady();
    expect(await splitOut('first', 'delayed')).toBe(true);
    await new Promise((resolve) => worker.on('completed', resolve));
    expect(taken).toEqual(['second']);
    await worker.close();
    connection.disconnect();
  });

  it('while somebody replays: each batch is either back in the queue or split', async () => {
    const ids = await shelf.shelve(200);
    const others = shelf.another();
    const [replayed, split] = await Promise.all([
      collect(others.letters.replay({}, WORD)),
      Promise.all(ids.toReversed().map(async (id) => ((await splitOut(id, 'failed')) ? [id] : []))),
    ]);
    others.close();
    const back = replayed.filter(({ kind }) => kind === 'done').map(({ id }) => id);
    expect([...back, ...split.flat()].sort()).toEqual([...ids].sort());
    expect((await shelf.waiting()).sort()).toEqual(back.sort());
    expect(await shelf.typesOf('conexxus.sync.split')).toHaveLength(split.flat().length);
  });
});

describe('a dead letter that waits to be split', () => {
  beforeEach(async () => {
    await shelf.died({ id: 'batch', data: batch('a') }, { id: 'lone' }, { id: 'plain', data: batch('b') });
    for (const id of ['batch', 'lone']) await shelf.redis.hset(shelf.queue.toKey(id), { [SPLITS]: '1' });
  });

  it('is passed over by lists, and told of; asked for by its id, it is shown', async () => {
    let left = 0;
    const count = () => {
      left += 1;
    };
    const listed = await collect(shelf.letters.scan({ error: '422' }, 'newest-first', { passOver: count }));
    expect(listed.map(({ id }) => id).sort()).toEqual(['lone', 'plain']);
    expect(left).toBe(1);
    await collect(shelf.letters.scan({ error: 'something else' }, 'newest-first', { passOver: count }));
    expect(left).toBe(1);
    expect(await collect(shelf.letters.scan({ ids: ['batch', 'lone'] }, 'oldest-first'))).toMatchObject([
      { id: 'batch', toBeSplit: true },
      expect.not.objectContaining({ toBeSplit: true }),
    ]);
  });

  it.each(['replay', 'discard'] as const)('is left alone by a %s, unless its id is given', async (deed) => {
    const done = await collect(shelf.letters[deed]({}, WORD));
    expect(done.map(({ id, kind }) => `${id} ${kind}`).sort()).toEqual(['lone done', 'plain done']);
    expect(await shelf.queue.getJobState('batch')).toBe('failed');
    expect(await collect(shelf.letters[deed]({ ids: ['batch'] }, WORD))).toEqual([
      { id: 'batch', kind: 'done' },
    ]);
  });

  it('is marked still when it comes back', async () => {
    await collect(shelf.letters.replay({ ids: ['batch'] }, WORD));
    expect(await shelf.hashOf('batch')).toMatchObject({ [SPLITS]: '1' });
  });
});
