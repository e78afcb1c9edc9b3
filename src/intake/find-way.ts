import type { Database } from '../base/database.ts';
import { tell } from '../base/happenings.ts';
import { SchemaMismatchError } from '../base/migrations.ts';
import { postgresReason } from '../base/postgres-errors.ts';
import { checkOutboxSchema } from '../outbox/migrate.ts';
import type { Way } from './way.ts';

const AGAIN_MS = 1_000;

/**
 * Whether there is an outbox, asked until Postgres answers: `found` rejects with SchemaMismatchError where it is of
 * another version, and is undefined where it was stopped before. Asked once in a process's life: a store whose sales went
 * two ways would have them in no one order, and twice in no one's memory.
 */
export function findWay(database: Pick<Database, 'read'>): {
  readonly found: Promise<Way['kind'] | undefined>;
  stop(): void;
} {
  const stopping = new AbortController();
  return { found: search(database, stopping.signal), stop: () => stopping.abort() };
}

async function search(
  database: Pick<Database, 'read'>,
  stopping: AbortSignal,
): Promise<Way['kind'] | undefined> {
  for (let failures = 1; !stopping.aborted; failures += 1) {
    try {
      const state = await checkOutboxSchema(database);
      if (state.kind === 'current') return 'outbox';
      if (state.kind === 'missing') return 'queue';
      throw new SchemaMismatchError(state);
    } catch (error) {
      if (error instanceof SchemaMismatchError) throw error;
      tell('way-unknown', { reason: postgresReason(error), failures });
      await pause(stopping);
    }
  }
  return undefined;
}

function pause(stopping: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const end = () => {
      clearTimeout(timer);
      stopping.removeEventListener('abort', end);
      resolve();
    };
    const timer = setTimeout(end, AGAIN_MS);
    stopping.addEventListener('abort', end);
  });
}
