import { once } from 'node:events';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { Redis } from 'ioredis';
import type { PrivateServer } from '../../scripts/services/service.ts';
import { startPrivateRedis } from '../../scripts/services.ts';
import { connectRedis } from '../../src/base/redis.ts';
import { examineRedis } from '../../src/base/redis-fitness.ts';
import { examineFurther, judgeDisk, judgeMemory } from '../../src/cli/doctor-redis.ts';
import type { Content } from '../../src/cli/redis-contents.ts';
import { createSyncProducer } from '../../src/index.ts';
import { testRedisUrl, uniqueNamespace } from '../support/redis.ts';
import { makeSales } from '../support/sales.ts';
import { runCommand } from './command.ts';

const MB = 2 ** 20;

describe('what fills Redis', () => {
  const finished: Content = { kind: 'finished jobs', count: 410_000, bytes: 700 * MB };
  const marks: Content = { kind: 'delivered marks', count: 1_200_000, bytes: 230 * MB };

  it('is named with its numbers, and with the fix of what is the most of it', () => {
    expect(judgeMemory({ used: 980 * MB, max: 1_024 * MB }, [finished, marks])).toEqual({
      about: 'Redis memory',
      ok: false,
      text:
        'nearly full, 980 MB in use, 96 % of the 1.0 GB that it may: finished jobs 410,000 (700 MB), ' +
        'delivered marks 1,200,000 (230 MB); lower COMPLETED_MAX',
    });
  });

  it.each<[Content['kind'], RegExp]>([
    ['delivered marks', /; lower DELIVERED_RETENTION_DAYS, or raise maxmemory$/],
    ['waiting', /circuit status/],
    ['delayed', /retried/],
    ['dead letters', /replay or discard/],
    ['events', /Postgres/],
  ])('%s: has a fix of its own', (kind, fix) => {
    const contents = [{ kind, count: 1, bytes: 60 * MB }];
    expect(judgeMemory({ used: 95 * MB, max: 100 * MB }, contents).text).toMatch(fix);
  });

  it('is not ours to lower where most of it is not ours', () => {
    const { text } = judgeMemory({ used: 98 * MB, max: 100 * MB }, [{ ...finished, bytes: 3 * MB }]);
    expect(text).toMatch(/; raise maxmemory$/);
  });

  it.each([
    [{ used: 89 * MB, max: 100 * MB }, /^89\.0 MB in use, 89 % of the 100 MB that it may: /],
    [{ used: 89 * MB, max: 0 }, /^89\.0 MB in use, no maxmemory: nothing of ours$/],
  ])('is told also where there is room: %j', (memory, text) => {
    const contents = memory.max === 0 ? [] : [finished];
    expect(judgeMemory(memory, contents)).toEqual({
      about: 'Redis memory',
      ok: true,
      text: expect.stringMatching(text),
    });
  });

  it('may be of unknown size', () => {
    const unknown = { ...finished, bytes: undefined };
    expect(judgeMemory({ used: 1, max: 0 }, [unknown]).text).toMatch(/: finished jobs 410,000$/);
  });
});

describe('the disk of Redis', () => {
  it.each([
    [10_000 * MB, 500 * MB, true, /^9\.8 GB free$/],
    [600 * MB, 500 * MB, false, /^600 MB free: a rewrite of its file needs 756 MB, .*free its disk/],
  ])('with %d bytes free and %d in use', (free, used, ok, text) => {
    expect(judgeDisk(free, used)).toEqual({ about: 'Redis disk', ok, text: expect.stringMatching(text) });
  });
});

describe('a Redis that answers all that is read', () => {
  let server: PrivateServer;
  let redis: Redis;

  beforeEach(async () => {
    server = await startPrivateRedis();
    redis = connectRedis(server.url, 'fail-fast', () => undefined);
    await once(redis, 'ready');
  });

  afterEach(async () => {
    redis.disconnect();
    await server.stop();
  });

  it.each<[string, () => Promise<unknown>, RegExp]>([
    ['as a replica', () => redis.replicaof('127.0.0.1', 1), /replica.*\(READONLY\): name the primary/],
    ['at its maxmemory', () => redis.config('SET', 'maxmemory', 1), /maxmemory \(OOM\): raise it/],
    ['alone', () => redis.config('SET', 'min-replicas-to-write', 1), /\(NOREPLICAS\): start them/],
    [
      'to whom it gives no right to write',
      () => redis.call('ACL', 'SETUSER', 'default', '-@write'),
      /may not write \(NOPERM\)/,
    ],
  ])('is asked for a write: %s it refuses', async (_why, bring, refusal) => {
    await bring();
    const further = await examineFurther(redis, 'conexxus');
    expect(further.at(-1)).toEqual({
      about: 'Redis writes',
      ok: false,
      text: expect.stringMatching(refusal),
    });
  });

  it('as a replica has all its findings in the report, none hidden by the refusal', async () => {
    await redis.replicaof('127.0.0.1', 1);
    const { out } = await runCommand(['doctor', '--json'], { REDIS_URL: server.url });
    const { checks }: { checks: { name: string; ok: boolean }[] } = JSON.parse(out);
    const ours = checks.filter(({ name }) => name.startsWith('Redis'));
    expect(ours.filter(({ ok }) => !ok).map(({ name }) => name)).toEqual(['Redis role', 'Redis writes']);
    expect(ours.map(({ name }) => name)).toContain('Redis memory');
  });

  it('is asked for its role', async () => {
    await redis.replicaof('127.0.0.1', 1);
    expect(await examineRedis(redis)).toContainEqual({
      about: 'role',
      verdict: 'warn',
      text: 'it is a replica of 127.0.0.1:1, and takes no writes: name the primary in REDIS_URL',
    });
  });
});

describe('a real Redis', () => {
  let redis: Redis;
  let namespace: string;

  beforeEach(() => {
    namespace = uniqueNamespace();
    redis = connectRedis(testRedisUrl(), 'patient', () => undefined);
  });

  afterEach(async () => {
    await redis.del(await redis.keys(`{${namespace}}:*`));
    redis.disconnect();
  });

  it('is asked for each kind of content, what it may hold, and whether it takes writes', async () => {
    const producer = createSyncProducer({ redisUrl: testRedisUrl(), namespace });
    await producer.pushSalesMany(makeSales(120));
    await producer.close();
    const list = (suffix: string) => `{${namespace}}:sync:${suffix}`;
    await redis.zadd(list('completed'), 1, 'f-1', 2, 'f-2');
    await redis.hset(list('f-1'), 'data', 'x'.repeat(100_000));
    await redis.hset(list('f-2'), 'data', 'x'.repeat(100_000));
    await redis.zadd(list('failed'), 1, 'd-1');
    await redis.zadd(list('delayed'), 1, 'w-1', 2, 'w-2', 3, 'w-3');
    for (let mark = 0; mark < 40; mark += 1) await redis.set(`{${namespace}}:circuit:delivered:${mark}`, '1');
    await redis.xadd(`{${namespace}}:events`, '*', 'event', '{}');
    await redis.xadd(`{${namespace}}:events:refused`, '*', 'event', '{}');

    const [memory, ...others] = await examineFurther(redis, namespace);
    const kinds = [...(memory?.text.split(': ')[1] ?? '').matchAll(/([a-z ]+) ([\d,]+) \((\S+ \w+)\)/g)];
    const counts = Object.fromEntries(kinds.map(([, kind, count]) => [kind?.trim(), Number(count)]));
    expect(counts).toEqual({
      'finished jobs': 2,
      'delivered marks': 40,
      waiting: 120,
      delayed: 3,
      'dead letters': 1,
      events: 2,
    });
    // Two of 100 KB weigh more than 120 small ones.
    expect(kinds[0]?.slice(1)).toEqual(['finished jobs', '2', expect.stringMatching(/^(?:19|2)\d+ KB$/)]);
    expect(others.at(-1)).toEqual({ about: 'Redis writes', ok: true, text: 'taken' });
    expect(await redis.pttl(`{${namespace}}:probe`)).toBeLessThanOrEqual(1_000);
  });
});
