import { randomUUID } from 'node:crypto';
import { ErrorCode, type Job, type JobState, type Queue } from 'bullmq';
import type { Redis } from 'ioredis';
import type { EventPayload, SyncEvent } from '../events/event.ts';

/** The trail of what people did; `append` resolves once the event cannot be lost any more. */
export interface AuditLog {
  append(event: SyncEvent): Promise<void>;
}

export interface OperatorDeps {
  readonly queue: Queue;
  readonly redis: Redis;
  readonly audit: AuditLog;
}

/** What a write came to. */
export type Deed =
  | { readonly kind: 'done' }
  | { readonly kind: 'retried'; readonly retried: number }
  | { readonly kind: 'no-such-job' }
  /** The job is in another state than the write is for. */
  | { readonly kind: 'wrong-state'; readonly state: string }
  | { readonly kind: 'circuit-owns-pause' }
  | { readonly kind: 'too-many'; readonly count: number };

export interface Operator {
  /** Also takes a pause over from the circuit, which then no longer lifts it. */
  readonly pause: (actor: string) => Promise<Deed>;
  readonly resume: (actor: string) => Promise<Deed>;
  readonly retry: (actor: string, jobId: string) => Promise<Deed>;
  readonly retryFailed: (actor: string) => Promise<Deed>;
  readonly promote: (actor: string, jobId: string) => Promise<Deed>;
  readonly promoteDelayed: (actor: string) => Promise<Deed>;
}

/** Each retry is a round trip of its own; more than this is the command line's work. */
export const RETRY_ALL_MAX = 1_000;
const RETRY_PAGE = 100;

/** Field of the queue's `meta` beside BullMQ's `paused`: the person who last paused it here. */
const PAUSED_BY = 'pausedBy';
/** What BullMQ itself writes; the circuit stamps its pauses with `circuit`. */
const PAUSED_BY_A_PERSON = '1';
const PAUSED_BY_CIRCUIT = 'circuit';

/**
 * The writes a person may do to the queue. Each is in the audit trail before it is done: a row for a
 * deed that then failed is a lesser evil than a deed without a row.
 */
export function createOperator({ queue, redis, audit }: OperatorDeps): Operator {
  const meta = queue.toKey('meta');
  return {
    async pause(actor) {
      await audit.append(queueEvent(actor, 'pause'));
      await queue.pause();
      await redis.hset(meta, PAUSED_BY, actor);
      return { kind: 'done' };
    },
    async resume(actor) {
      if ((await redis.hget(meta, 'paused')) === PAUSED_BY_CIRCUIT) return { kind: 'circuit-owns-pause' };
      await audit.append(queueEvent(actor, 'resume'));
      await redis.hdel(meta, PAUSED_BY);
      await queue.resume();
      return { kind: 'done' };
    },
    // A completed job is a delivered sale: retrying it could send the sale again.
    retry: (actor, jobId) =>
      onJob(queue, jobId, 'failed', async (job) => {
        await audit.append(jobEvent(actor, 'retry', job));
        await job.retry('failed');
      }),
    promote: (actor, jobId) =>
      onJob(queue, jobId, 'delayed', async (job) => {
        await audit.append(jobEvent(actor, 'promote', job));
        await job.promote();
      }),
    async retryFailed(actor) {
      const count = await queue.getFailedCount();
      if (count > RETRY_ALL_MAX) return { kind: 'too-many', count };
      await audit.append(queueEvent(actor, 'retry', { count }));
      return { kind: 'retried', retried: await retryFailed(queue, count) };
    },
    async promoteDelayed(actor) {
      await audit.append(queueEvent(actor, 'promote', { count: await queue.getDelayedCount() }));
      await queue.promoteJobs();
      return { kind: 'done' };
    },
  };
}

/** The person who paused the queue, if one did and did it here. */
export async function readPauser({
  queue,
  redis,
}: Pick<OperatorDeps, 'queue' | 'redis'>): Promise<string | null> {
  const [paused, pausedBy] = await redis.hmget(queue.toKey('meta'), 'paused', PAUSED_BY);
  return paused === PAUSED_BY_A_PERSON ? (pausedBy ?? null) : null;
}

async function onJob(
  queue: Queue,
  jobId: string,
  needed: JobState,
  deed: (job: Job) => Promise<void>,
): Promise<Deed> {
  const job = await queue.getJob(jobId);
  if (job === undefined) return { kind: 'no-such-job' };
  const state = await job.getState();
  if (state !== needed) return { kind: 'wrong-state', state };
  const was = await unlessBeaten(() => deed(job));
  return was === 'beaten' ? { kind: 'wrong-state', state: await job.getState() } : { kind: 'done' };
}

/** Somebody else may do the same thing at the same time: BullMQ lets exactly one of them. */
async function unlessBeaten(deed: () => Promise<void>): Promise<'done' | 'beaten'> {
  try {
    await deed();
    return 'done';
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === ErrorCode.JobNotInState) return 'beaten';
    throw error;
  }
}

/** Retries each once, even where one fails again meanwhile. Answers with those that nobody else had retried. */
async function retryFailed(queue: Queue, count: number): Promise<number> {
  const seen = new Set<string>();
  let retried = 0;
  while (seen.size < count) {
    const page = await queue.getFailed(0, RETRY_PAGE - 1);
    const fresh = page.filter((job) => job?.id !== undefined && !seen.has(job.id));
    if (fresh.length === 0) break;
    const results = await Promise.all(fresh.map((job) => unlessBeaten(() => job.retry('failed'))));
    retried += results.filter((result) => result === 'done').length;
    for (const { id } of fresh) if (id !== undefined) seen.add(id);
  }
  return retried;
}

function queueEvent(actor: string, action: string, payload: EventPayload = {}): SyncEvent {
  return {
    dedupeKey: randomUUID(),
    type: `conexxus.operator.${action}`,
    aggregateId: 'queue',
    payload: { actor, action, ...payload },
  };
}

function jobEvent(actor: string, action: string, job: Job): SyncEvent {
  const data: unknown = job.data;
  const located = typeof data === 'object' && data !== null && 'locationId' in data;
  return {
    ...queueEvent(actor, action, { jobName: job.name }),
    aggregateId: job.id ?? '',
    ...(located && typeof data.locationId === 'string' ? { locationId: data.locationId } : {}),
  };
}
