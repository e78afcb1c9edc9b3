import { type Channel, channel } from 'node:diagnostics_channel';

/**
 * All that is worth telling, by name, with what is told of it. Who does something tells of it here and knows
 * nobody who hears: log lines, metrics and tests subscribe. Texts are as they came; whoever passes them on redacts.
 */
export interface Happenings {
  // A sale's way.
  'attempt-made': AboutJob & {
    readonly outcome: string;
    /** From 1. */
    readonly attempt: number;
    readonly durationMs: number;
    readonly httpStatus?: number | undefined;
    readonly error?: CodedError | undefined;
    readonly duplicate?: boolean | undefined;
    /** Of a half-open circuit. */
    readonly trial?: true;
    /** What the circuit made of it. */
    readonly circuit: { readonly kind: string; readonly state: string; readonly moved: boolean };
    readonly disposition: { readonly kind: string; readonly delayMs?: number };
  };
  'payload-suspected': AboutJob;
  'dead-lettered': AboutJob & {
    readonly outcome: string;
    readonly attempt: number;
    readonly error: CodedError;
  };
  /** Its worker died or froze: it runs again. */
  'job-stalled': { readonly jobId: string };
  /** Told at each try to connect. */
  'redis-connection-failed': Fault & { readonly connection: string };
  /** A job waits in its slot for a Redis that takes nothing; told at each try. */
  'redis-refused': Fault;
  /** A job waits in its slot for a half-open circuit; told at each look. */
  'job-waits': { readonly jobId: string };
  /** A slot is free again, whatever became of its job. */
  'job-ended': { readonly jobId: string };
  /** A slot is free, and Redis is asked for a job: for each one, and every few seconds where there is none. */
  'jobs-asked-for': object;
  'queue-failed': Fault;
  'consumer-failed': Fault;
  /** It takes no more jobs until the process is started again. */
  'consumer-ended': Fault;
  'finished-jobs-released': { readonly jobs: number; readonly max: number };
  'finished-jobs-made-room': { readonly jobs: number };
  'finished-jobs-unseen': Fault;

  // The gate.
  /** At each look, about once a second. */
  'gate-followed': {
    readonly state: string;
    /** Why the queue is paused; empty: it is not. */
    readonly pausedBy: readonly string[];
    /** Calls that all workers may have in flight; 0: no limit. */
    readonly concurrency: number;
    readonly standing: string;
  };
  /** As this worker sees it: at most a second late. */
  'circuit-moved': { readonly from: string; readonly to: string };
  /** Also where the reasons are others than before. */
  'queue-paused': { readonly pausedBy: readonly string[] };
  'queue-resumed': object;
  'gate-failed': Fault;
  'worker-benched': { readonly cause: string };
  /** `full` or on `probation`. */
  'worker-returned': { readonly standing: string };
  'health-call-made': { readonly answer: { readonly kind: string } };
  'clock-differs': { readonly skewMs: number };
  'workers-differ': { readonly differences: unknown };
  'workers-not-compared': Fault;

  // The event log.
  'rows-written': { readonly rows: number };
  /** At each try. */
  'rows-not-written': { readonly reason: string; readonly failures: number };
  'rows-written-again': { readonly failures: number };
  /** It can never be a row. */
  'event-set-apart': { readonly entryId: string; readonly reason: string };
  'events-left-in-redis': { readonly reason: string };
  'old-events-deleted': { readonly deleted: number; readonly retentionDays: number };
  'old-events-not-deleted': { readonly reason: string };

  // The intake.
  /** Written: each was accepted or known. */
  'jobs-posted': {
    readonly token: string;
    readonly operation: string;
    readonly accepted: number;
    readonly known: number;
    /** Lines of a batch. */
    readonly refused: number;
    /** Of one alone. */
    readonly jobId?: string | undefined;
  };
  'request-answered': { readonly operation: string; readonly status: number; readonly durationMs: number };
  /** Of one operation, problem and token once a second at most. */
  'request-refused': {
    readonly operation: string;
    readonly status: number;
    /** The last part of its problem's type. */
    readonly problem: string;
    readonly token?: string | undefined;
    /** What no client is told. */
    readonly reason?: string | undefined;
  };
  'request-failed': Fault & { readonly operation: string };
  /** Where any changed. */
  'tokens-read': { readonly tokens: number };
  /** At each try. */
  'tokens-not-read': { readonly reason: string; readonly failures: number };
  /** It is not known yet whether there is an outbox; told at each try. */
  'way-unknown': { readonly reason: string; readonly failures: number };

  // The catalog.
  /** A part of a store's catalog; it counts once `catalog-stored` follows. */
  'items-stored': { readonly items: number };
  'catalog-stored': CatalogCounts & {
    readonly processed: number;
    readonly succeeded: number;
    readonly failed: number;
  };
  /** More than half of what was there is missing from it: nothing is marked. */
  'catalog-too-small': CatalogCounts;

  // The relay.
  /** It is its turn; `unsettled`: payloads whose fate it has to learn. */
  'relay-works': { readonly unsettled: number };
  /** Why nothing is sent. */
  'relay-held': { readonly held: string };
  /** Its last step failed; told at each try. */
  'relay-waits': Fault;
  /** Another relay had its turn meanwhile. */
  'relay-begins-anew': Fault;
  /** No step follows until the process is started again. */
  'relay-ended': Fault;
  /** It works nevertheless. */
  'event-log-away': Fault;
  /** Told at each look. */
  'fates-unknown': Fault;
  'outbox-not-counted': Fault;
  /** Rows of the outbox; `apart`: those of them that can't be sent. */
  'rows-taken': { readonly rows: number; readonly apart: number };
  'row-set-apart': { readonly rowId: number; readonly reason: string };
  'payload-settled': { readonly state: string };
  /** `payload`: its sync key, here and below. */
  'payload-split': { readonly payload: string; readonly sales: number; readonly why: string };
  'payload-enqueued-again': { readonly payload: string };
  'payload-not-moved': Fault & { readonly payload: string; readonly step: string };
}

export type Happening = keyof Happenings;

interface AboutJob {
  readonly jobId: string;
  readonly location: string | undefined;
  readonly operation: string;
}

interface CatalogCounts {
  readonly location: string;
  /** Items that were in the catalog before, and how many of them the new one does not name. */
  readonly there: number;
  readonly missing: number;
}

interface Fault {
  /** Its message. */
  readonly error: string;
}

interface CodedError {
  readonly code: string;
  readonly message: string;
}

const channels = new Map<Happening, Channel>();

/** Costs next to nothing where nobody hears. */
export function tell<Name extends Happening>(name: Name, message: Happenings[Name]): void {
  const told = channelOf(name);
  if (told.hasSubscribers) told.publish(message);
}

/** Hears of each until the function that it gives is called. What the listener throws is a warning and no more. */
export function hear<Name extends Happening>(
  name: Name,
  listener: (message: Happenings[Name]) => void,
): () => void {
  const subscriber = (message: unknown): void => {
    try {
      // Only `tell` publishes.
      // oxlint-disable-next-line typescript/no-unsafe-type-assertion
      listener(message as Happenings[Name]);
    } catch (error) {
      process.emitWarning(`a listener of ${name} failed: ${error instanceof Error ? error.name : 'unknown'}`);
    }
  };
  channelOf(name).subscribe(subscriber);
  return () => {
    channelOf(name).unsubscribe(subscriber);
  };
}

/** `conexxus-sync:<name>`, for whoever subscribes from outside. */
function channelOf(name: Happening): Channel {
  const known = channels.get(name) ?? channel(`conexxus-sync:${name}`);
  channels.set(name, known);
  return known;
}
