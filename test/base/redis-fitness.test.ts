import { afterAll, describe, expect, it } from '@jest/globals';
import { connectRedis } from '../../src/base/redis.ts';
import { examineRedis, judgeRedis, type RedisFacts } from '../../src/base/redis-fitness.ts';
import { testRedisUrl } from '../support/redis.ts';

const GOOD: RedisFacts = {
  version: '7.0.15',
  maxmemoryPolicy: 'noeviction',
  appendOnly: true,
  primary: undefined,
  failed: [],
  clockAheadMs: 12,
};

describe('a Redis', () => {
  it('that keeps what it is given is fit', () => {
    expect(new Set(judgeRedis(GOOD).map(({ verdict }) => verdict))).toEqual(new Set(['ok']));
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
    [{ primary: '10.0.0.7:6379' }, 'role', 'warn', /^it is a replica of 10\.0\.0\.7:6379.*name the primary/],
    [{ failed: ['rdb_last_bgsave_status'] }, 'saving', 'warn', /^the last snapshot failed: .*run BGSAVE$/],
    [{ failed: ['aof_last_write_status'] }, 'saving', 'warn', /^the last write .* failed: .*free its disk/],
    [{ failed: ['aof_last_bgrewrite_status'] }, 'saving', 'warn', /grows without end; .*run BGREWRITEAOF$/],
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
    expect(findings.map(({ about }) => about)).toEqual([
      'version',
      'role',
      'eviction',
      'persistence',
      'saving',
      'clock',
    ]);
    expect(findings[0]).toMatchObject({ verdict: 'ok', text: expect.stringMatching(/^\d+\.\d+\.\d+$/) });
    const wrong = findings.filter(({ verdict }) => verdict !== 'ok').map(({ about }) => about);
    // A server that was given to the tests may keep no append-only file.
    expect(wrong.filter((about) => about !== 'persistence')).toEqual([]);
  });
});
