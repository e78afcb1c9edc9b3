import { sql } from 'drizzle-orm';
import type { Redis } from 'ioredis';
import type { Transaction } from '../base/database.ts';
import { ConexxusSyncError } from '../base/errors.ts';
import { createRedisLease } from '../base/redis-lease.ts';

/**
 * Another relay works, a person changed lines or payloads, or Postgres is not the one that was begun with: what is
 * known of the outbox is old.
 */
export class LostTurnError extends ConexxusSyncError {
  readonly code = 'RELAY_LOST_TURN';
}

/** What is read under the lock of every step. */
export interface Standing {
  /** Why nothing is sent until a person says so. */
  readonly held: string | null;
  /** Counts what people did to lines and payloads. */
  readonly acts: number;
}

export interface Lease {
  /** Whether it is this relay's turn, by Redis; takes it where it is free. */
  hold(): Promise<boolean>;
  /** Written down in Postgres; all that another relay had begun is committed or gone by then. */
  begin(tx: Transaction): Promise<Standing>;
  /** First in every transaction that changes anything. @throws LostTurnError */
  check(tx: Transaction): Promise<Standing>;
  /** So that another takes over at once. */
  release(): Promise<void>;
}

/** A relay that was killed is replaced after so long. */
const LEASE_MS = 3_000;

type Row = Standing & Record<string, unknown> & { readonly owner: string | null; readonly started: string };

/**
 * Of several relays one works, and the others wait. Redis says whose turn it is, since it knows when a process
 * died; but it may be wiped, or a relay be frozen and wake up, so Postgres has the last word: every step locks
 * the row with the owner's name, and who is not the owner any more changes nothing.
 */
export function createLease(redis: Redis, namespace: string): Lease {
  const { owner, hold, release } = createRedisLease(redis, `{${namespace}}:outbox:relay`, LEASE_MS);
  let begun: Row | undefined;

  async function read(tx: Transaction): Promise<Row> {
    const [row] = await tx.execute<Row>(sql`
      select owner, held, acts, pg_postmaster_start_time()::text as started from conexxus.relay for update`);
    if (row === undefined) throw new Error('conexxus.relay has no row: was it deleted by hand?');
    return row;
  }

  return {
    hold,
    async begin(tx) {
      const row = await read(tx);
      if (row.owner !== owner) await tx.execute(sql`update conexxus.relay set owner = ${owner}`);
      begun = row;
      return row;
    },
    async check(tx) {
      const row = await read(tx);
      // A database that was restored from a backup may name the same owner.
      if (row.owner !== owner || row.started !== begun?.started)
        throw new LostTurnError('another relay works, or Postgres was started again');
      if (row.acts !== begun.acts) throw new LostTurnError('a person changed something');
      return row;
    },
    release,
  };
}
