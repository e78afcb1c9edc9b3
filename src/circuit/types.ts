/** Glossary: README.md beside this file. Times are milliseconds of the Redis clock. */
export type CircuitState = 'closed' | 'open' | 'half-open';

/** What a permission is for: a payload known by its sync key, or a job that has none. */
export interface Subject {
  readonly jobId: string;
  readonly syncKey?: string | undefined;
}

/**
 * Why the circuit said no: its state (`open`; `health`: half-open, before the health call; `trials`:
 * half-open, every trial taken), a person (`hold`), a 429 (`cooldown`), or another job with the same
 * payload (`in-flight`).
 */
export type DenialReason = 'open' | 'health' | 'trials' | 'hold' | 'cooldown' | 'in-flight';

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
    };

/** How an outcome bears on the circuit. `ignored` gives a trial back and counts nothing. */
export type CircuitEffect = 'success' | 'failure' | 'misconfigured' | 'rate-limited' | 'rejected' | 'ignored';

export interface OutcomeReport {
  readonly effect: CircuitEffect;
  readonly durationMs: number;
  /** The back office has the payload, whatever the circuit makes of it. */
  readonly delivered: boolean;
  /** 429: how long to wait. On a failure: the shortest open time, should it open. */
  readonly retryAfterMs?: number | undefined;
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
}

export type HealthEnding = 'healthy' | 'rate-limited' | 'misconfigured' | 'failed';

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
  /** Failures in a row within the window. */
  readonly failures: number;
  /** Trial successes since half-open. */
  readonly successes: number;
  readonly hold: ManualOverride | null;
  readonly bypass: ManualOverride | null;
}
