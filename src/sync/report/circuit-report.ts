import type { CircuitStatus } from '../../circuit/types.ts';

/** What `GET /api/circuit` and `circuit status --json` answer. */
export interface CircuitReport extends CircuitStatus {
  /** Everything that keeps the queue paused now; none: it runs. */
  readonly pausedBy: readonly string[];
}

/** Field by field: what is public stays as it is when the circuit comes to know more. */
export function circuitReport(status: CircuitStatus, pausedBy: readonly string[]): CircuitReport {
  return {
    state: status.state,
    phase: status.phase,
    epoch: status.epoch,
    since: status.since,
    cause: status.cause,
    retryAt: status.retryAt,
    cooldownUntil: status.cooldownUntil,
    failures: status.failures,
    successes: status.successes,
    hold: status.hold,
    bypass: status.bypass,
    pausedBy,
  };
}
