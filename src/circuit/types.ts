/** Glossary: README.md beside this file. Times are milliseconds of the Redis clock. */
export type CircuitState = 'closed' | 'open' | 'half-open';

/** What a permission is for: a payload known by its sync key, or a job that has none. */
export interface Subject {
  readonly jobId: string;
  readonly syncKey?: string | undefined;
}

/**
 * Why the circuit said no: its state (`open`; `health`: half-open, before the health call; `trials`:
 * half-open, every trial taken), a person (`hold`), a 429 (`cooldown`), another job with the same
 * payload (`in-flight`), or because it is this worker that seems ill (`benched`).
 */
export type DenialReason = 'open' | 'health' | 'trials' | 'hold' | 'cooldown' | 'in-flight' | 'benched';

export type Acquired =
  /** Its success was recorded before: do not call. */
  | { readonly kind: 'delivered' }
  /** `waitMs`: from now to `retryAt`. Both null where only a person or another process ends it. */
  | {
      readonly kind: 'denied';
      readonly reason: DenialReason;
      readonly retryAt: number | null;
      readonly waitMs: number | null;
    }
  | {
      readonly kind: 'permitted';
      readonly permission: string;
      readonly epoch: number;
      readonly trial: boolean;
      /** An earlier try of the payload has no known end; what was last recorded of it as `doubt`, else 0. */
      readonly doubt: number | null;
    };

/** How an outcome bears on the circuit. `ignored` gives a trial back and counts nothing. */
export type CircuitEffect =
  | 'success'
  | 'failure'
  | 'misconfigured'
  | 'rate-limited'
  | 'rejected'
  | 'crashed'
  | 'ignored';

/** What is told of a failure; texts are redacted. */
export interface FailureReport {
  readonly jobId: string;
  readonly worker: string;
  readonly code: string;
  readonly message: string;
  readonly httpStatus?: number | undefined;
}

export interface OutcomeReport {
  readonly effect: CircuitEffect;
  readonly durationMs: number;
  /** The back office has the payload, whatever the circuit makes of it. */
  readonly delivered: boolean;
  /** 429: how long to wait. On a failure: the shortest open time, should it open. */
  readonly retryAfterMs?: number | undefined;
  /** What stands for the payload as evidence, where that is not the payload itself: a store's location. */
  readonly payload?: string | undefined;
  /** Kept for the next try of the payload, until it is delivered. */
  readonly doubt?: number | undefined;
  /** Kept as the last failure, where it is one. */
  readonly failure?: FailureReport | undefined;
  /** What is appended to the outcome stream, as JSON. */
  readonly event: object;
}

/**
 * `recorded`: it counted. `stale`: taken over, run out or of an older epoch; logged, moved nothing.
 * `repeated`: recorded before; nothing was done. `moved`: something changed that the gate must know.
 */
export interface Recorded {
  readonly kind: 'recorded' | 'stale' | 'repeated';
  readonly state: CircuitState;
  readonly moved: boolean;
  readonly verdict: CircuitVerdict | null;
  /** After a 429: how long this job is to wait. */
  readonly waitMs: number | null;
}

/**
 * Whom an outcome speaks of, where not of Conexxus: `benched`: this worker; `suspect`: this payload;
 * `alone`: this payload alone is rate limited.
 */
export type CircuitVerdict = 'benched' | 'suspect' | 'alone';

export type HealthEnding = 'healthy' | 'rate-limited' | 'misconfigured' | 'failed';

/** What lets a benched worker try again, or does not. */
export type BenchEnding = HealthEnding | 'key-changed';

/** A person's word. `until` absent: until another person ends it. */
export interface ManualOverride {
  readonly actor: string;
  readonly reason: string;
  readonly since: number;
  readonly until?: number;
}

/** As a reader sees it now: due changes of time are applied to the picture, not to Redis. */
export interface CircuitStatus {
  readonly state: CircuitState;
  readonly phase: 'health' | 'trials' | null;
  readonly epoch: number;
  readonly since: number;
  readonly cause: string | null;
  readonly retryAt: number | null;
  readonly cooldownUntil: number | null;
  /** Failures in a row; 0 unless closed. */
  readonly failures: number;
  /** Trial successes since half-open. */
  readonly successes: number;
  /** Rejected sales in a row. */
  readonly rejections: number;
  readonly hold: ManualOverride | null;
  readonly bypass: ManualOverride | null;
  readonly benched: readonly BenchedWorker[];
  readonly suspect: Suspect | null;
  /** Of a closed circuit: what came of the calls of the window. */
  readonly window: { readonly calls: number; readonly failures: number };
  /** Since when and why it has been down, and the how manyth opening this is. */
  readonly outage: { readonly since: number; readonly cause: string; readonly openings: number } | null;
  readonly lastFailure: (Partial<FailureReport> & { readonly at: number }) | null;
  readonly lastSuccess: { readonly at: number; readonly worker: string; readonly jobId: string } | null;
  /** Since the circuit was first started. */
  readonly totals: { readonly calls: number; readonly successes: number; readonly failures: number };
  /** Since then, of all outages: how often it opened, by cause; what is absent never did. */
  readonly openings: Readonly<Record<string, number>>;
  readonly trialsInFlight: number;
  /** Half-open: a worker is asking Conexxus for its health until then. */
  readonly healthCallUntil: number | null;
  /** Whether any worker is there that takes jobs. */
  readonly isAnyoneAlive: boolean;
}

/** A worker that takes no jobs because it may be itself that is ill. */
export interface BenchedWorker {
  readonly worker: string;
  readonly workerId: string;
  readonly since: number;
  readonly cause: string;
  /** Its next health call of its own; null: it has to be restarted. */
  readonly retryAt: number | null;
}

/** It may be this payload, and not Conexxus: it alone failed. */
interface Suspect {
  /** The sync key, `job:<id>` of a job that has none, or `location:<id>` of a store that is refused. */
  readonly payload: string;
  readonly jobId: string;
  readonly since: number;
}
