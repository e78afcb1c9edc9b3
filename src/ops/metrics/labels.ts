import type { CircuitState } from '../../circuit/types.ts';
import type { HealthAnswer } from '../../conexxus/health.ts';
import type { AttemptOutcome } from '../../sync/disposition.ts';
import { JOB_NAMES } from '../../sync/jobs/jobs.ts';
import { OTHER } from './instruments.ts';

// The values of labels. Each list is closed: neither a store, nor a sale, nor a text from outside is in any.

/**
 * Names of jobs; `job` itself is a label of Prometheus's own. `other`: any client can enqueue a job of any name; it dies as
 * invalid data.
 */
export const OPERATIONS: readonly string[] = [...JOB_NAMES, OTHER];

export const OUTCOMES: readonly string[] = Object.keys({
  delivered: true,
  transient: true,
  forbidden: true,
  not_found: true,
  misconfigured: true,
  rate_limited: true,
  rejected: true,
  aborted: true,
  unstored: true,
  in_doubt: true,
  crashed: true,
} satisfies Record<AttemptOutcome, true>);

export const CIRCUIT_STATES: readonly string[] = Object.keys({
  closed: true,
  open: true,
  'half-open': true,
} satisfies Record<CircuitState, true>);

export const HEALTH_ANSWERS: readonly string[] = Object.keys({
  ok: true,
  unsupported: true,
  rate_limited: true,
  misconfigured: true,
  failed: true,
} satisfies Record<HealthAnswer['kind'], true>);

/** As the circuit's scripts write them; `other`: those of another version. */
export const OPENING_CAUSES: readonly string[] = [
  'streak',
  'rate',
  'rejecting',
  'misconfigured',
  'trial-failed',
  'health-failed',
  OTHER,
];

const REASON_OF_CODE: ReadonlyMap<string, string> = new Map([
  ['invalid_data', 'invalid_data'],
  ['invalid_request', 'invalid_data'],
  ['refused', 'rejected'],
  ['http_403', 'forbidden'],
  ['http_404', 'not_found'],
  ['internal_error', 'crashed'],
  ['restarted_too_often', 'crashed'],
]);
const TRANSIENT =
  /^(?:http_(?:408|425|5\d\d)|timeout|network|dns|tls|connection_\w+|invalid_answer|answer_too_large)$/;

/** `older`: not looked at. */
export const DEATH_REASONS: readonly string[] = [
  'rejected',
  'invalid_data',
  'forbidden',
  'not_found',
  'transient',
  'crashed',
  OTHER,
  'older',
];

/** What a dead letter died of, by the code that its reason begins with. */
export function deathReasonOf(code: string): string {
  const named = REASON_OF_CODE.get(code);
  if (named !== undefined) return named;
  if (TRANSIENT.test(code)) return 'transient';
  return /^http_[234]\d\d$/.test(code) ? 'rejected' : OTHER;
}
