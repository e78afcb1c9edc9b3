import { randomUUID } from 'node:crypto';
import { errorMessage } from '../base/errors.ts';
import { type Redactor, redactJson } from '../base/redaction.ts';
import type { OutcomeError } from '../conexxus/outcome.ts';
import type { SyncEvent } from '../events/event.ts';
import { excerpt } from '../events/text.ts';
import type { Word } from './dead-letters/operator-event.ts';
import type { AttemptOutcome } from './disposition.ts';

/** What an event tells of its job. `name` may be any text that another client chose. */
export interface EventSubject {
  readonly jobId: string;
  /** Of a job that has one: by it the sender of a payload finds its rows again, whatever the job's id. */
  readonly syncKey?: string | undefined;
  readonly name: string;
  /** Its data as text: JSON, if it can be written so. */
  readonly json: string;
  readonly locationId: string | undefined;
  readonly transactionIds: readonly string[];
}

export interface Attempt {
  readonly outcome: AttemptOutcome;
  /** From 1; an attempt that did not count has the number of the next one. */
  readonly attempt: number;
  readonly durationMs: number;
  readonly httpStatus?: number | undefined;
  readonly error?: OutcomeError | undefined;
  readonly duplicate?: boolean | undefined;
  /** Name of the worker that made it. */
  readonly worker?: string | undefined;
  /** The beginning of what Conexxus answered, redacted. */
  readonly answer?: string | undefined;
  /** Delivered, by an answer that names refusals inside; `refused`: those of the transactions it names. */
  readonly flagged?: boolean | undefined;
  readonly refused?: readonly string[] | undefined;
  /** It went out twice, since the first connection was closed as it did. */
  readonly resent?: boolean | undefined;
  /** After it, nobody knows whether Conexxus has the payload: this try or an earlier one has no known end. */
  readonly inDoubt?: boolean | undefined;
  /** What the job did besides, such as the counts of a catalog. */
  readonly details?: Readonly<Record<string, unknown>> | undefined;
}

const NAME_MAX = 64;

/** One row per recorded permission: `conexxus.sync.succeeded.<job>` or `conexxus.sync.failed.<job>`. */
export function attemptEvent(
  subject: EventSubject,
  permission: string,
  attempt: Attempt,
  redact: Redactor,
): SyncEvent {
  const { outcome, attempt: number, durationMs, httpStatus, error, duplicate, worker } = attempt;
  const { answer, flagged, refused, resent, inDoubt, details } = attempt;
  const type = eventType(outcome === 'delivered' ? 'succeeded' : 'failed', subject.name);
  const payload = {
    outcome,
    attempt: number,
    durationMs,
    httpStatus,
    error,
    duplicate,
    worker,
    answer,
    flagged,
    refused,
    resent,
    inDoubt,
    ...(details === undefined ? {} : redactDetails(details, redact)),
  };
  return event(subject, type, `${permission}:${type}`, payload, redact);
}

/** They may quote the API's answer, such as an item of the catalog that is refused. */
function redactDetails(details: object, redact: Redactor): object {
  const redacted: object = JSON.parse(redactJson(JSON.stringify(details), redact));
  return redacted;
}

/** A job of a payload that was delivered before: done without a call. `life`: no other job of this id has it. */
export function knownEvent(subject: EventSubject, life: number, redact: Redactor): SyncEvent {
  return event(subject, eventType('known', subject.name), `known:${subject.jobId}:${life}`, {}, redact);
}

/** Once when a job dies; `death` is a number that no other death of a job with this id has. */
export function deadLetterEvent(
  subject: EventSubject,
  death: number,
  reason: { readonly outcome: string; readonly attempt: number; readonly error: OutcomeError },
  redact: Redactor,
): SyncEvent {
  const type = eventType('dead_lettered', subject.name);
  return event(subject, type, `dead:${subject.jobId}:${death}`, reason, redact);
}

/** A person brought a dead letter back, or gave it up for good. */
export function verdictEvent(
  what: 'replayed' | 'discarded',
  subject: EventSubject,
  word: Word,
  diedOf: string,
  redact: Redactor,
): SyncEvent {
  const type = eventType(what, subject.name);
  return event(subject, type, randomUUID(), { ...word, diedOf: redact(diedOf) }, redact);
}

/** A person edited a dead letter into another sale, which goes in its place. */
export function replacedEvent(
  subject: EventSubject,
  word: Word,
  replacement: {
    readonly replacedBy: string;
    readonly diedOf: string;
    readonly changes: readonly object[];
    /** Though Conexxus may have it. */
    readonly inDoubt?: true;
  },
  redact: Redactor,
): SyncEvent {
  const payload = { ...word, ...replacement, diedOf: redact(replacement.diedOf) };
  return event(subject, eventType('replaced', subject.name), randomUUID(), payload, redact);
}

/** And the sale that goes: `replaces` is the job of the one before. */
export function replacesEvent(
  subject: EventSubject,
  word: Word,
  replaces: string,
  redact: Redactor,
): SyncEvent {
  const payload = { ...word, replaces };
  return event(subject, eventType('replaces', subject.name), randomUUID(), payload, redact);
}

/** The relay takes a batch out of the queue, to send its halves as payloads of their own. */
export function splitEvent(
  subject: EventSubject,
  halves: readonly [syncKey: string, syncKey: string],
  why: string,
  redact: Redactor,
): SyncEvent {
  const type = eventType('split', subject.name);
  // Of many who take it out at once, one does: whoever else made this event never has it written.
  const dedupeKey = `split:${subject.jobId}:${randomUUID()}`;
  return event(subject, type, dedupeKey, { halves, reason: redact(why) }, redact);
}

/** A person sends on purpose what was delivered. */
export function resendEvent(subject: EventSubject, word: Word, redact: Redactor): SyncEvent {
  const payload = { ...word, action: 'resend' };
  return event(subject, 'conexxus.operator.resend', randomUUID(), payload, redact);
}

function event(
  subject: EventSubject,
  type: string,
  dedupeKey: string,
  payload: object,
  redact: Redactor,
): SyncEvent {
  return {
    dedupeKey,
    type,
    aggregateId: subject.jobId,
    ...(subject.locationId === undefined ? {} : { locationId: subject.locationId }),
    payload: {
      operation: subject.name.slice(0, NAME_MAX),
      ...(subject.syncKey === undefined ? {} : { syncKey: subject.syncKey }),
      ...payload,
      data: excerpt(redact(subject.json)),
      transactionCount: subject.transactionIds.length,
    },
    transactionIds: subject.transactionIds,
  };
}

function eventType(what: string, jobName: string): string {
  return `conexxus.sync.${what}.${jobName.slice(0, NAME_MAX)}`;
}

/** Of unchecked data. Another client's may nest deeper than our stack: its dead letter must be logged all the same. */
export function shownJson(data: unknown): string {
  try {
    return JSON.stringify(data) ?? '';
  } catch (error) {
    return `(cannot be shown: ${errorMessage(error)})`;
  }
}
