import type { Job, Queue } from 'bullmq';
import type { Redis } from 'ioredis';
import type { SyncEvent } from '../events/event.ts';
import type { DeadLetters, Verdict } from '../sync/dead-letters/dead-letters.ts';
import { operatorEvent } from '../sync/dead-letters/operator-event.ts';
import { PAUSED_BY, PAUSED_BY_CIRCUIT } from '../sync/gate/pauser.ts';

/** The trail of what people did; `append` resolves once the event cannot be lost any more. */
export interface AuditLog {
  append(event: SyncEvent): Promise<void>;
}

export interface OperatorDeps {
  readonly queue: Queue;
  readonly redis: Redis;
  readonly audit: AuditLog;
  readonly deadLetters: Pick<DeadLetters, 'replay'>;
}

/** What a write came to. */
export type Deed =
  | { readonly kind: 'done' }
  | { readonly kind: 'retried'; readonly retried: number }
  | { readonly kind: 'no-such-job' }
  /** The job is in another state than the write is for. */
  | { readonly kind: 'wrong-state'; readonly state: string }
  | { readonly kind: 'circuit-owns-pause' }
  /** By Redis. */
  | { readonly kind: 'refused'; readonly why: string }
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

/** More than this is the command line's work: a click has no filter, and waits for its answer. */
export const RETRY_ALL_MAX = 1_000;

/** The board's buttons ask nobody why. */
const BOARD_REASON = 'retried on the board';

/**
 * The writes a person may do to the queue. Each is in the audit trail before it is done: a row for a
 * deed that then failed is a lesser evil than a deed without a row.
 */
export function createOperator({ queue, redis, audit, deadLetters }: OperatorDeps): Operator {
  const meta = queue.toKey('meta');
  return {
    async pause(actor) {
      await audit.append(operatorEvent(actor, 'pause', 'queue'));
      await queue.pause();
      await redis.hset(meta, PAUSED_BY, actor);
      return { kind: 'done' };
    },
    async resume(actor) {
      if ((await redis.hget(meta, 'paused')) === PAUSED_BY_CIRCUIT) return { kind: 'circuit-owns-pause' };
      await audit.append(operatorEvent(actor, 'resume', 'queue'));
      await redis.hdel(meta, PAUSED_BY);
      await queue.resume();
      return { kind: 'done' };
    },
    // A completed job is a delivered sale: only a dead letter is sent again by a click.
    async retry(actor, jobId) {
      const verdicts = deadLetters.replay({ ids: [jobId] }, { actor, reason: BOARD_REASON });
      for await (const verdict of verdicts) return deedOf(verdict);
      return { kind: 'no-such-job' };
    },
    promote: (actor, jobId) =>
      onDelayed(queue, jobId, async (job) => {
        await audit.append(jobEvent(actor, 'promote', job));
        await job.promote();
      }),
    async retryFailed(actor) {
      const count = await queue.getFailedCount();
      if (count > RETRY_ALL_MAX) return { kind: 'too-many', count };
      const verdicts = deadLetters.replay({}, { actor, reason: BOARD_REASON });
      return { kind: 'retried', retried: await countDone(verdicts) };
    },
    async promoteDelayed(actor) {
      await audit.append(operatorEvent(actor, 'promote', 'queue', { count: await queue.getDelayedCount() }));
      await queue.promoteJobs();
      return { kind: 'done' };
    },
  };
}

async function countDone(verdicts: AsyncIterable<Verdict>): Promise<number> {
  let done = 0;
  for await (const { kind } of verdicts) if (kind === 'done') done += 1;
  return done;
}

function deedOf(verdict: Verdict): Deed {
  switch (verdict.kind) {
    case 'done':
      return { kind: 'done' };
    case 'taken':
    case 'not-dead':
      return { kind: 'wrong-state', state: verdict.state };
    case 'gone':
    case 'unknown':
    case 'left-out':
      return { kind: 'no-such-job' };
    case 'refused':
      return { kind: 'refused', why: verdict.why };
  }
}

async function onDelayed(queue: Queue, jobId: string, deed: (job: Job) => Promise<void>): Promise<Deed> {
  const job = await queue.getJob(jobId);
  if (job === undefined) return { kind: 'no-such-job' };
  const state = await job.getState();
  if (state !== 'delayed') return { kind: 'wrong-state', state };
  await deed(job);
  return { kind: 'done' };
}

function jobEvent(actor: string, action: string, job: Job): SyncEvent {
  const data: unknown = job.data;
  const located = typeof data === 'object' && data !== null && 'locationId' in data;
  return {
    ...operatorEvent(actor, action, job.id ?? '', { jobName: job.name }),
    ...(located && typeof data.locationId === 'string' ? { locationId: data.locationId } : {}),
  };
}
