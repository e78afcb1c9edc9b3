import type { Redis } from 'ioredis';

/**
 * Every text that a namespace holds in Redis, by key. Left out: the payloads in BullMQ's job hashes, which
 * are kept as they came, since that is what is sent.
 */
export async function redisTexts(redis: Redis, namespace: string): Promise<string[]> {
  const texts: string[] = [];
  for await (const keys of redis.scanStream({ match: `{${namespace}}:*`, count: 1_000 })) {
    for (const key of Array.isArray(keys) ? keys : []) {
      texts.push(`${key} ${JSON.stringify(await valueOf(redis, String(key)))}`);
    }
  }
  return texts;
}

async function valueOf(redis: Redis, key: string): Promise<unknown> {
  switch (await redis.type(key)) {
    case 'string':
      return redis.get(key);
    case 'list':
      return redis.lrange(key, 0, -1);
    case 'set':
      return redis.smembers(key);
    case 'zset':
      return redis.zrange(key, '0', '-1');
    case 'stream':
      return redis.xrange(key, '-', '+');
    default: {
      const { data: _payload, ...hash } = await redis.hgetall(key);
      return hash;
    }
  }
}
