/** Glossary: README.md beside this file. Times are milliseconds of the Redis clock. */
export type CircuitState = 'closed' | 'open' | 'half-open';

/** Why the circuit said no. */
export type DenialReason = 'open' | 'health' | 'trials' | 'hold' | 'cooldown' | 'in-flight';

export type Acquired =
  /** Its success was recorded before: do not call. */
  | { readonly kind: 'delivered' }
  /** `waitMs`: from now until it is worth asking again. */
  | {
      readonly kind: 'denied';
      readonly reason: DenialReason;
      readonly retryAt: number;
      readonly waitMs: number;
    }
  | {
      readonly kind: 'permitted';
      readonly permission: string;
      readonly epoch: number;
      readonly trial: boolean;
    };

/** How an outcome bears on the circuit. */
export type CircuitEffect = 'success' | 'failure' | 'misconfigured' | 'rate-limited' | 'rejected' | 'ignored';

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
