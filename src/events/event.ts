/**
 * One row of `event_log`, as it waits in the outcome stream.
 *
 * A stream entry has the fields `event` (this, as JSON), `at` (Redis clock, ms: becomes `timestamp`),
 * and, where a circuit script appended it, `state` (circuit state when it was recorded: becomes
 * `payload.circuitState`) and `stale` (`1`: becomes `payload.stale: true`).
 */
export interface SyncEvent {
  /** Unique for ever: the second row with it is dropped. */
  readonly dedupeKey: string;
  /** `conexxus.sync.<what>.<job>` and others: README.md has them all. */
  readonly type: string;
  /** The job id; for circuit events `circuit`. */
  readonly aggregateId: string;
  readonly locationId?: string;
  readonly payload: EventPayload;
  readonly metadata?: Readonly<Record<string, unknown>>;
  readonly transactionIds?: readonly string[];
}

export type EventPayload = Readonly<Record<string, unknown>>;

/** Redis key of the outcome stream. */
export function eventStreamKey(namespace: string): string {
  return `{${namespace}}:events`;
}
