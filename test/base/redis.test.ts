import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Redis } from 'ioredis';
import { batchedScript, connectRedis } from '../../src/base/redis.ts';
import { testRedisUrl, uniqueNamespace } from '../support/redis.ts';

/** Adds to a counter of its own and to one of all; refuses a negative amount. */
const STEP = `
local amount = tonumber(ARGV[1])
redis.call('INCRBY', KEYS[2], amount)
if amount < 0 then
  return redis.call('LPUSH', KEYS[2], 'x')
end
return { ARGV[2], greet(redis.call('INCRBY', KEYS[1], amount)) }
`;

describe('calls of one turn', () => {
  const prefix = `{${uniqueNamespace()}}`;
  let redis: Redis;
  let add: ReturnType<typeof batchedScript<[string, string]>>;

  beforeAll(() => {
    redis = connectRedis(testRedisUrl(), 'patient', () => undefined);
    add = batchedScript(redis, {
      prelude: `local function greet(sum) return 'sum ' .. sum end`,
      step: STEP,
      sharedKeys: [`${prefix}:all`],
      ownKeys: 1,
      args: 2,
    });
  });

  afterAll(async () => {
    await redis.unlink(`${prefix}:all`, ...['a', 'b', 'c', 'd'].map((name) => `${prefix}:${name}`));
    redis.disconnect();
  });

  const call = (name: string, amount: number) => add([`${prefix}:${name}`], [amount, name]);

  it('are decided one after the other, each with its own keys and arguments', async () => {
    expect(await Promise.all([call('a', 1), call('b', 20), call('a', 300)])).toEqual([
      ['a', 'sum 1'],
      ['b', 'sum 21'],
      ['a', 'sum 321'],
    ]);
    expect(await redis.mget(`${prefix}:a`, `${prefix}:b`)).toEqual(['301', '20']);
  });

  it('go as one command, and more than twenty-five as two', async () => {
    const sent: string[] = [];
    const send = redis.sendCommand.bind(redis);
    redis.sendCommand = (...command) => {
      sent.push(command[0].name);
      return send(...command);
    };
    await Promise.all(Array.from({ length: 25 }, () => call('c', 1)));
    expect(sent).toEqual(['evalsha']);
    await Promise.all(Array.from({ length: 26 }, () => call('c', 1)));
    redis.sendCommand = send;
    expect(sent).toEqual(['evalsha', 'evalsha', 'evalsha']);
    expect(await redis.get(`${prefix}:c`)).toBe('51');
  });

  it('fail alone', async () => {
    const [before, failed, after] = await Promise.allSettled([call('d', 1), call('d', -1), call('d', 1)]);
    expect(before.status).toBe('fulfilled');
    expect(failed).toMatchObject({
      status: 'rejected',
      reason: { name: 'ReplyError', message: expect.stringMatching(/^WRONGTYPE/) },
    });
    expect(after).toMatchObject({ status: 'fulfilled', value: ['d', expect.any(String)] });
  });

  it('are known to a Redis that has forgotten the script', async () => {
    await redis.script('FLUSH');
    expect(await Promise.all([call('d', 1), call('d', 1)])).toHaveLength(2);
  });

  it('all fail where the command does', async () => {
    const away = connectRedis('redis://127.0.0.1:1', 'fail-fast', () => undefined);
    const lost = batchedScript(away, {
      prelude: '',
      step: 'return 1',
      sharedKeys: [],
      ownKeys: 1,
      args: 0,
    });
    const results = await Promise.allSettled([lost(['a'], []), lost(['b'], [])]);
    away.disconnect();
    expect(results.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
  });
});
