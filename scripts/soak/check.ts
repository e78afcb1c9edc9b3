import { setTimeout as delay } from 'node:timers/promises';
import { eventStreamKey } from '../../src/events/event.ts';
import { type Reconciliation, reconcile } from '../../test/support/reconcile.ts';
import { type Calls, readCalls } from './calls.ts';
import type { Accepted } from './load.ts';
import { CALL_TIMEOUT_MS, type Site } from './site.ts';
import type { Window } from './unrest.ts';

/** A move of the circuit, as the event log tells it. */
export interface Move {
  readonly to: 'opened' | 'half_opened' | 'closed';
  readonly cause: string;
  readonly at: number;
}

export interface Checked {
  /** Empty if, and only if, all sums hold and nothing is left over. */
  readonly problems: readonly string[];
  readonly restAfterMs: number;
  readonly sums: Reconciliation;
  readonly calls: number;
  readonly repeatedCalls: number;
  readonly staleRows: number;
  readonly moves: readonly Move[];
}

const REST_MS = 90_000;
const POLL_MS = 250;
const LISTED = 5;

/** Waits for rest and checks the three sums, and what only the soak can know: which answers were lost, and why. */
export async function check(site: Site, accepted: Accepted, windows: readonly Window[]): Promise<Checked> {
  await liftAll(site);
  const { restAfterMs, unrest } = await untilRest(site);
  const ledger = await site.simulator.ledger({ path: '/api/v1/sales/push' });
  const calls = readCalls(ledger, windows, CALL_TIMEOUT_MS);
  const { redis, namespace, queue, database, simulator } = site;
  const books = { redis, namespace, queue, database, simulator, accepted: [...accepted.jobs.keys()] };
  const sums = await reconcile(books, { lostAnswers: calls.lostAnswers });
  const attempts = await readAttempts(site);
  return {
    problems: [...unrest, ...sums.problems, ...compare(accepted, calls, attempts)],
    restAfterMs,
    sums,
    calls: ledger.length,
    repeatedCalls: calls.repeated,
    staleRows: attempts.stale,
    moves: await readMoves(site),
  };
}

/** Forgets what was checked: completed jobs, dead letters, the ledger and the rows. */
export async function clear({ queue, simulator, database }: Site): Promise<void> {
  const atOnce = 1_000;
  for (const state of ['completed', 'failed'] as const) {
    while ((await queue.clean(0, atOnce, state)).length > 0);
  }
  await simulator.clearLedger();
  await database.sql`delete from event_log`;
}

async function liftAll({ simulator, redisServer, postgresServer }: Site): Promise<void> {
  await simulator.setMode('ok');
  await simulator.setFaults([]);
  await redisServer.start();
  await postgresServer?.start();
}

async function untilRest(site: Site): Promise<{ restAfterMs: number; unrest: string[] }> {
  const startedAt = performance.now();
  for (;;) {
    const left = await readLeft(site);
    const restAfterMs = Math.round(performance.now() - startedAt);
    if (Object.values(left).every((count) => count === 0)) return { restAfterMs, unrest: [] };
    if (restAfterMs > REST_MS) return { restAfterMs, unrest: [`no rest: ${JSON.stringify(left)}`] };
    await delay(POLL_MS);
  }
}

async function readLeft({ queue, redis, namespace, simulator }: Site): Promise<Record<string, number>> {
  const counts = await queue.getJobCounts('waiting', 'active', 'delayed', 'prioritized');
  return {
    ...counts,
    eventBacklog: await redis.xlen(eventStreamKey(namespace)),
    paused: (await queue.isPaused()) ? 1 : 0,
    callsInFlight: (await simulator.summary()).inFlight,
  };
}

interface Attempts {
  /** Calls that the rows of attempts tell of, by job: two where a closed connection had the call made once more. */
  readonly rows: ReadonlyMap<string, number>;
  readonly dead: ReadonlySet<string>;
  readonly stale: number;
}

async function readAttempts({ database: { sql } }: Site): Promise<Attempts> {
  const rows = await sql<{ id: string; attempts: number; dead: number; stale: number }[]>`
    select aggregate_id as id,
      (count(*) filter (where event_type like any ('{conexxus.sync.succeeded.%,conexxus.sync.failed.%}'))
        + count(*) filter (where payload->>'resent' = 'true'))::int as attempts,
      (count(*) filter (where event_type like 'conexxus.sync.dead_lettered.%'))::int as dead,
      (count(*) filter (where payload->>'stale' = 'true'))::int as stale
    from event_log where event_type like 'conexxus.sync.%' group by 1`;
  return {
    rows: new Map(rows.map(({ id, attempts }) => [id, attempts])),
    dead: new Set(rows.filter(({ dead }) => dead > 0).map(({ id }) => id)),
    stale: rows.reduce((total, { stale }) => total + stale, 0),
  };
}

function compare({ jobs }: Accepted, calls: Calls, { rows, dead }: Attempts): string[] {
  const alive = [...jobs.keys()].filter((id) => !dead.has(id));
  return [
    tell(
      'delivered by our books, never applied by the API',
      alive.filter((id) => !calls.applied.has(id)),
    ),
    tell(
      'dead-lettered, though the API never rejected them',
      [...dead].filter((id) => !calls.rejected.has(id)),
    ),
    tell(
      'with a call that no row tells of',
      [...calls.recordable].filter(([id, times]) => (rows.get(id) ?? 0) < times).map(([id]) => id),
    ),
  ].flat();
}

function tell(what: string, ids: readonly string[]): string[] {
  return ids.length === 0 ? [] : [`${ids.length} ${what}: ${ids.slice(0, LISTED).join(', ')}`];
}

async function readMoves({ database: { sql } }: Site): Promise<Move[]> {
  const rows = await sql<{ to: Move['to']; cause: string | null; at: number }[]>`
    select split_part(event_type, '.', 3) as "to", payload->>'cause' as cause,
      (extract(epoch from "timestamp") * 1000)::float8 as at
    from event_log
    where event_type in ('conexxus.circuit.opened', 'conexxus.circuit.half_opened', 'conexxus.circuit.closed')
    order by "timestamp", (payload->>'epoch')::bigint`;
  return rows.map(({ to, cause, at }) => ({ to, cause: cause ?? 'unknown', at }));
}
