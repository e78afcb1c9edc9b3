import { sql } from 'drizzle-orm';
import type { Database } from '../base/database.ts';
import { tell } from '../base/happenings.ts';
import { postgresReason } from '../base/postgres-errors.ts';

export interface PruningOptions {
  readonly database: Pick<Database, 'write'>;
  readonly retentionDays: number;
}

export interface Pruning {
  /** Waits for the batch under way. */
  stop(): Promise<void>;
}

const INTERVAL_MS = 3_600_000;
/** Small, so that one batch holds its locks and its connection only for moments. */
const BATCH_ROWS = 5_000;

/** Deletes rows past their retention, now and every hour. Many processes may do so; one at a time works. */
export function startPruning({ database, retentionDays }: PruningOptions): Pruning {
  const stopping = new AbortController();
  let running = prune();
  const timer = setInterval(() => {
    running = running.then(prune);
  }, INTERVAL_MS).unref();

  async function prune(): Promise<void> {
    try {
      const deleted = await pruneEvents(database, retentionDays, stopping.signal);
      if (deleted > 0) tell('old-events-deleted', { deleted, retentionDays });
    } catch (thrown) {
      tell('old-events-not-deleted', { reason: postgresReason(thrown) });
    }
  }

  return {
    stop: async () => {
      clearInterval(timer);
      stopping.abort();
      await running;
    },
  };
}

/** Resolves to how many rows it deleted: none while another process is at it. Rejects as `Database` does. */
export async function pruneEvents(
  database: Pick<Database, 'write'>,
  retentionDays: number,
  signal: AbortSignal = new AbortController().signal,
): Promise<number> {
  let total = 0;
  let deleted = BATCH_ROWS;
  while (deleted === BATCH_ROWS && !signal.aborted) {
    deleted = await pruneBatch(database, retentionDays);
    total += deleted;
  }
  return total;
}

async function pruneBatch(database: Pick<Database, 'write'>, retentionDays: number): Promise<number> {
  const { count } = await database.write((tx) =>
    tx.execute(sql`
      with lock as materialized (
        select pg_try_advisory_xact_lock(hashtextextended('conexxus-sync prune', 0)) as mine
      )
      delete from event_log where id in (
        select id from event_log
        where (select mine from lock) and "timestamp" < now() - make_interval(days => ${retentionDays})
        order by "timestamp" limit ${BATCH_ROWS}
      )`),
  );
  return count;
}
