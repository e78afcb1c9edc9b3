import { sql } from 'drizzle-orm';
import type { Transaction } from '../base/database.ts';

/** Taken rows after which it is written down how far the relay came, or after a minute with any. */
const ROWS = 2_000;
const REST_MS = 60_000;

/**
 * How far a relay came, for those who ask what it has not taken yet: what this snapshot sees of the outbox is taken.
 * Written seldom, since under somebody's old snapshot the versions of the row pile up.
 */
export function createMark() {
  let snapshot: string | undefined;
  let rows = ROWS;
  let writtenAt = performance.now();
  return {
    /** All that the snapshot sees is taken, and that is committed. */
    passed(until: string, taken: number): void {
      snapshot = until;
      rows += taken;
    },
    async write(tx: Transaction): Promise<void> {
      const isDue = rows >= ROWS || performance.now() - writtenAt > REST_MS;
      if (snapshot === undefined || rows === 0 || !isDue) return;
      await tx.execute(sql`
        update conexxus.taken set snapshot = ${snapshot}::pg_snapshot, started = pg_postmaster_start_time()`);
      rows = 0;
      writtenAt = performance.now();
    },
  };
}
