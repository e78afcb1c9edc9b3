import { sql } from 'drizzle-orm';
import type { Redis } from 'ioredis';
import type { Database } from '../../base/database.ts';
import { errorMessage } from '../../base/errors.ts';
import { postgresReason } from '../../base/postgres-errors.ts';
import { refusalOf, takesWrites } from '../../base/redis-writes.ts';
import { within } from '../../base/shared.ts';
import { readUnwritten, type Unwritten } from '../../events/unwritten.ts';
import { type Report, readReport } from '../../outbox/counts.ts';
import { type Backlog, createBacklogReader } from '../../sync/report/backlog.ts';
import type { Fleet, FleetView } from '../../sync/report/fleet.ts';

/** Whether a server does what is asked of it, and why not. */
type Answer = { readonly ok: true } | { readonly ok: false; readonly reason: string };

/** The installation at one moment. Null: could not be read, or there is none. */
export interface Seen {
  /** Clock of this process, ms. */
  readonly at: number;
  readonly redis: Answer;
  readonly postgres: Answer;
  readonly fleet: FleetView | null;
  readonly backlog: Backlog | null;
  readonly unwritten: Unwritten | null;
  /** Null also where no relay worked within a day. */
  readonly outbox: (Report & { readonly agoMs: number }) | null;
  /** When a catalog came last, by the clock of Postgres; null also where none ever did. */
  readonly catalogAt: number | null;
}

export interface LookDeps {
  /** Over a connection that fails fast. */
  readonly redis: Redis;
  /** Of a connection that nobody else waits for. */
  readonly database: Pick<Database, 'read' | 'write'>;
  readonly namespace: string;
  readonly fleet: Pick<Fleet, 'look'>;
  readonly catalogEveryMs: number;
}

const READ_TIMEOUT_MS = 2_000;

/** One look after the other, each of a few round trips. Never rejects, and takes some seconds at most. */
export function createLook(deps: LookDeps): () => Promise<Seen> {
  const { redis, namespace, fleet } = deps;
  const askPostgres = postgresReader(deps);
  const readBacklog = createBacklogReader(redis, namespace);
  return async () => {
    const [ofRedis, ofPostgres, view, backlog, unwritten, outbox] = await Promise.all([
      askRedis(redis, namespace),
      askPostgres(),
      orNull(() => fleet.look()),
      orNull(readBacklog),
      orNull(() => readUnwritten(redis, namespace)),
      orNull(() => readReport(redis, namespace)),
    ]);
    const { answer: postgres, catalogAt } = ofPostgres;
    return { at: Date.now(), redis: ofRedis, postgres, fleet: view, backlog, unwritten, outbox, catalogAt };
  };
}

async function orNull<Value>(read: () => Promise<Value>): Promise<Value | null> {
  return within(
    READ_TIMEOUT_MS,
    read().catch(() => null),
    null,
  );
}

async function askRedis(redis: Redis, namespace: string): Promise<Answer> {
  if (redis.status !== 'ready') return { ok: false, reason: 'no connection' };
  const asked = takesWrites(redis, namespace).then(
    (): Answer => ({ ok: true }),
    (error: unknown): Answer => ({
      ok: false,
      reason: (error instanceof Error ? refusalOf(error) : undefined) ?? errorMessage(error),
    }),
  );
  return within(READ_TIMEOUT_MS, asked, { ok: false, reason: 'no answer' });
}

interface OfPostgres {
  readonly answer: Answer;
  readonly catalogAt: number | null;
}

function postgresReader({ database, catalogEveryMs }: LookDeps): () => Promise<OfPostgres> {
  let catalogAt: number | null = null;
  let nextAt = Number.NEGATIVE_INFINITY;
  return async () => {
    try {
      await database.write(async (tx) => {
        if (performance.now() < nextAt) return;
        // By the index over type and time.
        const [row] = await tx.execute<{ at: number | null }>(sql`
          select (extract(epoch from max("timestamp")) * 1000)::float8 as at from event_log
          where event_type = 'conexxus.sync.succeeded.fetch_inventory'`);
        catalogAt = row?.at ?? null;
        nextAt = performance.now() + catalogEveryMs;
      });
      return { answer: { ok: true }, catalogAt };
    } catch (error) {
      return { answer: { ok: false, reason: postgresReason(error) }, catalogAt: null };
    }
  };
}
