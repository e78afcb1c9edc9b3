import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { startPrivateRedis } from '../../../scripts/services.ts';
import { connectRedis } from '../../../src/base/redis.ts';
import { createRepairs, type Replacement } from '../../../src/sync/dead-letters/repair.ts';
import { createJobAdder } from '../../../src/sync/producer/job-adder.ts';
import { openQueueConnection } from '../../../src/sync/producer/queue-connection.ts';
import { openQueue } from '../../../src/sync/queue.ts';
import { testRedisUrl } from '../../support/redis.ts';
import { sales } from '../sales.ts';
import { openShelf, type Shelf, WORD } from '../shelf.ts';
import { edited, keyOf, mended, redact } from './mending.ts';

let shelf: Shelf;

beforeEach(() => {
  shelf = openShelf();
});

afterEach(() => shelf.close());

const repairs = () => createRepairs({ ...shelf, redact });
const repair = (id: string, data: unknown, more: { inDoubt?: boolean } = {}) =>
  repairs().repair({ id, edited: edited(data), word: WORD, ...more });

describe('a repair', () => {
  it('puts the edited sale into the queue under its own key, and closes the dead letter, both told', async () => {
    await shelf.died({ id: 'mine-1', data: sales('a'), reason: 'http_422: unknown item 16676' });
    const mendedSale = mended('a');
    const key = keyOf(mendedSale);
    const replacement: Replacement = await repair('mine-1', mendedSale);
    expect(replacement).toEqual({
      replaced: 'mine-1',
      jobId: key,
      locationId: 'store-1',
      transactionIds: ['sale-a'],
      differences: {
        list: [{ path: 'transactions[0].items[0].sku', from: '"16676"', to: '"16677"' }],
        more: 0,
      },
      inDoubt: false,
    });
    expect(await shelf.waiting()).toEqual([key]);
    expect((await shelf.queue.getJob(key))?.data).toEqual(mendedSale);
    expect(await shelf.redis.keys(`${shelf.queue.toKey('mine-1')}*`)).toEqual([]);
    expect(await shelf.queue.getJobCounts('failed')).toEqual({ failed: 0 });
    expect(await shelf.events()).toMatchObject([
      {
        type: 'conexxus.operator.repair',
        aggregateId: 'mine-1',
        payload: { ...WORD, replacedBy: key, inDoubt: false },
      },
      {
        type: 'conexxus.sync.replaced.push_sales',
        aggregateId: 'mine-1',
        locationId: 'store-1',
        transactionIds: ['sale-a'],
        payload: {
          ...WORD,
          syncKey: keyOf(sales('a')),
          replacedBy: key,
          diedOf: 'http_422: unknown item 16676',
          changes: replacement.differences.list,
          data: JSON.stringify(sales('a')),
        },
      },
      {
        type: 'conexxus.sync.replaces.push_sales',
        aggregateId: key,
        transactionIds: ['sale-a'],
        payload: { ...WORD, syncKey: key, replaces: 'mine-1', data: JSON.stringify(mendedSale) },
      },
    ]);
  });

  it.each([
    ['runs', async () => undefined],
    ['is paused', () => shelf.queue.pause()],
    [
      'is at its concurrency',
      async () => {
        await shelf.queue.setGlobalConcurrency(1);
        await shelf.redis.lpush(shelf.queue.toKey('active'), 'another');
      },
    ],
  ])('adds a job as BullMQ does, where the queue %s', async (_how, prepare) => {
    const other = openShelf();
    const traces = async ({ queue, redis }: Shelf, key: string) => {
      const { timestamp, repair: _ours, opts = '', ...hash } = await redis.hgetall(queue.toKey(key));
      const entries = await redis.xrange(queue.toKey('events'), '-', '+');
      const events = entries.map(([, fields]) => fields).filter((fields) => fields.includes(key));
      const marker = await redis.zrange(queue.toKey('marker'), '0', '-1', 'WITHSCORES');
      return {
        hash,
        opts: JSON.parse(opts),
        events,
        marker,
        timestamp: typeof timestamp,
        wait: await redis.lrange(queue.toKey('wait'), 0, -1),
      };
    };
    await shelf.shelve(1, () => Date.now());
    const mendedSale = mended('letter-0');
    const key = keyOf(mendedSale);
    await prepare();
    await repair('letter-0', mendedSale);
    const mine = shelf;
    shelf = other;
    await prepare();
    const adder = createJobAdder(
      openQueueConnection(testRedisUrl(), () => undefined),
      other.namespace,
    );
    await adder.add([{ name: 'push_sales', jobId: key, json: JSON.stringify(mendedSale) }]);
    await adder.close();
    shelf = mine;
    expect(await traces(mine, key)).toEqual(await traces(other, key));
    other.close();
  });

  it('keeps the order: the new sale goes behind those that wait', async () => {
    await shelf.shelve(1, () => Date.now());
    await shelf.queue.add('push_sales', sales('first'), { jobId: 'first' });
    const { jobId } = await repair('letter-0', mended('letter-0'));
    expect(await shelf.waiting()).toEqual([jobId, 'first']);
  });

  it('takes a sale under a wrong job name, or with bad data, that was never sent', async () => {
    const wrong = { ...sales('b'), date: '2026-02-30', locationId: '' };
    await shelf.died({ id: 'a', name: 'push-sales', data: sales('a') }, { id: 'b', data: wrong });
    expect(await repair('a', sales('a'))).toMatchObject({
      jobId: keyOf(sales('a')),
      differences: { list: [] },
    });
    expect(await repair('b', sales('b'))).toMatchObject({ jobId: keyOf(sales('b')) });
  });

  it('works on a full Redis, since it takes no more room than it gives', async () => {
    const server = await startPrivateRedis();
    const redis = connectRedis(server.url, 'patient', () => undefined);
    const { namespace } = shelf;
    const queue = openQueue(redis, namespace);
    const fields = { name: 'push_sales', data: JSON.stringify(sales('a')), finishedOn: Date.now() };
    await redis.hset(queue.toKey('a'), fields);
    await redis.zadd(queue.toKey('failed'), 1_000, 'a');
    await redis.config('SET', 'maxmemory', '1');
    const full = createRepairs({ redis, queue, namespace, redact });
    const { jobId } = await full.repair({ id: 'a', edited: edited(mended('a')), word: WORD });
    expect(await redis.lrange(queue.toKey('wait'), 0, -1)).toEqual([jobId]);
    redis.disconnect();
    await server.stop();
  });
});
