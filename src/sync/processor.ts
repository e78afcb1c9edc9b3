import { setMaxListeners } from 'node:events';
import type { Job } from 'bullmq';
import { errorMessage } from '../base/errors.ts';
import { tell } from '../base/happenings.ts';
import type { Redactor } from '../base/redaction.ts';
import type { Circuit } from '../circuit/circuit.ts';
import type { Acquired, CircuitEffect, Recorded } from '../circuit/types.ts';
import type { OutcomeError } from '../conexxus/outcome.ts';
import type { Spool } from '../events/spool.ts';
import { enter } from './admission.ts';
import { attemptNumber, type FinishedAttempt, makeAttempt } from './attempt.ts';
import { type AttemptOutcome, type Disposition, dispose, effectOf, type RetryPolicy } from './disposition.ts';
import { staysInDoubt, type Weighed, weigh } from './doubt.ts';
import { evidenceOf, failureOf } from './evidence.ts';
import type { Gate } from './gate/gate.ts';
import type { Handlers } from './handlers.ts';
import { parseJob, type SyncJob } from './jobs/jobs.ts';
import { describeProblems } from './jobs/problems.ts';
import { untilAnswered } from './patience.ts';
import { type DeliveredSince, isRefusal } from './refused.ts';
import { deadLetter, handBack, holdToPolicy, postpone, retry } from './settle.ts';
import { attemptEvent, deadLetterEvent, type EventSubject, knownEvent, shownJson } from './sync-event.ts';
import type { WorkerSelf } from './worker-self.ts';

export interface ProcessorDeps {
  readonly circuit: Pick<Circuit, 'acquire' | 'record'>;
  readonly gate: Pick<Gate, 'follow' | 'nextMove'>;
  readonly handlers: Handlers;
  readonly spool: Pick<Spool, 'append'>;
  readonly policy: RetryPolicy;
  readonly redact: Redactor;
  /** How often people brought a dead letter back. */
  readonly replaysOf: (jobId: string) => Promise<number>;
  /** Whether a relay sends a batch in halves where it is refused. */
  readonly isToBeSplit: (jobId: string) => Promise<boolean>;
  /** This worker; its `lastOutcome` is kept up to date. */
  readonly self: WorkerSelf;
  /** Whether anything was delivered since this job was first refused. */
  readonly deliveredSince: DeliveredSince;
  /** Aborted when the process is told to stop: jobs that only wait are handed back. */
  readonly stopping: AbortSignal;
}

/** Kept as the completed job's return value. */
interface SyncResult {
  /** `known`: its success was recorded before, so nothing was sent. */
  readonly status: 'delivered' | 'duplicate' | 'known';
}

type Permitted = Extract<Acquired, { kind: 'permitted' }>;

type Process = (job: Job, token?: string, signal?: AbortSignal) => Promise<SyncResult>;

/** A job that took ten workers down with it is not given to an eleventh. */
const RESTARTS_MAX = 10;
const NOT_READY_DELAY_MS = 30_000;

/** One sale's way: checked, admitted by the circuit, called, recorded, disposed of. */
export function createProcessor(deps: ProcessorDeps): Process {
  const { handlers, stopping } = deps;
  // One for each job that waits: beyond ten, Node would take them for a leak, and say so on stderr.
  setMaxListeners(Number.POSITIVE_INFINITY, stopping);
  return async (bullJob, lock, signal) => {
    const token = lock ?? '';
    holdToPolicy(bullJob);
    const job = await checked(bullJob, deps);
    const reservation = await untilAnswered(() => handlers[job.name].reserve(), stopping);
    if (reservation === undefined) return postpone(bullJob, token, NOT_READY_DELAY_MS);
    try {
      return await callAndSettle(bullJob, job, token, signal, deps);
    } finally {
      await reservation.release();
    }
  };
}

async function callAndSettle(
  bullJob: Job,
  job: SyncJob,
  token: string,
  signal: AbortSignal | undefined,
  deps: ProcessorDeps,
): Promise<SyncResult> {
  const { circuit, gate, handlers, stopping } = deps;
  const subject = { jobId: idOf(bullJob), syncKey: job.syncKey };
  const admission = await untilAnswered(() => enter(subject, circuit, gate, stopping), stopping);
  switch (admission.kind) {
    case 'delivered':
      return complete(bullJob, job, deps);
    case 'postpone':
      return postpone(bullJob, token, admission.delayMs);
    case 'hand-back':
      return handBack(bullJob, token);
    case 'permitted':
  }

  const perform = () => handlers[job.name].perform(job, signal);
  const made = await makeAttempt(perform, attemptNumber(bullJob));
  const weighed = weigh(made, admission.doubt);
  const recorded = await record(bullJob, job, admission, weighed, deps);
  const disposition = await decide(bullJob, job, admission, weighed, recorded, deps);
  return settle(bullJob, job, token, weighed.attempt, disposition, deps);
}

/** The job, if it can be done at all; else it is dead. */
async function checked(bullJob: Job, deps: ProcessorDeps): Promise<SyncJob> {
  const parsed = parseJob(bullJob.name, bullJob.data);
  if (!parsed.ok) {
    const { locationId, transactionIds, problems, more } = parsed;
    const { name } = bullJob;
    const json = shownJson(bullJob.data);
    const error = { code: 'invalid_data', message: describeProblems(problems, more) };
    return bury(
      { jobId: idOf(bullJob), name, json, locationId, transactionIds },
      'rejected',
      bullJob,
      error,
      deps,
    );
  }
  if (bullJob.stalledCounter >= RESTARTS_MAX) {
    const message = `its worker died or froze ${bullJob.stalledCounter} times while it was under way`;
    return bury(
      subjectOf(bullJob, parsed.job),
      'crashed',
      bullJob,
      { code: 'restarted_too_often', message },
      deps,
    );
  }
  return parsed.job;
}

/** Delivered before, by another job or by one that died before it could say so: its row says that it ended. */
async function complete(bullJob: Job, job: SyncJob, deps: ProcessorDeps): Promise<SyncResult> {
  const { spool, redact, stopping } = deps;
  const event = knownEvent(subjectOf(bullJob, job), await lifeOf(bullJob, deps), redact);
  await untilAnswered(() => spool.append(event), stopping);
  return { status: 'known' };
}

/** Window, transition, mark and event row in one step; then the queue follows, before this job lets go. */
async function record(
  bullJob: Job,
  job: SyncJob,
  { permission, doubt: earlier }: Permitted,
  weighed: Weighed,
  deps: ProcessorDeps,
): Promise<Recorded> {
  const { circuit, gate, redact, self, stopping } = deps;
  const { attempt, doubt } = weighed;
  const inDoubt = staysInDoubt(weighed, earlier) ? true : undefined;
  const subject = { jobId: idOf(bullJob), syncKey: job.syncKey };
  const report = {
    effect: await effectFor(bullJob, job, attempt, deps),
    durationMs: attempt.durationMs,
    delivered: attempt.outcome === 'delivered',
    retryAfterMs: attempt.retryAfterMs,
    doubt,
    payload: evidenceOf(attempt.outcome, job),
    failure: failureOf(attempt, subject.jobId, self.name),
    event: attemptEvent(
      subjectOf(bullJob, job),
      permission,
      { worker: self.name, inDoubt, ...attempt },
      redact,
    ),
  };
  const recorded = await untilAnswered(() => circuit.record(subject, permission, report), stopping);
  if (recorded.moved || recorded.state !== 'closed') {
    // What is recorded stands, also where a full Redis won't take the pause: the circuit denies meanwhile.
    await gate.follow().catch((error: unknown) => tell('gate-failed', { error: errorMessage(error) }));
  }
  self.lastOutcome = { at: Date.now(), outcome: attempt.outcome, jobId: subject.jobId };
  return recorded;
}

/**
 * A batch that is refused and will be split says nothing yet: each sale of it that dies counts by itself. Else one
 * bad sale among a hundred would count seven times on its way to being alone.
 */
async function effectFor(
  bullJob: Job,
  job: SyncJob,
  { outcome }: FinishedAttempt,
  { isToBeSplit, stopping }: ProcessorDeps,
): Promise<CircuitEffect> {
  const effect = effectOf(outcome);
  if (effect !== 'rejected' || job.transactionIds.length < 2) return effect;
  const splits = await untilAnswered(() => isToBeSplit(idOf(bullJob)), stopping);
  return splits ? 'ignored' : effect;
}

async function decide(
  bullJob: Job,
  job: SyncJob,
  { trial }: Permitted,
  { attempt, askAgainMs }: Weighed,
  recorded: Recorded,
  { policy, deliveredSince }: ProcessorDeps,
): Promise<Disposition> {
  const circumstances = {
    attempt: attempt.attempt,
    askAgainMs,
    deliveredSince: isRefusal(attempt.outcome) && (await deliveredSince(bullJob)),
    ...recorded,
  };
  const disposition = dispose(attempt.outcome, circumstances, policy, Math.random());
  const about = { jobId: idOf(bullJob), location: job.locationId, operation: job.name };
  if (recorded.verdict === 'suspect') tell('payload-suspected', about);
  // The row has them, once; what is told is logged, and an answer for each sale would be as much again.
  const { answer: _answer, details: _details, stack: _stack, retryAfterMs: _retryAfterMs, ...told } = attempt;
  tell('attempt-made', { circuit: recorded, disposition, ...(trial && { trial }), ...about, ...told });
  return disposition;
}

async function settle(
  bullJob: Job,
  job: SyncJob,
  token: string,
  attempt: FinishedAttempt,
  disposition: Disposition,
  deps: ProcessorDeps,
): Promise<SyncResult> {
  const reason = attempt.error ?? { code: attempt.outcome, message: attempt.outcome };
  switch (disposition.kind) {
    case 'complete':
      return { status: attempt.duplicate === true ? 'duplicate' : 'delivered' };
    case 'retry':
      return retry(`${reason.code}: ${reason.message}`, disposition.delayMs);
    case 'postpone':
      return postpone(bullJob, token, disposition.delayMs);
    case 'hand-back':
      return handBack(bullJob, token);
    case 'dead-letter':
      return bury(subjectOf(bullJob, job), attempt.outcome, bullJob, reason, deps, attempt.stack);
  }
}

async function bury(
  subject: EventSubject,
  outcome: AttemptOutcome,
  bullJob: Job,
  error: OutcomeError,
  deps: ProcessorDeps,
  stack?: string,
): Promise<never> {
  const { spool, redact, stopping } = deps;
  const message = redact(error.message);
  const cause = { outcome, attempt: attemptNumber(bullJob), error: { ...error, message } };
  const event = deadLetterEvent(subject, await lifeOf(bullJob, deps), cause, redact);
  await untilAnswered(() => spool.append(event), stopping);
  const { jobId, locationId, name } = subject;
  tell('dead-lettered', { jobId, location: locationId, operation: name, ...cause });
  return deadLetter(`${error.code}: ${message}`, stack === undefined ? undefined : redact(stack));
}

/**
 * Tells this run of the job from those after it was brought back, and from other jobs of its id, which may come
 * again: of a sale that was given up and is enqueued anew, or of a wiped Redis, where BullMQ's own ids start at 1.
 * The time it was enqueued tells them apart.
 */
async function lifeOf(bullJob: Job, { replaysOf, stopping }: ProcessorDeps): Promise<number> {
  return bullJob.timestamp + (await untilAnswered(() => replaysOf(idOf(bullJob)), stopping));
}

function subjectOf(bullJob: Job, { name, json, locationId, transactionIds, syncKey }: SyncJob): EventSubject {
  return { jobId: idOf(bullJob), syncKey, name, json, locationId, transactionIds };
}

/** BullMQ types the id as optional; a job that is being processed has one. */
function idOf(bullJob: Job): string {
  return bullJob.id ?? '';
}
