import type { Redis } from 'ioredis';

/** Commands that this Redis ever ran, for whomever, those inside scripts included. */
export async function commandsRun(redis: Redis): Promise<number> {
  const stats = await redis.info('commandstats');
  const calls = [...stats.matchAll(/^cmdstat_[^:]+:calls=(\d+)/gm)];
  return calls.reduce((total, [, count]) => total + Number(count), 0);
}
