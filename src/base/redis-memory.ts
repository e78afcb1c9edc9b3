import type { Redis } from 'ioredis';

export interface RedisMemory {
  /** Bytes that count against the limit: buffers of replicas and of the append-only file do not. */
  readonly used: number;
  /** `maxmemory` in bytes; 0: none. */
  readonly max: number;
}

export async function readMemory(redis: Redis): Promise<RedisMemory> {
  const field = fieldsOf(await redis.info('memory'));
  const used = Number(field('used_memory')) - Number(field('mem_not_counted_for_evict'));
  return { used, max: Number(field('maxmemory')) };
}

/** Reads `name:value` lines of INFO; what it does not have is empty. */
export function fieldsOf(info: string): (name: string) => string {
  return (name) => new RegExp(`^${name}:(.*?)\\r?$`, 'm').exec(info)?.[1] ?? '';
}
