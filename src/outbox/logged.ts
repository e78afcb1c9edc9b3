import type { Redis } from 'ioredis';
import type { Database } from '../base/database.ts';
import { readRefused } from '../events/drained.ts';
import { readFates, type Standing, standingOf } from '../events/fates.ts';

/** What is written of a payload, in the event log or among the rows that it refused. */
export interface Logged {
  readonly standing: Standing;
  /** Some try of it has no known end. */
  readonly inDoubt: boolean;
}

/** Of one look: ids beyond it wait for the next. */
const CHUNK = 500;
const NOTHING: Logged = { standing: { kind: 'open' }, inDoubt: false };

export async function readLogged(
  log: Pick<Database, 'read'>,
  syncKeys: readonly string[],
): Promise<(syncKey: string) => Logged> {
  const logged = new Map<string, Logged>();
  for (let start = 0; start < syncKeys.length; start += CHUNK) {
    const fates = await readFates(log, syncKeys.slice(start, start + CHUNK));
    for (const [syncKey, fate] of fates) {
      logged.set(syncKey, { standing: standingOf(fate), inDoubt: fate.failures.inDoubt });
    }
  }
  return (syncKey) => logged.get(syncKey) ?? NOTHING;
}

/** A row that Postgres refused was written all the same: a payload with one is never sent again by itself. */
export async function readDeliveredButRefused(redis: Redis, namespace: string): Promise<ReadonlySet<string>> {
  const rows = await readRefused(redis, namespace);
  const delivered = rows.filter(({ type }) => /^conexxus\.sync\.(succeeded|known)\./.test(type));
  return new Set(delivered.map(({ jobId }) => jobId));
}
