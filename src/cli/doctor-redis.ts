import type { Redis } from 'ioredis';
import { fieldsOf, type RedisMemory, readMemory } from '../base/redis-memory.ts';
import { refusalOf, takesWrites } from '../base/redis-writes.ts';
import type { Finding } from './finding.ts';
import { freeBytes } from './free-disk.ts';
import { type Content, type ContentKind, readContents } from './redis-contents.ts';
import { inBytes } from './words.ts';

/** Of `maxmemory`. A worker makes room with finished jobs at 95 %. */
const FULL_SOON = 0.9;
/** A rewrite of the append-only file needs as much again as there is, and the file goes on growing meanwhile. */
const DISK_SPARE_BYTES = 256 * 2 ** 20;

/** What makes each kind of content less. */
const FIXES: Record<ContentKind, string> = {
  'finished jobs': 'lower COMPLETED_MAX',
  'delivered marks': 'lower DELIVERED_RETENTION_DAYS, or raise maxmemory',
  waiting: 'see why they wait (circuit status), start more workers, or raise maxmemory',
  delayed: 'see why they are retried (dead-letters list, event log), or raise maxmemory',
  'dead letters': 'replay or discard them (dead-letters list)',
  events: 'see why they do not get into Postgres',
};

export async function examineFurther(redis: Redis, namespace: string): Promise<Finding[]> {
  const memory = judgeMemory(await readMemory(redis), await readContents(redis, namespace));
  const disk = await examineDisk(redis);
  // Last, since a replica's refusal makes the connection look for another Redis.
  return [memory, ...disk, await examineWrites(redis, namespace)];
}

/** Pure. */
export function judgeMemory({ used, max }: RedisMemory, contents: readonly Content[]): Finding {
  const limit = max === 0 ? 'no maxmemory' : `${percent(used / max)} of the ${inBytes(max)} that it may`;
  const listed = contents.length === 0 ? 'nothing of ours' : contents.map(described).join(', ');
  const text = `${inBytes(used)} in use, ${limit}: ${listed}`;
  const ok = max === 0 || used < FULL_SOON * max;
  const most = contents[0];
  const fix = most === undefined || (most.bytes ?? 0) < used / 2 ? 'raise maxmemory' : FIXES[most.kind];
  return { about: 'Redis memory', ok, text: ok ? text : `nearly full, ${text}; ${fix}` };
}

/** Nothing where the disk cannot be seen from here. */
async function examineDisk(redis: Redis): Promise<Finding[]> {
  const free = await freeBytes(await whereItSaves(redis));
  return free === undefined ? [] : [judgeDisk(free, (await readMemory(redis)).used)];
}

export function judgeDisk(free: number, used: number): Finding {
  const needed = used + DISK_SPARE_BYTES;
  if (free >= needed) return { about: 'Redis disk', ok: true, text: `${inBytes(free)} free` };
  const text = `${inBytes(free)} free: a rewrite of its file needs ${inBytes(needed)}, and without one Redis refuses writes`;
  return { about: 'Redis disk', ok: false, text: `${text}; free its disk, or move it to a larger one` };
}

async function whereItSaves(redis: Redis) {
  const server = fieldsOf(await redis.info('server'));
  // Managed Redis does not tell.
  const [, folder] = await redis.config('GET', 'dir').then(pairOf, () => []);
  return { folder, pid: Number(server('process_id')), program: /^(?:redis|valkey|keydb)/ };
}

function pairOf(reply: unknown): unknown[] {
  return Array.isArray(reply) ? reply : [];
}

async function examineWrites(redis: Redis, namespace: string): Promise<Finding> {
  try {
    await takesWrites(redis, namespace);
    return { about: 'Redis writes', ok: true, text: 'taken' };
  } catch (error) {
    const refusal = error instanceof Error ? refusalOf(error) : undefined;
    if (refusal === undefined) throw error;
    return { about: 'Redis writes', ok: false, text: `refused: ${refusal}` };
  }
}

function described({ kind, count, bytes }: Content): string {
  const number = count.toLocaleString('en-US');
  return bytes === undefined ? `${kind} ${number}` : `${kind} ${number} (${inBytes(bytes)})`;
}

function percent(share: number): string {
  return `${Math.round(share * 100)} %`;
}
