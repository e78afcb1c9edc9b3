import type { LogLevel } from '../logger.ts';
import { count, flag, isVariable, ms, optional, required, variable } from './formats.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

/** Every variable that any process reads. Names of durations end in `Ms`; their unit is milliseconds. */
export const SCHEMA = {
  conexxus: {
    apiUrl: required(
      'CONEXXUS_API_URL',
      'api-url',
      'Address of the Conexxus API.',
      'the https:// address of your Conexxus back office',
    ),
    allowHttp: flag('CONEXXUS_ALLOW_HTTP', false, 'Allows plain http to a host other than this one.'),
    timeoutMs: ms('CONEXXUS_TIMEOUT', 30_000, [1, HOUR_MS], 'Longest a whole request may take.'),
    quickRetries: count('CONEXXUS_RETRIES', 3, [0, 100], 'Quick retries of a job before the slow ones.'),
    retryDelayMs: ms('CONEXXUS_RETRY_DELAY', 1_000, [10, HOUR_MS], 'Base delay of the quick retries.'),
    maxAttempts: count(
      'CONEXXUS_MAX_ATTEMPTS',
      300,
      [1, 1_000_000],
      'Attempts made while the circuit stayed closed after which a job is dead-lettered.',
    ),
    enabled: flag('CONEXXUS_ENABLED', true, 'false: workers start and take no job.'),
  },
  access: {
    apiKey: optional('CONEXXUS_API_KEY', 'text', 'Key of the Conexxus API.', { sensitive: true }),
    apiKeyFile: optional('CONEXXUS_API_KEY_FILE', 'text', 'File to read the key from, instead.'),
    caFile: optional('CONEXXUS_CA_FILE', 'text', 'PEM file of a private certificate authority.'),
  },
  locationId: { ...variable('LOCATION_ID', 'text', 'Store id used by schedules.'), default: 'default' },
  namespace: {
    ...variable('SYNC_NAMESPACE', 'namespace', 'One queue, circuit and event stream per namespace.'),
    default: 'conexxus',
  },
  redisUrl: {
    ...variable('REDIS_URL', 'redis-url', 'Redis of the queue and the circuit.'),
    default: 'redis://127.0.0.1:6379',
    sensitive: true,
  },
  databaseUrl: {
    ...required(
      'DATABASE_URL',
      'database-url',
      'Postgres of the event log and the catalog.',
      'the postgres:// address of its database',
    ),
    sensitive: true,
  },
  worker: {
    name: optional('WORKER_NAME', 'text', 'How pages, events and alerts call this worker.'),
    concurrency: count('WORKER_CONCURRENCY', 10, [1, 10_000], 'Calls in flight per worker process.'),
    fleetConcurrency: count('FLEET_CONCURRENCY', 0, [0, 1_000_000], 'Calls in flight in all; 0: no limit.'),
    completedMax: count(
      'COMPLETED_MAX',
      10_000,
      [0, 10_000_000],
      'Delivered jobs that stay in the queue to be looked at, for a day at most.',
    ),
    healthPort: count('WORKER_HEALTH_PORT', 0, [0, 65_535], 'Port of the worker health page; 0: off.'),
    shutdownTimeoutMs: ms(
      'SHUTDOWN_TIMEOUT',
      25_000,
      [0, HOUR_MS],
      'From SIGTERM until jobs in flight are handed back.',
    ),
  },
  circuit: {
    failureThreshold: count('CIRCUIT_FAILURE_THRESHOLD', 5, [1, 100_000], 'Failures in a row that open it.'),
    failureRate: {
      ...variable('CIRCUIT_FAILURE_RATE', 'share', 'Or this share of failed calls …'),
      default: 0.5,
    },
    minimumCalls: count('CIRCUIT_MINIMUM_CALLS', 20, [1, 1_000_000], '… of at least so many calls.'),
    windowMs: ms('CIRCUIT_WINDOW', 60_000, [100, DAY_MS], 'What is older counts no more.'),
    slowCallMs: ms('CIRCUIT_SLOW_CALL', 0, [0, HOUR_MS], 'Slower successes count as failures; 0: off.'),
    rejections: count('CIRCUIT_REJECTIONS', 50, [1, 1_000_000], 'Rejected jobs in a row that open it.'),
    openMs: ms('CIRCUIT_OPEN', 60_000, [100, DAY_MS], 'Until the first trial call; doubles per failed one.'),
    openMaxMs: ms('CIRCUIT_OPEN_MAX', 600_000, [100, DAY_MS], 'Up to this.'),
    successThreshold: count('CIRCUIT_SUCCESS_THRESHOLD', 2, [1, 10_000], 'Trial successes that close it.'),
    rampStepMs: ms(
      'RAMP_STEP',
      1_000,
      [0, HOUR_MS],
      'Per doubling of concurrency after closing; 0: at once.',
    ),
    deliveredRetentionDays: count(
      'DELIVERED_RETENTION_DAYS',
      7,
      [1, 3_650],
      'How long a delivered payload is remembered, so as not to send it again.',
    ),
  },
  events: {
    retentionDays: count('EVENT_RETENTION_DAYS', 90, [1, 36_500], 'How long rows of the event log are kept.'),
    backlogMax: count(
      'EVENT_BACKLOG_MAX',
      100_000,
      [1, 100_000_000],
      'Rows waiting for Postgres before the intake of jobs pauses.',
    ),
  },
  outboxDatabaseUrl: optional(
    'OUTBOX_DATABASE_URL',
    'database-url',
    'Postgres of the POS, with the outbox (default: DATABASE_URL).',
    { sensitive: true },
  ),
  outbox: {
    batch: count(
      'OUTBOX_BATCH',
      100,
      [1, 10_000],
      'Transactions in one payload at most; 1: none is gathered.',
    ),
    window: count('OUTBOX_WINDOW', 200, [1, 100_000], 'Payloads waiting or active in the queue at most.'),
    pollMs: ms('OUTBOX_POLL', 250, [10, HOUR_MS], 'Between two looks at the outbox.'),
    retentionDays: count(
      'OUTBOX_RETENTION_DAYS',
      7,
      [1, 36_500],
      'How long settled sales stay in the outbox.',
    ),
    healthPort: count('RELAY_HEALTH_PORT', 0, [0, 65_535], 'Port of the relay health page; 0: off.'),
  },
  schedules: {
    zone: { ...variable('SYNC_TIMEZONE', 'zone', "IANA zone of the stores' clocks."), default: 'UTC' },
    endOfDay: {
      ...variable('EOD_SYNC_TIME', 'clock-time', 'When the day of a store ends, by its own clock.'),
      default: '23:30',
    },
  },
  intake: {
    host: { ...variable('INTAKE_HOST', 'host', 'Listen address.'), default: '127.0.0.1' },
    port: count('INTAKE_PORT', 3_100, [0, 65_535], 'Listen port; 0: any free one.'),
    rate: count('INTAKE_RATE', 100, [1, 1_000_000], 'Requests a second that one token may make.'),
    healthPort: count('INTAKE_HEALTH_PORT', 0, [0, 65_535], 'Port of the intake health page; 0: off.'),
  },
  dashboard: {
    host: { ...variable('DASHBOARD_HOST', 'host', 'Listen address.'), default: '127.0.0.1' },
    port: count('DASHBOARD_PORT', 3_000, [0, 65_535], 'Listen port; 0: any free one.'),
    user: optional('DASHBOARD_USER', 'text', 'Login of operators.'),
    password: optional('DASHBOARD_PASSWORD', 'text', 'At least 8 characters.', { sensitive: true }),
    viewerUser: optional('DASHBOARD_VIEWER_USER', 'text', 'Login of those who may look and change nothing.'),
    viewerPassword: optional('DASHBOARD_VIEWER_PASSWORD', 'text', 'At least 8 characters.', {
      sensitive: true,
    }),
    trustProxy: optional(
      'TRUST_PROXY',
      'addresses',
      'Reverse proxies whose X-Forwarded-For is believed: addresses and networks.',
    ),
  },
  alerts: {
    webhookUrl: optional('ALERT_WEBHOOK_URL', 'web-url', 'Where alerts are posted as JSON.', {
      sensitive: true,
    }),
    webhookSecret: optional(
      'ALERT_WEBHOOK_SECRET',
      'webhook-secret',
      'Signs them, after Standard Webhooks.',
      {
        sensitive: true,
      },
    ),
    backlogAgeMs: ms(
      'ALERT_BACKLOG_AGE',
      900_000,
      [1_000, 7 * DAY_MS],
      'Age of the oldest due job, or of the oldest sale waiting in the outbox, that is told.',
    ),
    heartbeatUrl: optional('ALERT_HEARTBEAT_URL', 'web-url', 'Called once a minute while all is well.', {
      sensitive: true,
    }),
  },
  logLevel: {
    ...variable('LOG_LEVEL', 'log-level', 'trace, debug, info, warn, error, fatal or silent.'),
    default: 'info' as LogLevel,
  },
};

/** All variables, each with the setting of `Settings` that it belongs to. */
export const VARIABLES = Object.entries(SCHEMA).flatMap(([setting, node]) =>
  (isVariable(node) ? [node] : Object.values(node)).map((variable) => ({ setting, variable })),
);
