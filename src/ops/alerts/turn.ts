import { ConexxusSyncError } from '../../base/errors.ts';
import { postgresReason } from '../../base/postgres-errors.ts';
import { type Memory, NOTHING_KNOWN } from './incidents.ts';
import type { Seen } from './look.ts';
import { merge } from './merge.ts';
import type { MemoryStore } from './postgres-memory.ts';

/** Another dashboard sends by now. */
export class LostAlertsError extends ConexxusSyncError {
  readonly code = 'ALERTS_LOST_TURN';
}

type Taken =
  | { readonly kind: 'mine'; readonly memory: Memory }
  /** Another dashboard sends. */
  | { readonly kind: 'theirs' }
  /** Neither server can be used: nobody knows who sends. */
  | { readonly kind: 'nowhere'; readonly redis: string; readonly postgres: string };

export interface Turn {
  take(seen: Pick<Seen, 'redis' | 'postgres'>): Promise<Taken>;
  /** Resolves to it with its new revision. @throws LostAlertsError; rejects where no server takes it. */
  save(memory: Memory): Promise<Memory>;
  release(): Promise<void>;
}

type Held = { readonly memory: Memory | null } | { readonly why: string };

/**
 * Of all dashboards one sends: it has the lease of each server that it can use. Postgres goes first, and who does not get
 * it gives back that of Redis, so that two who see different servers do not wait for each other for ever. Each server has
 * a copy of the memory; where they differ, since one of them was away, they are merged.
 */
export function createTurn(
  postgres: MemoryStore,
  redis: MemoryStore,
  onTrouble: (reason: string) => void = () => undefined,
): Turn {
  let mine: readonly MemoryStore[] = [];

  async function save(memory: Memory): Promise<Memory> {
    const next = { ...memory, revision: Math.max(memory.revision + 1, Date.now()) };
    const results = await Promise.allSettled(mine.map((store) => store.save(next)));
    if (results.some((result) => result.status === 'fulfilled' && !result.value)) {
      throw new LostAlertsError('another dashboard sends alerts by now');
    }
    const failed = results.flatMap((result) => (result.status === 'rejected' ? [result.reason] : []));
    if (failed.length === results.length) {
      throw new Error('what is known of alerts could not be written', { cause: failed[0] });
    }
    return next;
  }

  return {
    async take(seen) {
      mine = [];
      const inPostgres = await holdOf(postgres, seen.postgres, onTrouble);
      if ('memory' in inPostgres && inPostgres.memory === null) {
        await redis.release().catch(() => undefined);
        return { kind: 'theirs' };
      }
      const inRedis = await holdOf(redis, seen.redis, onTrouble);
      if ('memory' in inRedis && inRedis.memory === null) return { kind: 'theirs' };
      if ('why' in inRedis && 'why' in inPostgres) {
        return { kind: 'nowhere', redis: inRedis.why, postgres: inPostgres.why };
      }
      mine = [...('why' in inPostgres ? [] : [postgres]), ...('why' in inRedis ? [] : [redis])];
      const copies = [inPostgres, inRedis].flatMap((held) => memoryIn(held) ?? []);
      return { kind: 'mine', memory: await agreed(copies, save) };
    },
    save,
    async release() {
      await Promise.allSettled([postgres.release(), redis.release()]);
    },
  };
}

/** `onTrouble`: it answers, and cannot be used for this all the same: its tables are missing, it was changed by hand. */
async function holdOf(
  store: MemoryStore,
  answer: Seen['redis'],
  onTrouble: (reason: string) => void,
): Promise<Held> {
  if (!answer.ok) return { why: answer.reason };
  try {
    return { memory: await store.take() };
  } catch (error) {
    const why = postgresReason(error);
    onTrouble(why);
    return { why };
  }
}

function memoryIn(held: Held): Memory | undefined {
  return ('memory' in held && held.memory) || undefined;
}

/** A server that was away learns what it missed. */
async function agreed(copies: readonly Memory[], save: Turn['save']): Promise<Memory> {
  const [first = NOTHING_KNOWN, second = first] = copies;
  return first.revision === second.revision ? first : save(merge(first, second));
}
