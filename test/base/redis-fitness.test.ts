import { afterAll, describe, expect, it } from '@jest/globals';
import { connectRedis } from '../../src/base/redis.ts';
import { examineRedis, judgeRedis, type RedisFacts } from '../../src/base/redis-fitness.ts';
import { testRedisUrl } from '../support/redis.ts';

const GOOD: RedisFacts = {
  version: '7.0.15',
  maxmemoryPolicy: 'noeviction',
  appendOnly: true,
  clockAheadMs: 12,
};

describe('a Redis', () => {
  it('that keeps what it is given is fit', () => {
    expect(judgeRedis(GOOD).map(({ verdict }) => verdict)).toEqual(['ok', 'ok', 'ok', 'ok']);
  });

  it.each<[Partial<RedisFacts>, string, 'warn' | 'refuse', RegExp]>([
    [{ version: '6.0.16' }, 'version', 'refuse', /^6\.0\.16: use Redis 6\.2 or newer$/],
    [{ version: '5.0.7' }, 'version', 'refuse', /6\.2 or newer/],
    [{ version: '' }, 'version', 'refuse', /^unknown: use/],
    [
      { maxmemoryPolicy: 'allkeys-lru' },
      'eviction',
      'refuse',
      /is allkeys-lru: .*set "maxmemory-policy noeviction"/,
    ],
    [{ maxmemoryPolicy: 'volatile-ttl' }, 'eviction', 'refuse', /volatile-ttl/],
    [{ appendOnly: false }, 'persistence', 'warn', /set "appendonly yes"/],
    [{ clockAheadMs: 5_001 }, 'clock', 'warn', /clock is 5\.0 s ahead of that of Redis/],
    [{ clockAheadMs: -3_600_000 }, 'clock', 'warn', /clock is 3600\.0 s behind that of Redis/],
  ])('with %j is not', (facts, about, verdict, text) => {
    const findings = judgeRedis({ ...GOOD, ...facts }).filter((finding) => finding.verdict !== 'ok');
    expect(findings).toEqual([{ about, verdict, text: expect.stringMatching(text) }]);
  });

  it.each(['6.2.0', '7.0.15', '8.0.1', '10.1.0'])('of version %s is new enough', (version) => {
    expect(judgeRedis({ ...GOOD, version })[0]).toEqual({ about: 'version', verdict: 'ok', text: version });
  });
});

describe('the Redis of the tests', () => {
  const redis = connectRedis(testRedisUrl(), 'patient', () => undefined);
  afterAll(() => redis.disconnect());

  it('can be asked for all of it', async () => {
    const findings = await examineRedis(redis);
    expect(findings.map(({ about }) => about)).toEqual(['version', 'eviction', 'persistence', 'clock']);
    expect(findings[0]).toMatchObject({ verdict: 'ok', text: expect.stringMatching(/^\d+\.\d+\.\d+$/) });
    expect(findings[1]).toMatchObject({ verdict: 'ok' });
    expect(findings[3]).toMatchObject({ verdict: 'ok' });
  });
});
