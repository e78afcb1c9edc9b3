import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import postgres from 'postgres';
import { connectRedis } from '../../src/base/redis.ts';
import { eventually } from '../support/eventually.ts';
import { type FreshDatabase, freshDatabase } from '../support/postgres.ts';
import { type RunningProcess, startProcess } from '../support/process.ts';
import { testRedisUrl } from '../support/redis.ts';
import { makeSales } from '../support/sales.ts';
import { expectNone, pagePaths, wordsOf } from './canaries.ts';
import { type FaultStand, SALES_PATH, startFaultStand } from './fault-stand.ts';
import { redisTexts } from './redis-texts.ts';

const run = randomBytes(4).toString('hex');

const CANARY = {
  apiKey: `CanaryApiKey-"&%41<-${run}`,
  database: `CanaryDatabase-"&%41<-${run}`,
  redis: `CanaryRedis-"&%41<-${run}`,
  dashboard: `CanaryDashboard-"&%41<-${run}`,
  viewer: `CanaryViewer-"&%41<-${run}`,
  webhook: `CanaryWebhook-${run}`,
  webhookSecret: `CanaryWebhookSecret-${run}`,
  heartbeat: `CanaryHeartbeat-${run}`,
};
const OPERATOR = `Basic ${Buffer.from(`olga:${CANARY.dashboard}`).toString('base64')}`;
const INVENTORY_PATH = '/api/v1/inventory/items';
const HEALTH_PATH = '/api/v1/health';

let stand: FaultStand;
let fresh: FreshDatabase;
/** All whose words are looked through. */
const processes: RunningProcess[] = [];
let env: Record<string, string>;

/** What an API, a proxy or a careless till might say. */
function echo(): string {
  const encoded = encodeURIComponent(CANARY.apiKey);
  return `bad key ${CANARY.apiKey} (${encoded}) ${OPERATOR} ${env['DATABASE_URL']} ${env['REDIS_URL']} ${env['ALERT_WEBHOOK_URL']}`;
}

function start(entry: string, environment: Record<string, string>, args: string[] = []): RunningProcess {
  const started = startProcess(entry, environment, args);
  processes.push(started);
  return started;
}

function withPassword(url: string, user: string, password: string): string {
  const changed = new URL(url);
  changed.username = user;
  changed.password = encodeURIComponent(password);
  return changed.href;
}

async function createLogins(): Promise<{ redisUrl: string; databaseUrl: string }> {
  const redis = connectRedis(testRedisUrl(), 'patient', () => undefined);
  await redis.call('ACL', 'SETUSER', `canary-${run}`, 'on', `>${CANARY.redis}`, '~*', '&*', '+@all');
  redis.disconnect();
  fresh = await freshDatabase();
  if (fresh.embedded) {
    return {
      redisUrl: withPassword(testRedisUrl(), `canary-${run}`, CANARY.redis),
      databaseUrl: withPassword(fresh.url, new URL(fresh.url).username, CANARY.database),
    };
  }
  const sql = postgres(fresh.url, { max: 1 });
  await sql.unsafe(`create role canary_${run} login superuser password '${CANARY.database}'`);
  await sql.end();
  return {
    redisUrl: withPassword(testRedisUrl(), `canary-${run}`, CANARY.redis),
    databaseUrl: withPassword(fresh.url, `canary_${run}`, CANARY.database),
  };
}

async function dropLogins(): Promise<void> {
  const redis = connectRedis(testRedisUrl(), 'patient', () => undefined);
  await redis.call('ACL', 'DELUSER', `canary-${run}`);
  redis.disconnect();
  const { pathname } = new URL(fresh.url);
  const server = fresh.url.replace(pathname, '/postgres');
  await fresh.close();
  if (fresh.embedded) return;
  const sql = postgres(server, { max: 1 });
  await sql.unsafe(`drop role canary_${run}`);
  await sql.end();
}

beforeAll(async () => {
  const { redisUrl, databaseUrl } = await createLogins();
  stand = await startFaultStand({
    redisUrl,
    databaseUrl,
    simulator: { apiKey: CANARY.apiKey },
    env: {
      LOG_LEVEL: 'trace',
      DASHBOARD_PORT: '0',
      DASHBOARD_USER: 'olga',
      DASHBOARD_PASSWORD: CANARY.dashboard,
      DASHBOARD_VIEWER_USER: 'vera',
      DASHBOARD_VIEWER_PASSWORD: CANARY.viewer,
      ALERT_WEBHOOK_URL: `https://hooks.shop.test/${CANARY.webhook}?token=${CANARY.webhook}`,
      ALERT_WEBHOOK_SECRET: `whsec_${Buffer.from(CANARY.webhookSecret).toString('base64')}`,
      ALERT_HEARTBEAT_URL: `https://beats.shop.test/${CANARY.heartbeat}`,
    },
  });
  env = { ...stand.env };
  processes.push(...(await stand.startWorkers(2)));
}, 60_000);

afterAll(async () => {
  await Promise.all(processes.map((each) => each.stop()));
  await stand.close();
  await dropLogins();
});

async function makeTrouble(): Promise<void> {
  const error = { success: false, error: echo() };
  const at = (n: number) => ({ transactionId: `row-52-${n}`, times: 1 });
  await stand.simulator.setCatalog([{ sku: echo(), name: 'bad', price: -1 }]);
  await stand.simulator.setFaults([
    { match: at(0), fault: { kind: 'status', status: 400, body: error } },
    { match: at(1), fault: { kind: 'successFalse', error: echo() } },
    { match: at(2), fault: { kind: 'status', status: 500, body: error } },
    { match: at(3), fault: { kind: 'status', status: 200, body: echo() } },
    {
      match: at(4),
      fault: { kind: 'status', status: 200, headers: { 'content-type': `text/${CANARY.apiKey}` } },
    },
    {
      match: at(5),
      fault: { kind: 'status', status: 200, headers: { 'content-encoding': CANARY.apiKey } },
    },
    { match: at(6), fault: { kind: 'status', status: 401, body: error } },
    {
      match: at(7),
      fault: {
        kind: 'status',
        status: 302,
        headers: { location: `https://k:${CANARY.webhook}@other.test/${CANARY.webhook}?k=${CANARY.webhook}` },
      },
    },
    { match: { path: INVENTORY_PATH, times: 1 }, fault: { kind: 'status', status: 500, body: error } },
    {
      match: { path: HEALTH_PATH, times: 2 },
      fault: { kind: 'status', status: 200, body: { success: true, data: { status: echo() } } },
    },
  ]);
  const jobIds = await stand.enqueue(makeSales(8, 'row-52'));
  // These have a 200 that could not be read.
  for (const jobId of jobIds.slice(3, 6)) stand.lostAnswers.add(jobId);
  const careless = { note: echo(), [echo()]: 'as a name' };
  const told = makeSales(2, 'row-52-told').map((sale) => Object.assign(sale, careless));
  await stand.enqueue(told.slice(0, 1));
  await stand.queue.add('push_sales', { ...told[1], date: echo() }, { jobId: 'row-52-bad' });
  stand.accept('row-52-bad');
  await stand.producer.fetchInventory({ locationId: 'store-1' });
}

/** Processes whose configuration or services are wrong speak of them. */
async function speakOfTrouble(): Promise<void> {
  const wrongs = [
    { DATABASE_URL: `postgres//u:${CANARY.database}@h`, CIRCUIT_OPEN: CANARY.webhook },
    { REDIS_URL: withPassword(testRedisUrl(), 'nobody', CANARY.redis), LOG_LEVEL: 'trace' },
    { DATABASE_URL: withPassword('postgres://127.0.0.1:1/none', 'u', CANARY.database) },
  ];
  const troubled = wrongs.map((wrong) => start('dist/worker.js', { ...env, ...wrong }));
  await eventually(() => {
    for (const words of troubled.map(wordsOf)) {
      expect(words).toMatch(/Redis connection|ECONNREFUSED|is not valid/);
    }
  }, 30_000);
  await Promise.all(troubled.map((worker) => worker.stop()));
}

async function pagesOf(dashboard: RunningProcess): Promise<string[]> {
  const { port } = await dashboard.waitForLog('dashboard is up');
  const jobIds = (await stand.queue.getJobs(['failed', 'completed'])).map(({ id = '' }) => id);
  const get = async (path: string, authorization: string) => {
    const answer = await fetch(`http://127.0.0.1:${String(port)}${path}`, { headers: { authorization } });
    return `${path} ${answer.status} ${await answer.text()}`;
  };
  const wrong = `Basic ${Buffer.from(`olga:${CANARY.apiKey}`).toString('base64')}`;
  return Promise.all([...pagePaths(jobIds).map((path) => get(path, OPERATOR)), get('/', wrong)]);
}

function commands(): RunningProcess[] {
  const misled = { ...env, CONEXXUS_CA_FILE: `/none/${CANARY.webhook}` };
  const looks = [['list'], ['list', '--json'], ['show', 'row-52-bad'], ['show', 'row-52-bad', '--json']];
  const doctors = [['doctor'], ['doctor', '--json']].map((args) => start('dist/cli.js', misled, args));
  return doctors.concat(looks.map((args) => start('dist/cli.js', env, ['dead-letters', ...args])));
}

describe('secrets placed in URLs, error texts, API answers and payloads', () => {
  it('[52] are in no log, Redis value, row, page or output', async () => {
    await stand.calm();
    await makeTrouble();
    await stand.untilAtRest(40_000);
    await speakOfTrouble();
    const dashboard = start('dist/dashboard.js', env);
    const pages = await pagesOf(dashboard);
    expect(pages.filter((page) => page.includes(' 200 ')).length).toBeGreaterThan(10);
    await stand.simulator.setMode({
      kind: 'status',
      status: 200,
      body: { success: true, data: { status: echo() } },
    });
    await Promise.all(commands().map(({ exited }) => exited));
    await dashboard.stop();
    const { sql } = stand.database;
    expectNone(CANARY, 'logs and outputs', processes.map(wordsOf));
    expectNone(CANARY, 'Redis', await redisTexts(stand.redis, stand.namespace));
    const rows = await sql<{ text: string }[]>`select event_log::text as text from event_log`;
    expectNone(
      CANARY,
      'event_log',
      rows.map(({ text }) => text),
    );
    expectNone(CANARY, 'pages', pages);
    expect((await stand.simulator.summary()).byPath[SALES_PATH]).toBeGreaterThan(9);
    await stand.expectSums();
  }, 120_000);
});
