import { readdir, readFile } from 'node:fs/promises';
import type { Redis } from 'ioredis';
import type { Service } from '../services/service.ts';

/** Linux tells it in hundredths of a second, whatever the machine. */
const MS_PER_TICK = 10;

/** Processor time of Redis since it started. */
export async function redisCpuMs(redis: Redis): Promise<number> {
  const cpu = await redis.info('cpu');
  const used = (what: string) => Number(new RegExp(`^used_cpu_${what}:([\\d.]+)`, 'm').exec(cpu)?.[1]);
  return (used('sys') + used('user')) * 1_000;
}

/** What Redis holds, without what its connections, the writing of its log and the scripts that it knows take. */
export async function redisBytes(redis: Redis): Promise<number> {
  const memory = await redis.info('memory');
  const of = (what: string) => Number(new RegExp(`^${what}:(\\d+)`, 'm').exec(memory)?.[1] ?? 0);
  const passing = ['mem_clients_normal', 'mem_aof_buffer', 'used_memory_scripts_eval'];
  return passing.reduce((rest, name) => rest - of(name), of('used_memory'));
}

/**
 * Processor time of a Postgres of our own and of all backends that it has or ever had; NaN for another one. From /proc:
 * Linux only.
 */
export async function postgresCpuMs(postgres: Service): Promise<number> {
  const pid = 'pid' in postgres ? Number(postgres.pid) : Number.NaN;
  const server = Number.isNaN(pid) ? undefined : await statOf(String(pid));
  if (server === undefined) return Number.NaN;
  const others = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const stats = await Promise.all(others.map(statOf));
  const backends = stats.filter((stat) => stat?.parent === pid);
  return backends.reduce((sum, stat) => sum + (stat?.ownMs ?? 0), server.ownMs + server.endedMs);
}

interface Stat {
  readonly parent: number;
  readonly ownMs: number;
  /** Of its children that have ended. */
  readonly endedMs: number;
}

/** Undefined: it has just ended. */
async function statOf(pid: string): Promise<Stat | undefined> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => undefined);
  if (stat === undefined) return undefined;
  // The name, second of the fields, is in brackets and may hold spaces.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const ticks = (from: number) => Number(fields[from]) + Number(fields[from + 1]);
  return { parent: Number(fields[1]), ownMs: ticks(11) * MS_PER_TICK, endedMs: ticks(13) * MS_PER_TICK };
}
