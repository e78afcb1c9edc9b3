import { inspect } from 'node:util';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { Redis } from 'ioredis';
import type { PrivateServer } from '../../../scripts/services/service.ts';
import { startPrivateRedis } from '../../../scripts/services.ts';
import { createSyncProducer, type SyncProducer } from '../../../src/sync/producer/producer.ts';
import { QueueUnavailableError } from '../../../src/sync/producer/producer-errors.ts';
import { sales } from '../sales.ts';

/** The promise is two seconds; the rest is for a busy machine to notice. */
const IN_TIME_MS = 2_300;

let server: PrivateServer;
let producer: SyncProducer;
const connectionErrors: Error[] = [];

beforeAll(async () => {
  server = await startPrivateRedis();
});

beforeEach(async () => {
  await server.start();
  await commanding((redis) => redis.flushall());
  producer = createProducer();
});

afterEach(async () => {
  await producer.close();
});

afterAll(async () => {
  await server.stop();
});

function createProducer(url = server.url): SyncProducer {
  return createSyncProducer({
    redisUrl: url,
    namespace: 'faults',
    onError: (error) => connectionErrors.push(error),
  });
}

async function commanding<Reply>(command: (redis: Redis) => Promise<Reply>): Promise<Reply> {
  const redis = new Redis(server.url);
  try {
    return await command(redis);
  } finally {
    redis.disconnect();
  }
}

async function waiting(): Promise<number> {
  return commanding((redis) => redis.llen('{faults}:sync:wait'));
}

async function refusal(attempt: Promise<unknown>): Promise<{ error: unknown; ms: number }> {
  const start = performance.now();
  const error = await attempt.then(
    () => new Error('It was accepted.'),
    (reason: unknown) => reason,
  );
  return { error, ms: performance.now() - start };
}

async function expectUnavailable(attempt: Promise<unknown>): Promise<void> {
  const { error, ms } = await refusal(attempt);
  expect(error).toMatchObject({ name: 'QueueUnavailableError', code: 'QUEUE_UNAVAILABLE' });
  expect(ms).toBeLessThan(IN_TIME_MS);
}

/** As a POS does: again and again, until it is through. */
async function untilThrough<Result>(attempt: () => Promise<Result>): Promise<Result> {
  for (;;) {
    try {
      return await attempt();
    } catch (error) {
      if (!(error instanceof QueueUnavailableError)) throw error;
    }
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

describe('a producer whose Redis is away', () => {
  it('fails in time from the start, adds nothing later behind the back, and works once Redis is there', async () => {
    await server.halt('immediate');
    const early = createProducer();
    await expectUnavailable(early.pushSales(sales('lost')));
    await expectUnavailable(early.pushSalesMany([sales('lost'), sales('too')]));
    await expectUnavailable(early.fetchInventory({ locationId: 'store-1' }));
    await server.start();
    expect(await untilThrough(() => early.pushSales(sales('found')))).toMatchObject({ status: 'accepted' });
    expect(await waiting()).toBe(1);
    await early.close();
  });

  it('fails in time when Redis stops later, and works once it is back', async () => {
    await producer.pushSales(sales('before'));
    await server.halt('immediate');
    const attempts = Array.from({ length: 50 }, (_, n) => producer.pushSales(sales(n)));
    await Promise.all(attempts.map(expectUnavailable));
    await server.start();
    expect(await untilThrough(() => producer.pushSales(sales('after')))).toMatchObject({
      status: 'accepted',
    });
  });

  it('fails in time when Redis freezes, works once it thaws, and makes one job of all tries', async () => {
    await producer.pushSales(sales('before'));
    signal('SIGSTOP');
    try {
      await expectUnavailable(producer.pushSales(sales('frozen')));
      await expectUnavailable(producer.pushSales(sales('frozen')));
    } finally {
      signal('SIGCONT');
    }
    await untilThrough(() => producer.pushSales(sales('frozen')));
    expect(await waiting()).toBe(2);
  });

  it('closes in time', async () => {
    await server.halt('immediate');
    const early = createProducer();
    const start = performance.now();
    await early.close();
    expect(performance.now() - start).toBeLessThan(IN_TIME_MS);
  });
});

function signal(name: NodeJS.Signals): void {
  if (server.pid === undefined) throw new Error('The server is down.');
  process.kill(server.pid, name);
}

it('does not notice that its connection was killed', async () => {
  await producer.pushSales(sales('before'));
  for (let n = 0; n < 5; n += 1) {
    await commanding((redis) => redis.call('CLIENT', 'KILL', 'TYPE', 'normal'));
    expect(await producer.pushSales(sales(n))).toMatchObject({ status: 'accepted' });
  }
});

it('says that the queue is full when Redis is at its maxmemory, and works when it has room again', async () => {
  await producer.pushSales(sales('before'));
  await commanding((redis) => redis.config('SET', 'maxmemory', '1'));
  try {
    for (const attempt of [
      producer.pushSales(sales('a')),
      producer.pushSalesMany([sales('b'), sales('c')]),
      producer.fetchInventory({ locationId: 'store-1' }),
    ]) {
      expect((await refusal(attempt)).error).toMatchObject({ name: 'QueueFullError', code: 'QUEUE_FULL' });
    }
    // What is there is still found.
    expect(await waiting()).toBe(1);
  } finally {
    await commanding((redis) => redis.config('SET', 'maxmemory', '0'));
  }
  expect(await producer.pushSales(sales('a'))).toMatchObject({ status: 'accepted' });
});

it('enqueues many in few round trips', async () => {
  const list = Array.from({ length: 200 }, (_, n) => sales(n));
  await producer.pushSales(sales('before'));
  const before = await readsProcessed();
  await producer.pushSalesMany(list);
  // A big request is read in pieces of 16 kB; one by one it would be 400.
  expect((await readsProcessed()) - before).toBeLessThan(40);
});

async function readsProcessed(): Promise<number> {
  const info = await commanding((redis) => redis.info('stats'));
  return Number(/total_reads_processed:(\d+)/.exec(info)?.[1]);
}

it('gets over flushed scripts', async () => {
  await producer.pushSales(sales('before'));
  await commanding((redis) => redis.script('FLUSH'));
  expect(await untilThrough(() => producer.pushSales(sales('after')))).toMatchObject({ status: 'accepted' });
});

it('shows neither password nor payload in its errors', async () => {
  await commanding((redis) => redis.config('SET', 'requirepass', 'right'));
  connectionErrors.length = 0;
  const stranger = createProducer(server.url.replace('//', '//:canary-password@'));
  try {
    const { error } = await refusal(stranger.pushSales(sales('canary-payload')));
    expect(error).toMatchObject({ code: 'QUEUE_UNAVAILABLE', message: expect.stringContaining('WRONGPASS') });
    expect(connectionErrors.length).toBeGreaterThan(0);
    expect(inspect([error, connectionErrors], { depth: 10, showHidden: true })).not.toContain('canary');
  } finally {
    await stranger.close();
    const redis = new Redis(server.url, { password: 'right' });
    await redis.config('SET', 'requirepass', '');
    redis.disconnect();
  }
});
