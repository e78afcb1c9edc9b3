import type { Queue } from 'bullmq';
import type { Redis } from 'ioredis';
import { ConexxusSyncError } from '../../base/errors.ts';
import type { Redactor } from '../../base/redaction.ts';
import { deliveredMarkKey } from '../../circuit/keys.ts';
import { eventStreamKey } from '../../events/event.ts';
import { parseJob, type SyncJob } from '../jobs/jobs.ts';
import { jobOf } from '../producer/job-adder.ts';
import { readStates } from '../producer/known-jobs.ts';
import { resendEvent } from '../sync-event.ts';
import { bringBack } from './bring-back.ts';
import { readScript, transactWithBullMQ } from './job-transaction.ts';
import type { Word } from './operator-event.ts';

/** Nothing was sent again and nothing changed; the message says why. */
export class ResendRefusedError extends ConexxusSyncError {
  readonly code = 'RESEND_REFUSED';
}

export interface Resend {
  /** Job id or sync key. */
  readonly id: string;
  readonly word: Word;
  /** The payload, asked for where BullMQ no longer has the job. */
  readonly payload: () => Promise<SyncJob>;
}

export interface Resent {
  readonly jobId: string;
  /** The `Idempotency-Key` that it is sent with: the same as the first time. */
  readonly syncKey: string;
}

interface ResendDeps {
  readonly redis: Redis;
  /** Over the same connection. */
  readonly queue: Queue;
  readonly namespace: string;
  readonly redact: Redactor;
}

/** A job whose content is known again: the only kind whose delivery is remembered. */
type KeyedJob = SyncJob & { readonly syncKey: string };

const ADD_AGAIN = readScript('add-again');

/** What would be sent again. */
export interface ToResend extends Resent {
  readonly locationId: string;
  readonly transactionIds: readonly string[];
}

/** Changes nothing. @throws ResendRefusedError */
export async function rehearseResend(
  deps: ResendDeps,
  { id, payload }: Pick<Resend, 'id' | 'payload'>,
): Promise<ToResend> {
  const { job, jobId } = await prepare(deps, id, payload);
  const { syncKey, locationId, transactionIds } = job;
  return { jobId, syncKey, locationId, transactionIds };
}

/**
 * Sends a delivered payload again on purpose: forgets its delivery, logs who wanted it, and puts it back
 * into the queue, in one step.
 * @throws ResendRefusedError
 */
export async function resend(deps: ResendDeps, { id, word, payload }: Resend): Promise<Resent> {
  const { job, jobId, isKept } = await prepare(deps, id, payload);
  const { name, json, locationId, transactionIds, syncKey } = job;
  const event = resendEvent({ jobId, syncKey, name, json, locationId, transactionIds }, word, deps.redact);
  const eventStream = eventStreamKey(deps.namespace);
  const deliveredMark = deliveredMarkKey(deps.namespace, syncKey);
  const done = isKept
    ? await bringBack(deps.queue, { jobId, from: 'completed', event, eventStream, deliveredMark })
    : await addAgain(deps.queue, job, [deps.queue.toKey(jobId), deliveredMark, eventStream], event);
  if (!done) throw new ResendRefusedError(`${jobId} is in the queue already: somebody else was faster`);
  return { jobId, syncKey };
}

/** `isKept`: BullMQ has the job still. */
async function prepare(deps: ResendDeps, id: string, payload: Resend['payload']) {
  const found = await findJob(deps, id);
  const job = keyed(found ?? (await payload()));
  return { job, jobId: found === undefined ? job.syncKey : id, isKept: found !== undefined };
}

/** The completed job, or undefined where BullMQ has none of this id. */
async function findJob({ redis, queue }: ResendDeps, id: string): Promise<SyncJob | undefined> {
  const [name, json] = await redis.hmget(queue.toKey(id), 'name', 'data');
  if (typeof name !== 'string' || typeof json !== 'string') return undefined;
  const state = (await readStates(redis, queue.toKey, [id], new Set())).get(id) ?? 'waiting';
  if (state === 'failed') {
    throw new ResendRefusedError(`${id} is a dead letter, and was not delivered: replay it instead`);
  }
  if (state !== 'completed') throw new ResendRefusedError(`${id} is not delivered yet: it is ${state}`);
  const parsed = parseJob(name, JSON.parse(json));
  if (!parsed.ok) throw new ResendRefusedError(`${id} does not hold a valid payload`);
  return parsed.job;
}

function keyed(job: SyncJob): KeyedJob {
  const { name, syncKey } = job;
  if (syncKey === undefined)
    throw new ResendRefusedError(`${name} delivers nothing: enqueue it anew instead`);
  return { ...job, syncKey };
}

function addAgain(queue: Queue, { name, json, syncKey }: KeyedJob, keys: readonly string[], event: object) {
  const backend = queue.getBackend();
  const ours = { lua: ADD_AGAIN, keys, args: [JSON.stringify(event)] };
  const record = jobOf(queue, { name, jobId: syncKey, json });
  return transactWithBullMQ(queue, ours, {
    async add(transaction) {
      await backend.addJobToTransaction(transaction, record, syncKey);
    },
    done: syncKey,
  });
}
