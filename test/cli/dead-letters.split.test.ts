import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Queue } from 'bullmq';
import type { Redis } from 'ioredis';
import { connectRedis } from '../../src/base/redis.ts';
import { SPLITS } from '../../src/sync/dead-letters/splits.ts';
import { openQueue } from '../../src/sync/queue.ts';
import { testRedisUrl, uniqueNamespace } from '../support/redis.ts';
import { makeSales } from '../support/sales.ts';
import { runCommand } from './command.ts';

const namespace = uniqueNamespace();
let redis: Redis;
let queue: Queue;

beforeAll(() => {
  redis = connectRedis(testRedisUrl(), 'patient', () => undefined);
  queue = openQueue(redis, namespace);
});

afterAll(() => redis.disconnect());

const command = (args: string[]) => runCommand(args, { SYNC_NAMESPACE: namespace });

/** A dead letter by hand. */
async function shelve(id: string, fields: Record<string, string>): Promise<void> {
  const died = { name: 'push_sales', failedReason: 'rejected: 422', finishedOn: 1_000, atm: 1 };
  await redis.hset(queue.toKey(id), { ...died, ...fields });
  await redis.zadd(queue.toKey('failed'), 1_000, id);
}

describe('dead-letters list', () => {
  it('leaves out batches that wait to be split, and says so; by its id one is shown', async () => {
    const [first, second] = makeSales(2);
    const batch = { ...first, transactions: [first, second].flatMap((each) => each?.transactions ?? []) };
    const marked = { data: JSON.stringify(batch), [SPLITS]: '1' };
    await shelve('a', marked);
    await shelve('b', marked);
    await shelve('lone', { data: JSON.stringify(first), [SPLITS]: '1' });
    const { out } = await command(['dead-letters', 'list']);
    expect(out).toContain('1 dead letter, which died of:');
    expect(out.trimEnd().split('\n').at(-1)).toBe(
      'Not counted: 2 batches that the relay is about to send in halves.',
    );
    const { out: json } = await command(['dead-letters', 'list', '--json']);
    expect(JSON.parse(json)).toMatchObject({ total: 1, toBeSplit: 2 });
    const shown = await command(['dead-letters', 'show', 'a']);
    expect(shown.out).toMatch(/waits +about to be sent in halves by the relay/);
    await redis.zrem(queue.toKey('failed'), 'b', 'lone');
    expect((await command(['dead-letters', 'list'])).out).toBe(
      'No dead letters.\n\nNot counted: 1 batch that the relay is about to send in halves.\n',
    );
  }, 60_000);
});
