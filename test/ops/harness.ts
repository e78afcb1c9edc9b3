import { randomUUID } from 'node:crypto';
import { type IncomingHttpHeaders, type IncomingMessage, request } from 'node:http';
import { text } from 'node:stream/consumers';
import { Queue } from 'bullmq';
import type { Redis } from 'ioredis';
import { pino } from 'pino';
import { connectDatabase, type Database } from '../../src/base/database.ts';
import { createRedactor } from '../../src/base/redaction.ts';
import { connectRedis } from '../../src/base/redis.ts';
import { eventStreamKey, type SyncEvent } from '../../src/events/event.ts';
import { createActing } from '../../src/ops/acting.ts';
import { ACT_LINKS } from '../../src/ops/actions/links.ts';
import { createRuns, type Runs } from '../../src/ops/actions/runs.ts';
import type { ProblemAtAGlance } from '../../src/ops/alerts/alerts.ts';
import { createOpsApp } from '../../src/ops/app.ts';
import type { Access } from '../../src/ops/auth.ts';
import type { Health } from '../../src/ops/health.ts';
import { createOpsPage, type OpsPage } from '../../src/ops/page/page.ts';
import { listen } from '../../src/ops/server.ts';
import { readPauser } from '../../src/sync/gate/pauser.ts';
import type { CircuitReport } from '../../src/sync/report/circuit-report.ts';
import { createFleet } from '../../src/sync/report/fleet.ts';
import type { WorkerReport } from '../../src/sync/report/worker-report.ts';
import { OPTIONS } from '../circuit/harness.ts';

export const OPERATOR = { user: 'olga', password: 'opens & closes' };
export const VIEWER = { user: 'vera', password: 'only: looks' };

export const CLOSED: CircuitReport = {
  state: 'closed',
  phase: null,
  epoch: 1,
  since: Date.now() - 90_000,
  cause: null,
  retryAt: null,
  cooldownUntil: null,
  failures: 0,
  successes: 0,
  rejections: 0,
  hold: null,
  bypass: null,
  pausedBy: [],
  benched: [],
  suspect: null,
  window: { calls: 0, failures: 0, rate: 0 },
  outage: null,
  lastFailure: null,
  lastSuccess: null,
  totals: { calls: 0, successes: 0, failures: 0 },
  trialsInFlight: 0,
  healthCallUntil: null,
  isAnyoneAlive: true,
  options: OPTIONS,
};

/** Any text in their format. */
export const METRICS = '# TYPE conexxus_sync_up gauge\nconexxus_sync_up 1\n';

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
  json(): Record<string, unknown>;
}

export interface CallOptions {
  readonly as?: { readonly user: string; readonly password: string };
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

export interface OpsHarness {
  readonly port: number;
  /** Of the app. */
  readonly runs: Runs;
  readonly routes: readonly { readonly method: string; readonly path: string }[];
  readonly queue: Queue;
  readonly redis: Redis;
  readonly namespace: string;
  readonly page: OpsPage;
  /** What the circuit answers from now on. */
  circuitIs(report: CircuitReport): void;
  /** Who is there from now on. */
  workersAre(workers: readonly WorkerReport[]): void;
  /** What alerts find wrong from now on. */
  problemsAre(problems: readonly ProblemAtAGlance[]): void;
  call(method: string, path: string, options?: CallOptions): Promise<Answer>;
  /** Reading the circuit fails from now on. */
  circuitFails(error: Error): void;
  /** Redis key of the audit trail. */
  readonly auditKey: string;
  audited(): Promise<readonly SyncEvent[]>;
  /** As the gate pauses. */
  pauseAsCircuit(): Promise<void>;
  close(): Promise<void>;
}

export interface OpsHarnessOptions {
  readonly access?: Access;
  readonly health?: Partial<Health>;
  /** Of the event log; default: it is away. */
  readonly database?: Database;
  /** Of the POS; default: it is away. */
  readonly outboxDatabase?: Database;
  /** The circuit that is in Redis, and not one that the test makes up. */
  readonly realCircuit?: true;
  readonly secrets?: readonly string[];
  /** Of a queue that the test has something in; default: one of its own. */
  readonly namespace?: string;
}

const OWN_OPTIONS = { circuit: OPTIONS, eventBacklogMax: 1_000, fleetConcurrency: 0, rampStepMs: 0 };

export const AWAY = connectDatabase('postgres://nobody@127.0.0.1:1/none', { max: 1 });

const PROTECTED: Access = { host: '127.0.0.1', operator: OPERATOR, viewer: VIEWER };

/** The dashboard on a free port, over a queue of its own in the tests' Redis. */
export async function startOps({
  access = PROTECTED,
  health = {},
  database = AWAY,
  outboxDatabase = AWAY,
  realCircuit,
  secrets = [],
  namespace = `ops-${randomUUID()}`,
}: OpsHarnessOptions = {}): Promise<OpsHarness> {
  const prefix = `{${namespace}}`;
  const redis = connectRedis(redisUrl(), 'patient', () => undefined);
  const queue = new Queue('sync', { prefix, connection: redis });
  await queue.waitUntilReady();
  let circuit: () => CircuitReport = () => CLOSED;
  let workers: readonly WorkerReport[] = [];
  let problems: readonly ProblemAtAGlance[] = [];
  const meta = queue.toKey('meta');
  const stream = eventStreamKey(namespace);

  const redact = createRedactor(secrets);
  const real = createFleet({ redis, namespace, ownOptions: OWN_OPTIONS });
  const madeUp = {
    look: async () => {
      const report = circuit();
      const ours = report.hold === null ? report.state : 'hold';
      const stamp = await redis.hget(meta, 'paused');
      const pausedBy = stamp === null ? [] : [stamp === 'circuit' ? ours : 'operator'];
      return { report: { ...report, pausedBy }, workers, now: Date.now() };
    },
  };

  const audit = {
    append: async (event: SyncEvent) => {
      await redis.xadd(stream, '*', 'event', JSON.stringify(event));
    },
  };
  const acting = createActing({ redis, queue, namespace, redact, fleet: real, database, outboxDatabase });
  const logger = pino({ level: 'silent' });
  const runs = createRuns({ deadLetters: acting.deadLetters, audit, logger });
  const fleet = realCircuit ? real : madeUp;
  const page = createOpsPage({
    redis,
    queue,
    namespace,
    fleet,
    alerts: { problems: () => problems },
    database,
    outboxDatabase,
    pauser: () => readPauser(redis, queue),
    acts: ACT_LINKS,
    redact,
    logger,
  });

  const app = createOpsApp({
    access,
    queue,
    redis,
    fleet,
    page,
    audit,
    acting,
    runs,
    health: { checks: {}, stuck: () => null, ...health },
    metrics: { text: async () => METRICS },
    redact,
    logger,
  });
  const server = await listen(app, { host: '127.0.0.1', port: 0 });

  return {
    port: server.port,
    routes: app.routes,
    runs,
    queue,
    redis,
    namespace,
    page,
    circuitIs: (report) => {
      circuit = () => report;
    },
    problemsAre: (found) => {
      problems = found;
    },
    workersAre: (there) => {
      workers = there;
    },
    circuitFails: (error) => {
      circuit = () => {
        throw error;
      };
    },
    auditKey: stream,
    call: (method, path, options) => call(server.port, method, path, options),
    audited: async () => {
      const entries = await redis.xrange(stream, '-', '+');
      return entries.map(([, fields]): SyncEvent => JSON.parse(fields[1] ?? ''));
    },
    pauseAsCircuit: async () => {
      await redis.hset(meta, 'paused', 'circuit');
    },
    close: async () => {
      page.close();
      await server.close();
      await runs.close();
      await queue.close();
      const keys = await redis.keys(`${prefix}:*`);
      if (keys.length > 0) await redis.del(...keys);
      await redis.quit();
    },
  };
}

function redisUrl(): string {
  const url = process.env['TEST_REDIS_URL'];
  if (url === undefined) throw new Error('TEST_REDIS_URL is not set: run the tests with the global setup.');
  return url;
}

/** One request with exactly the headers given: `fetch` would add and refuse some. */
async function call(
  port: number,
  method: string,
  path: string,
  { as, headers = {}, body }: CallOptions = {},
): Promise<Answer> {
  const login =
    as === undefined
      ? {}
      : { authorization: `Basic ${Buffer.from(`${as.user}:${as.password}`).toString('base64')}` };
  // Node leaves it out of a DELETE, and the server then reads the body as a second request.
  const length = body === undefined ? {} : { 'content-length': String(Buffer.byteLength(body)) };
  const sent = request({
    host: '127.0.0.1',
    port,
    method,
    path,
    headers: { ...login, ...length, ...headers },
  });
  sent.end(body);
  const received = await new Promise<IncomingMessage>((resolve, reject) => {
    sent.once('response', resolve).once('error', reject);
  });
  const content = await text(received);
  return {
    status: received.statusCode ?? 0,
    headers: received.headers,
    text: content,
    json: (): Record<string, unknown> => JSON.parse(content),
  };
}
