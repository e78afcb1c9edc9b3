import type { CircuitOptions } from '../../circuit/options.ts';
import type { CircuitStatus } from '../../circuit/types.ts';

/** What `GET /api/circuit` and `circuit status --json` answer. */
export interface CircuitReport extends Omit<CircuitStatus, 'window' | 'openings'> {
  readonly window: CircuitStatus['window'] & { readonly rate: number };
  /** Everything that keeps the queue paused now; none: it runs. */
  readonly pausedBy: readonly string[];
  /** What the workers decide by. */
  readonly options: CircuitOptions;
}

/** Field by field: what is public stays as it is when the circuit comes to know more. */
export function circuitReport(
  status: CircuitStatus,
  pausedBy: readonly string[],
  options: CircuitOptions,
): CircuitReport {
  const { calls, failures } = status.window;
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
    rejections: status.rejections,
    hold: status.hold,
    bypass: status.bypass,
    pausedBy,
    benched: status.benched,
    suspect: status.suspect,
    window: { calls, failures, rate: calls === 0 ? 0 : failures / calls },
    outage: status.outage,
    lastFailure: status.lastFailure,
    lastSuccess: status.lastSuccess,
    totals: status.totals,
    trialsInFlight: status.trialsInFlight,
    healthCallUntil: status.healthCallUntil,
    isAnyoneAlive: status.isAnyoneAlive,
    options,
  };
}
