import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Queue, Worker } from 'bullmq';
import type { Redis } from 'ioredis';
import { connectRedis } from '../../../src/base/redis.ts';
import { createGateScript, type GateScript } from '../../../src/sync/gate/gate-script.ts';
import { OPTIONS } from '../../circuit/harness.ts';
import { deferred } from '../../support/deferred.ts';
import { testRedisUrl, uniqueNamespace } from '../../support/redis.ts';

let prefix: string;
let redis: Redis;
let queue: Queue;
let follow: () => ReturnType<GateScript>;
let worker: Worker | undefined;

beforeEach(() => {
  const namespace = uniqueNamespace();
  prefix = `{${namespace}}`;
  redis = connectRedis(testRedisUrl(), 'patient', () => undefined);
  queue = new Queue('sync', { connection: redis, prefix });
  const gate = createGateScript(redis, namespace, {
    circuit: OPTIONS,
    eventBacklogMax: 1_000,
    fleetConcurrency: 0,
    rampStepMs: 0,
  });
  follow = () => gate('follow');
});

afterEach(async () => {
  await worker?.close(true);
  worker = undefined;
  await queue.obliterate({ force: true });
  await queue.close();
  redis.disconnect();
});

/** What BullMQ 5, and the clients of other languages like it, does while the queue is paused. */
async function addAsBullMq5(id: string): Promise<void> {
  await redis.hset(queue.toKey(id), 'name', 'push_sales', 'data', '{}', 'opts', '{}', 'timestamp', '1');
  await redis.lpush(queue.toKey('paused'), id);
}

describe('jobs that a client of BullMQ 5 added while the queue was paused', () => {
  it('join those that wait, in their order', async () => {
    await queue.pause();
    await queue.add('push_sales', {}, { jobId: 'known-first' });
    await addAsBullMq5('older');
    await addAsBullMq5('newer');
    await follow();
    expect(await redis.lrange(queue.toKey('wait'), 0, -1)).toEqual(['newer', 'older', 'known-first']);
    expect(await redis.exists(queue.toKey('paused'))).toBe(0);
  });

  it('reach a worker that sleeps, where the pause is over', async () => {
    const done = deferred<string | undefined>();
    worker = new Worker('sync', (job) => Promise.resolve(done.resolve(job.id)), {
      connection: redis,
      prefix,
      drainDelay: 30,
    });
    await worker.waitUntilReady();
    await addAsBullMq5('left-behind');
    await follow();
    expect(await done.promise).toBe('left-behind');
  });
});
