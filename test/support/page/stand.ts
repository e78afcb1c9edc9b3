import { freePort } from '../../../scripts/services/machine.ts';
import { eventStreamKey } from '../../../src/events/event.ts';
import type { PushSales } from '../../../src/index.ts';
import { migrateOutbox } from '../../../src/outbox/migrate.ts';
import { canonicalJson, syncKeyOf } from '../../../src/sync/jobs/sync-key.ts';
import { eventually } from '../eventually.ts';
import { type RunningProcess, startProcess } from '../process.ts';
import { type Stand, startStand } from '../stand.ts';
import { startTcpProxy } from '../tcp-proxy.ts';

export const OPERATOR = { username: 'olga', password: 'opens and closes' };
export const VIEWER = { username: 'vera', password: 'only looks' };

type Act = 'hold' | 'release' | 'trial' | 'reset';

/** An installation whose pages are looked at: real processes, of which the dashboard reaches Redis and Postgres by ways that can be cut. */
export interface PageStand extends Stand {
  readonly url: string;
  /** The ids of the jobs. */
  sell(sales: readonly PushSales[], agoMs?: number): Promise<string[]>;
  /** As the operator, by the API. */
  act(act: Act, reason: string, until?: string): Promise<void>;
  untilCircuit(state: 'closed' | 'half-open' | 'open'): Promise<void>;
  untilIdle(): Promise<void>;
  /** Until the event log has all that happened. */
  untilLogged(): Promise<void>;
  reach(server: 'redis' | 'postgres', isReached: boolean): Promise<void>;
  restartDashboard(): Promise<void>;
  startRelay(): Promise<void>;
}

/** An open circuit stays so until a person wants a trial, and calls may be slow to be looked at. */
const SLOW_ENV = { CIRCUIT_OPEN: '600000', CIRCUIT_OPEN_MAX: '600000', CONEXXUS_TIMEOUT: '60000' };

export async function startPageStand(env: Readonly<Record<string, string>> = {}): Promise<PageStand> {
  const port = await freePort();
  const stand = await startStand({
    env: {
      ...SLOW_ENV,
      DASHBOARD_PORT: String(port),
      DASHBOARD_USER: OPERATOR.username,
      DASHBOARD_PASSWORD: OPERATOR.password,
      DASHBOARD_VIEWER_USER: VIEWER.username,
      DASHBOARD_VIEWER_PASSWORD: VIEWER.password,
      ...env,
    },
  });
  await migrateOutbox(stand.database);
  const ways = { redis: await wayTo(stand.env['REDIS_URL']), postgres: await wayTo(stand.databaseUrl) };
  const forDashboard = { REDIS_URL: ways.redis.url, DATABASE_URL: ways.postgres.url };
  const url = `http://127.0.0.1:${port}`;
  let dashboard = await startDashboard({ ...stand.env, ...forDashboard });
  const others: RunningProcess[] = [];

  return {
    ...stand,
    url,
    async sell(sales, agoMs = 0) {
      const timestamp = Date.now() - agoMs;
      const jobs = sales.map((data, place) => ({
        name: 'push_sales',
        data,
        // The newest are the last.
        opts: {
          jobId: syncKeyOf(canonicalJson(data)),
          timestamp: Math.round(timestamp + (agoMs * place) / sales.length),
        },
      }));
      const ids: string[] = [];
      for (let from = 0; from < jobs.length; from += 1_000) {
        const added = await stand.queue.addBulk(jobs.slice(from, from + 1_000));
        ids.push(...added.map(({ id = '' }) => id));
      }
      return ids;
    },
    async act(act, reason, until) {
      const answer = await fetch(`${url}/api/circuit/${act}`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', authorization: basic(OPERATOR) },
        body: JSON.stringify({ reason, ...(until === undefined ? {} : { until }) }),
      });
      if (!answer.ok) throw new Error(`${act}: ${answer.status} ${await answer.text()}`);
    },
    untilCircuit: (state) =>
      eventually(async () => {
        const found = await stand.redis.hget(`{${stand.namespace}}:circuit`, 'state');
        if (found !== state) throw new Error(`the circuit is ${found}, not ${state}`);
      }, 30_000),
    untilIdle: () =>
      eventually(async () => {
        const { waiting = 0, active = 0 } = await stand.queue.getJobCounts('waiting', 'active');
        if (waiting + active > 0) throw new Error(`${waiting} jobs wait, ${active} are under way`);
      }, 60_000),
    untilLogged: () =>
      eventually(async () => {
        const rows = await stand.redis.xlen(eventStreamKey(stand.namespace));
        if (rows > 0) throw new Error(`${rows} rows are not in the event log`);
      }, 30_000),
    async reach(server, isReached) {
      await ways[server].proxy.listen(isReached);
      if (!isReached) ways[server].proxy.reset();
    },
    async restartDashboard() {
      await dashboard.stop();
      dashboard = await startDashboard({ ...stand.env, ...forDashboard });
    },
    async startRelay() {
      const relay = startProcess('dist/relay.js', stand.env);
      others.push(relay);
      await relay.waitForLog('relay started', START_TIMEOUT_MS);
    },
    async close() {
      await Promise.all([dashboard, ...others].map((each) => each.stop()));
      await Promise.all([ways.redis, ways.postgres].map(({ proxy }) => proxy.stop()));
      await stand.close();
    },
  };
}

const START_TIMEOUT_MS = 60_000;

async function startDashboard(env: Readonly<Record<string, string>>): Promise<RunningProcess> {
  const dashboard = startProcess('dist/dashboard.js', env);
  await dashboard.waitForLog('dashboard is up', START_TIMEOUT_MS);
  return dashboard;
}

async function wayTo(url = '') {
  const proxy = await startTcpProxy({ port: Number(new URL(url).port) });
  return { proxy, url: proxy.through(url) };
}

export function basic({ username, password }: typeof OPERATOR): string {
  return `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`;
}
