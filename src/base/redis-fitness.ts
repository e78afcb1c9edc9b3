import type { Redis } from 'ioredis';
import { ConexxusSyncError } from './errors.ts';
import type { Logger } from './logger.ts';
import { fieldsOf } from './redis-memory.ts';

/** Whether this Redis can be trusted with sales: one finding per thing looked at. */
export interface RedisFinding {
  readonly about: 'version' | 'role' | 'eviction' | 'persistence' | 'saving' | 'clock';
  /** `refuse`: sales would be lost or the scripts fail; `warn`: it works, and less safely than it should. */
  readonly verdict: 'ok' | 'warn' | 'refuse';
  /** What was found and, where it is not ok, the fix. */
  readonly text: string;
}

/** What of `INFO` and `TIME` matters here. Managed Redis forbids `CONFIG GET`, but not these. */
export interface RedisFacts {
  readonly version: string;
  readonly maxmemoryPolicy: string;
  readonly appendOnly: boolean;
  /** Where it is a replica: `host:port` of its primary. */
  readonly primary: string | undefined;
  /** What of its last ways to disk failed. */
  readonly failed: readonly Saving[];
  /** How far this process's clock is ahead of Redis's. */
  readonly clockAheadMs: number;
}

type Saving = keyof typeof SAVINGS;

/** The ways to disk, by the field of INFO that says how the last one ended; and what follows where it failed. */
const SAVINGS = {
  rdb_last_bgsave_status:
    'the last snapshot failed: with stop-writes-on-bgsave-error Redis then refuses every write, sales too; ' +
    'free its disk or make its folder writable (its log says which), then run BGSAVE',
  aof_last_write_status:
    'the last write to the append-only file failed: Redis refuses every write, sales too, until one succeeds; ' +
    'free its disk (its log says more)',
  aof_last_bgrewrite_status:
    'the last rewrite of the append-only file failed: the file grows without end; free its disk, ' +
    'then run BGREWRITEAOF',
} as const;
const WAYS = ['rdb_last_bgsave_status', 'aof_last_write_status', 'aof_last_bgrewrite_status'] as const;

/** BullMQ's scripts and ours use commands of this version. */
const VERSION_MIN = [6, 2] as const;
/** BullMQ's delays run on the processes' clocks, the circuit on that of Redis. */
const CLOCK_SKEW_MAX_MS = 5_000;

/** An evicting Redis loses sales: better no worker than one that seems to work. */
class UnfitRedisError extends ConexxusSyncError {
  readonly code = 'REDIS_UNFIT';
}

/** Logs what could be better. @throws {UnfitRedisError} where sales would be lost */
export async function requireFitRedis(redis: Redis, logger: Logger): Promise<void> {
  const findings = await examineRedis(redis);
  for (const { about, verdict, text } of findings) {
    if (verdict === 'warn') logger.warn({ about }, text);
  }
  const refused = findings.filter(({ verdict }) => verdict === 'refuse').map(({ text }) => text);
  if (refused.length > 0) throw new UnfitRedisError(`Redis is not fit to hold sales: ${refused.join('; ')}.`);
}

/** Rejects with the connection's error where Redis can't be asked. */
export async function examineRedis(redis: Redis): Promise<RedisFinding[]> {
  return judgeRedis(await readFacts(redis));
}

/** Pure. */
export function judgeRedis(facts: RedisFacts): RedisFinding[] {
  return [
    judgeVersion(facts.version),
    judgeRole(facts.primary),
    judgeEviction(facts.maxmemoryPolicy),
    judgePersistence(facts.appendOnly),
    judgeSaving(facts.failed),
    judgeClock(facts.clockAheadMs),
  ];
}

async function readFacts(redis: Redis): Promise<RedisFacts> {
  const info = await redis.info();
  const askedAt = Date.now();
  const [seconds, microseconds] = await redis.time();
  const here = (askedAt + Date.now()) / 2;
  const field = fieldsOf(info);
  return {
    version: field('redis_version'),
    maxmemoryPolicy: field('maxmemory_policy'),
    appendOnly: field('aof_enabled') === '1',
    primary: field('role') === 'slave' ? `${field('master_host')}:${field('master_port')}` : undefined,
    failed: WAYS.filter((way) => field(way) === 'err'),
    clockAheadMs: Math.round(here - (Number(seconds) * 1_000 + Number(microseconds) / 1_000)),
  };
}

function judgeVersion(version: string): RedisFinding {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  const [majorMin, minorMin] = VERSION_MIN;
  const fits = major > majorMin || (major === majorMin && minor >= minorMin);
  const text = fits ? version : `${version || 'unknown'}: use Redis ${majorMin}.${minorMin} or newer`;
  return { about: 'version', verdict: fits ? 'ok' : 'refuse', text };
}

function judgeRole(primary: string | undefined): RedisFinding {
  if (primary === undefined) return { about: 'role', verdict: 'ok', text: 'primary' };
  const text = `it is a replica of ${primary}, and takes no writes: name the primary in REDIS_URL`;
  return { about: 'role', verdict: 'warn', text };
}

function judgeEviction(policy: string): RedisFinding {
  if (policy === 'noeviction') return { about: 'eviction', verdict: 'ok', text: 'noeviction' };
  const text =
    `maxmemory-policy is ${policy || 'unknown'}: a full Redis would throw away sales; ` +
    'set "maxmemory-policy noeviction"';
  return { about: 'eviction', verdict: 'refuse', text };
}

function judgePersistence(appendOnly: boolean): RedisFinding {
  if (appendOnly) return { about: 'persistence', verdict: 'ok', text: 'append-only file' };
  const text =
    'appendonly is off: a restart of Redis loses the sales since its last snapshot; set "appendonly yes"';
  return { about: 'persistence', verdict: 'warn', text };
}

function judgeSaving(failed: readonly Saving[]): RedisFinding {
  if (failed.length === 0)
    return { about: 'saving', verdict: 'ok', text: 'the last writes to disk succeeded' };
  return { about: 'saving', verdict: 'warn', text: failed.map((way) => SAVINGS[way]).join('; ') };
}

function judgeClock(aheadMs: number): RedisFinding {
  const distance = `${(Math.abs(aheadMs) / 1_000).toFixed(1)} s`;
  if (Math.abs(aheadMs) <= CLOCK_SKEW_MAX_MS) {
    return { about: 'clock', verdict: 'ok', text: `within ${distance} of this machine's` };
  }
  const text =
    `this machine's clock is ${distance} ${aheadMs < 0 ? 'behind' : 'ahead of'} that of Redis: ` +
    'synchronize both (NTP), or retries come at the wrong time';
  return { about: 'clock', verdict: 'warn', text };
}
