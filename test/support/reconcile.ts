import type { Job, Queue } from 'bullmq';
import type { Redis } from 'ioredis';
import { circuitKeys } from '../../src/circuit/keys.ts';
import { eventStreamKey } from '../../src/events/event.ts';
import { parseJob } from '../../src/sync/jobs/jobs.ts';
import type { OpenDatabase } from './postgres.ts';
import type { SimulatorControl } from './simulator/client.ts';
import type { LedgerEntry } from './simulator/protocol.ts';

/** Where to look, and what was accepted. */
export interface Books {
  readonly redis: Redis;
  readonly namespace: string;
  readonly queue: Queue;
  readonly database: Pick<OpenDatabase, 'sql'>;
  readonly simulator: Pick<SimulatorControl, 'ledger'>;
  /** Job ids of what the producer accepted. */
  readonly accepted: readonly string[];
}

export interface ReconcileOptions {
  /**
   * Keys whose answer may have been lost on the wire, or whose process died before it could record: these
   * may have reached the API more than once, always under the same key. `all`: any of them.
   */
  readonly lostAnswers?: ReadonlySet<string> | 'all';
}

/**
 * The three sums at the top of the fault matrix. `problems` is empty if, and only if, they hold. A job that was split
 * is two others since, and one that was repaired one other: `accepted + split + replaced` is what became of all.
 */
export interface Reconciliation {
  readonly accepted: number;
  readonly split: number;
  readonly delivered: number;
  readonly waiting: number;
  readonly active: number;
  readonly delayed: number;
  readonly deadLettered: number;
  readonly discarded: number;
  /** By sales that a person edited them into, which join the accepted ones. */
  readonly replaced: number;
  /** Sales that the API applied under more than one key, or more than once. */
  readonly appliedTwice: number;
  readonly succeededRows: number;
  readonly failedRows: number;
  readonly deadLetterRows: number;
  /** Rows that wait in the stream for Postgres, and rows set apart. */
  readonly backlog: number;
  readonly refused: number;
  /** Keys with more answers than attempt rows: right only where a process died before it could record. */
  readonly unlogged: readonly string[];
  readonly problems: readonly string[];
}

const LISTED = 5;

/** To be read at rest: nothing active, and the event log caught up. */
export async function reconcile(books: Books, options: ReconcileOptions = {}): Promise<Reconciliation> {
  const rows = await readRows(books);
  const jobs = await readJobs(books, rows);
  const pushes = (await books.simulator.ledger({ path: '/api/v1/sales/push' })).filter(({ key }) => key);
  const backlog = await books.redis.xlen(eventStreamKey(books.namespace));
  const refused = await books.redis.xlen(`${eventStreamKey(books.namespace)}:refused`);
  const twice = appliedTwice(pushes);
  const applied = new Set(pushes.filter((push) => push.applied).map(({ key }) => key));

  const problems = [
    tell('lost', jobs.lost),
    tell('sent again after its success was recorded', sentAgain(pushes, options.lostAnswers)),
    tell('applied twice', twice),
    tell(
      'delivered, yet never applied',
      jobs.delivered.filter((id) => !applied.has(jobs.keys.get(id) ?? null) && jobs.keys.has(id)),
    ),
    tell(
      'delivered without a row',
      jobs.delivered.filter((id) => !jobs.known.has(id) && !rows.succeeded.has(id)),
    ),
    tell(
      'delivered with more than one row',
      jobs.delivered.filter((id) => (rows.counted.get(id) ?? 0) > 1),
    ),
    tell(
      'dead without a row',
      jobs.dead.filter((id) => (rows.dead.get(id) ?? 0) < 1),
    ),
    tell('rows set apart', refused > 0 ? [String(refused)] : []),
    tell('rows still waiting for Postgres', backlog > 0 ? [String(backlog)] : []),
  ].flat();

  return {
    accepted: new Set(books.accepted).size,
    split: jobs.split,
    delivered: jobs.delivered.length,
    waiting: jobs.waiting,
    active: jobs.active,
    delayed: jobs.delayed,
    deadLettered: jobs.dead.length,
    discarded: jobs.discarded,
    replaced: jobs.replaced,
    appliedTwice: twice.length,
    succeededRows: sum(rows.succeeded),
    failedRows: rows.failed,
    deadLetterRows: sum(rows.dead),
    backlog,
    refused,
    unlogged: unlogged(pushes, rows.attempts, jobs.keys),
    problems,
  };
}

interface Jobs {
  readonly delivered: string[];
  /** Of these: found delivered before, by another job or by a worker that died after recording. */
  readonly known: Set<string>;
  readonly dead: string[];
  readonly lost: string[];
  /** Sync keys by job id, of those jobs that are kept and have one. */
  readonly keys: Map<string, string>;
  waiting: number;
  active: number;
  delayed: number;
  discarded: number;
  replaced: number;
  split: number;
}

/** Where each accepted job is now, or the halves that it was split into, which join the accepted ones. */
async function readJobs(
  books: Books,
  rows: Pick<Awaited<ReturnType<typeof readRows>>, 'discarded' | 'halves' | 'replacements'>,
): Promise<Jobs> {
  const { discarded, halves, replacements } = rows;
  const counts = { waiting: 0, active: 0, delayed: 0, discarded: 0, replaced: 0, split: 0 };
  const jobs: Jobs = { delivered: [], known: new Set(), dead: [], lost: [], keys: new Map(), ...counts };
  const accepted = new Set(books.accepted);
  for (const id of accepted) {
    const job = await books.queue.getJob(id);
    const key = job && syncKeyOf(job);
    if (key !== undefined) jobs.keys.set(id, key);
    switch (await stateOf(books, id)) {
      case 'completed':
        jobs.delivered.push(id);
        if (job && isKnown(job)) jobs.known.add(id);
        break;
      case 'failed':
        jobs.dead.push(id);
        break;
      case 'waiting':
      case 'prioritized':
        jobs.waiting += 1;
        break;
      case 'active':
        jobs.active += 1;
        break;
      case 'delayed':
        jobs.delayed += 1;
        break;
      default:
        if (halves.has(id)) {
          jobs.split += 1;
          for (const half of halves.get(id) ?? []) accepted.add(half);
        } else if (replacements.has(id)) {
          jobs.replaced += 1;
          accepted.add(replacements.get(id) ?? '');
        } else if (discarded.has(id)) jobs.discarded += 1;
        else jobs.lost.push(id);
    }
  }
  return jobs;
}

/** BullMQ's state; a completed job that was cleaned away is known by its delivered mark. */
async function stateOf({ queue, redis, namespace }: Books, jobId: string): Promise<string> {
  const state = await queue.getJobState(jobId);
  if (state !== 'unknown') return state;
  const mark = circuitKeys(namespace, '').delivered(jobId);
  return (await redis.exists(mark)) === 1 ? 'completed' : 'unknown';
}

function isKnown({ returnvalue }: Job): boolean {
  const result: unknown = returnvalue;
  return typeof result === 'object' && result !== null && Reflect.get(result, 'status') === 'known';
}

function syncKeyOf({ name, data }: Job): string | undefined {
  const parsed = parseJob(name, data);
  return parsed.ok ? parsed.job.syncKey : undefined;
}

/** `counted`: without the stale ones, whose permission had been taken over or had run out. */
async function readRows({ database: { sql } }: Books) {
  const counts = await sql<{ kind: string; id: string; n: number; counted: number }[]>`
    select split_part(event_type, '.', 3) as kind, aggregate_id as id, count(*)::int as n,
      (count(*) filter (where payload->>'stale' is null))::int as counted
    from event_log where event_type like 'conexxus.sync.%' group by 1, 2`;
  const splits = await sql<{ id: string; halves: string[] }[]>`
    select aggregate_id as id, payload->'halves' as halves
    from event_log where event_type like 'conexxus.sync.split.%'`;
  const replaced = await sql<{ id: string; by: string }[]>`
    select aggregate_id as id, payload->>'replacedBy' as by
    from event_log where event_type like 'conexxus.sync.replaced.%'`;
  const of = (kind: string) => new Map(counts.filter((row) => row.kind === kind).map(({ id, n }) => [id, n]));
  const succeeded = counts.filter(({ kind }) => kind === 'succeeded');
  const attempts = new Map<string, number>();
  for (const { kind, id, n } of counts) {
    if (kind === 'succeeded' || kind === 'failed') attempts.set(id, (attempts.get(id) ?? 0) + n);
  }
  return {
    attempts,
    succeeded: of('succeeded'),
    counted: new Map(succeeded.map((row) => [row.id, row.counted])),
    dead: of('dead_lettered'),
    failed: sum(of('failed')),
    halves: new Map(splits.map((row) => [row.id, row.halves])),
    replacements: new Map(replaced.map((row) => [row.id, row.by])),
    // By people, on purpose.
    discarded: new Set(of('discarded').keys()),
  };
}

/** Keys that the API answered with success more than once, though the first success could be recorded. */
function sentAgain(pushes: readonly LedgerEntry[], lost: ReadonlySet<string> | 'all' = new Set()): string[] {
  if (lost === 'all') return [];
  const answered = tally(pushes.filter(({ status }) => status !== null && status < 300));
  return [...answered].filter(([key, times]) => times > 1 && !lost.has(key)).map(([key]) => key);
}

/** Keys of kept jobs that the API answered more often than there are rows of attempts with them. */
function unlogged(
  pushes: readonly LedgerEntry[],
  attempts: ReadonlyMap<string, number>,
  keys: ReadonlyMap<string, string>,
): string[] {
  const rows = new Map<string, number>();
  for (const [id, key] of keys) rows.set(key, (rows.get(key) ?? 0) + (attempts.get(id) ?? 0));
  const answered = tally(pushes.filter(({ status }) => status !== null));
  return [...answered].filter(([key, times]) => times > (rows.get(key) ?? times)).map(([key]) => key);
}

/** Transactions that the API applied more than once: under two keys, or without heeding the key. */
function appliedTwice(pushes: readonly LedgerEntry[]): string[] {
  const times = new Map<string, number>();
  for (const { locationId, transactionIds } of pushes.filter(({ applied }) => applied)) {
    for (const id of transactionIds) {
      const sale = `${locationId}/${id}`;
      times.set(sale, (times.get(sale) ?? 0) + 1);
    }
  }
  return [...times].filter(([, n]) => n > 1).map(([sale]) => sale);
}

function tally(entries: readonly LedgerEntry[]): Map<string, number> {
  const times = new Map<string, number>();
  for (const { key } of entries) times.set(key ?? '', (times.get(key ?? '') ?? 0) + 1);
  return times;
}

function sum(counts: ReadonlyMap<string, number>): number {
  return [...counts.values()].reduce((total, n) => total + n, 0);
}

function tell(what: string, which: readonly string[]): string[] {
  if (which.length === 0) return [];
  const more = which.length > LISTED ? `, and ${which.length - LISTED} more` : '';
  return [`${which.length} ${what}: ${which.slice(0, LISTED).join(', ')}${more}`];
}
