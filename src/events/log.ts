import type { Redis } from 'ioredis';
import type { Database } from '../base/database.ts';
import { tell } from '../base/happenings.ts';
import { SchemaMismatchError } from '../base/migrations.ts';
import { pause } from '../base/pause.ts';
import { postgresReason } from '../base/postgres-errors.ts';
import { checkSchema } from './migrate.ts';
import { createPersistence } from './persist.ts';
import { openEventStream } from './stream.ts';
import { createTransfer } from './transfer.ts';

export interface EventWriterOptions {
  readonly redis: Redis;
  /** A patient connection of the writer's own, for reads that wait; `stop` disconnects it. */
  readonly blocking: Redis;
  readonly namespace: string;
  readonly database: Database;
  /** Name of this reader, unique among all processes. */
  readonly consumer: string;
  /** The database may not be used as it is; nothing was and nothing will be written. Called at most once. */
  readonly onSchemaMismatch: (error: SchemaMismatchError) => void;
  /** Rows per insert at most; default 200. */
  readonly batchSize?: number;
  /** What another writer has not settled for so long is claimed; default 15,000. */
  readonly claimIdleMs?: number;
}

interface EventWriterHealth {
  /** Clock of this process; null: nothing written yet. */
  readonly lastWriteAt: number | null;
  /** Why the last try failed; null: it did not. */
  readonly error: string | null;
}

/** Takes outcomes from the stream to `event_log`, each exactly once. */
export interface EventWriter {
  /** Returns at once; Redis and Postgres may be away. */
  start(): void;
  /** Writes what waits in the stream if that can be done within two seconds. The rest keeps waiting there. */
  stop(): Promise<void>;
  health(): EventWriterHealth;
}

/** Long, so that an idle writer costs Redis next to nothing. */
const BLOCK_MS = 5_000;
/** Between batches that were not full: under load few large inserts, in quiet times no row waits. */
const PACE_MS = 100;
const CLAIM_IDLE_MS = 15_000;
const BATCH_SIZE = 200;
const FLUSH_MS = 2_000;

export function createEventWriter(options: EventWriterOptions): EventWriter {
  const { blocking, database, batchSize = BATCH_SIZE, claimIdleMs = CLAIM_IDLE_MS } = options;
  const stream = openEventStream(options);
  const transfer = createTransfer({ stream, database, batchSize, claimIdleMs });
  const stopping = new AbortController();
  const persistence = createPersistence(stopping.signal);
  let running: Promise<void> | undefined;
  let stopped: Promise<void> | undefined;
  let mismatch: SchemaMismatchError | undefined;
  let lastWriteAt: number | null = null;

  async function run(): Promise<void> {
    const schema = await persistence.until(() => checkSchema(database));
    if (schema && schema.kind !== 'current') {
      mismatch = new SchemaMismatchError(schema);
      options.onSchemaMismatch(mismatch);
    }
    if (schema?.kind !== 'current') return;
    await persistence.until(() => stream.forgetDeadReaders());
    while (!stopping.signal.aborted) {
      const written = await persistence.until(() => write(BLOCK_MS));
      if (written !== undefined && written < batchSize) await pause(PACE_MS, stopping.signal);
    }
    await flush(write);
  }

  async function write(blockMs?: number): Promise<number> {
    const written = await transfer(blockMs);
    if (written > 0) lastWriteAt = Date.now();
    return written;
  }

  async function stop(): Promise<void> {
    stopping.abort();
    blocking.disconnect();
    const finished = new AbortController();
    await Promise.race([running, pause(FLUSH_MS, finished.signal)]);
    finished.abort();
  }

  return {
    start: () => {
      running ??= run();
    },
    stop: () => (stopped ??= stop()),
    health: () => ({ lastWriteAt, error: mismatch?.message ?? persistence.error() }),
  };
}

async function flush(write: () => Promise<number>): Promise<void> {
  const deadline = Date.now() + FLUSH_MS;
  try {
    while (Date.now() < deadline && (await write()) > 0);
  } catch (thrown) {
    tell('events-left-in-redis', { reason: postgresReason(thrown) });
  }
}
