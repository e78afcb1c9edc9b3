/** All times are ms. */
export interface AlertOptions {
  /** Between two looks at the installation. */
  readonly everyMs: number;
  /** An incident is over when its condition was gone for so long. */
  readonly settleMs: number;
  /** And dead letters of one reason, when no more died of it for so long. */
  readonly deadSettleMs: number;
  /** So long after the first, others that die of the same thing are told with it. */
  readonly gatherMs: number;
  /** How long each has to last before it is told. */
  readonly noWorkerMs: number;
  /** At least; longer where a call may take longer. */
  readonly stallMs: number;
  readonly relaySilentMs: number;
  readonly redisAwayMs: number;
  readonly postgresAwayMs: number;
  readonly catalogAgeMs: number;
  /** Between two looks at the age of the catalog. */
  readonly catalogEveryMs: number;
  /** With Redis and Postgres both away, between two messages of a dashboard. */
  readonly aloneEveryMs: number;
  /** A sender that died is replaced after so long. */
  readonly leaseMs: number;
  readonly sendTimeoutMs: number;
  /** Between two tries: doubling from the first to the last. */
  readonly retryMs: number;
  readonly retryMaxMs: number;
  readonly heartbeatEveryMs: number;
}

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;

export const ALERT_DEFAULTS: AlertOptions = {
  everyMs: 5_000,
  settleMs: 5 * MINUTE_MS,
  deadSettleMs: HOUR_MS,
  gatherMs: 15_000,
  noWorkerMs: 25_000,
  stallMs: 40_000,
  relaySilentMs: 40_000,
  redisAwayMs: 20_000,
  postgresAwayMs: MINUTE_MS,
  catalogAgeMs: 24 * HOUR_MS,
  catalogEveryMs: MINUTE_MS,
  aloneEveryMs: HOUR_MS,
  // Longer than the longest that a look, a try to send and what is written about it may take.
  leaseMs: 30_000,
  sendTimeoutMs: 8_000,
  retryMs: 1_000,
  retryMaxMs: 5 * MINUTE_MS,
  heartbeatEveryMs: MINUTE_MS,
};
