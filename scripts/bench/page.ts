import { request } from 'node:http';
import { text } from 'node:stream/consumers';
import { setTimeout as delay } from 'node:timers/promises';
import { fillQueue, writeLog } from '../../test/ops/page/bad-night.ts';
import { looksOf } from '../../test/ops/page/looks.ts';
import { databaseOn } from '../../test/support/postgres.ts';
import { type RunningProcess, startProcess } from '../../test/support/process.ts';
import { processLoad } from '../../test/support/process-load.ts';
import { commandsRun } from '../../test/support/redis-load.ts';
import { startStand } from '../../test/support/stand.ts';
import type { BenchSetting } from './bench.ts';
import { atMost, type Figure, figure, ms, perSecond, spread } from './figure.ts';

const DEAD = 2_000;
const WARM_UP = 10;
const ASKED = 200;
/** So that the page is read anew several times. */
const EVERY_MS = 25;
const LIMIT_MS = 100;
const STREAMS = [0, 1, 30];
const WATCHED_S = 20;
const COMMANDS_MAX = 20;

/** The dashboard in a bad night: how long each look at it takes, and what those who follow it cost Redis. */
export async function benchPage(setting: BenchSetting): Promise<Figure[]> {
  const { redis, postgres, rows, backlog, say } = setting;
  const fresh = await databaseOn(postgres.url);
  const stand = await startStand({ redisUrl: redis.url, databaseUrl: fresh.url });
  try {
    const [written, waiting] = [rows, backlog].map((count) => count.toLocaleString('en'));
    say(`writing ${written} rows of the log, ${waiting} jobs and ${DEAD} dead letters`);
    await writeLog(fresh.url, rows);
    await fillQueue(stand.redis, stand.queue, { waiting: backlog, dead: DEAD });
    const dashboard = startProcess('dist/dashboard.js', { ...stand.env, DASHBOARD_PORT: '0' });
    try {
      const { port } = await dashboard.waitForLog('dashboard is up', 60_000);
      const looks = await benchLooks(dashboard, Number(port), say);
      return [...looks, ...(await benchStreams(stand.redis, Number(port)))];
    } finally {
      await dashboard.stop();
    }
  } finally {
    await stand.close();
    await fresh.close();
  }
}

async function benchLooks(
  dashboard: RunningProcess,
  port: number,
  say: BenchSetting['say'],
): Promise<Figure[]> {
  const cpuMs = async () => (await processLoad(dashboard.pid)).cpuSeconds * 1_000;
  const [cold] = await times(port, '/', 1);
  const figures = [atMost(figure('the page, first of all', ms(cold ?? Number.NaN)), LIMIT_MS)];
  const looks = await looksOf(async (path) => {
    const answer = await ask(port, path);
    return { json: () => JSON.parse(answer) };
  });
  for (const [what, path] of looks) {
    await times(port, path, WARM_UP);
    const before = await cpuMs();
    const took = await times(port, path, ASKED, EVERY_MS);
    const cpu = ((await cpuMs()) - before) / ASKED;
    say(`${what}: ${cpu.toFixed(1)} ms of CPU`);
    figures.push(atMost(figure(what, { ...spread(took), CPU: ms(cpu) }), LIMIT_MS, 'p99'));
  }
  return figures;
}

async function times(port: number, path: string, count: number, everyMs = 0): Promise<number[]> {
  const took: number[] = [];
  while (took.length < count) {
    const begun = performance.now();
    await ask(port, path);
    took.push(performance.now() - begun);
    await delay(everyMs);
  }
  return took;
}

/** The body. */
async function ask(port: number, path: string): Promise<string> {
  const answer = await open(port, path);
  return text(answer);
}

function open(port: number, path: string): Promise<NodeJS.ReadableStream & { destroy(): void }> {
  return new Promise((resolve, reject) => {
    const asked = request({ host: '127.0.0.1', port, path }, (answer) => {
      if ((answer.statusCode ?? 0) < 400) resolve(answer);
      else reject(new Error(`${path} was answered ${answer.statusCode}`));
    });
    asked.once('error', reject).end();
  });
}

type Redis = Parameters<typeof commandsRun>[0];

/** Beyond what the dashboard does anyway, which also looks for what alerts are about. */
async function benchStreams(redis: Redis, port: number): Promise<Figure[]> {
  const streams: { destroy(): void }[] = [];
  const rates: number[] = [];
  for (const count of STREAMS) {
    while (streams.length < count) {
      const stream = await open(port, `/live?browser=b${streams.length}`);
      stream.resume();
      streams.push(stream);
    }
    await delay(2_000);
    const before = await commandsRun(redis);
    await delay(WATCHED_S * 1_000);
    rates.push(((await commandsRun(redis)) - before) / WATCHED_S);
  }
  for (const stream of streams) stream.destroy();
  const [none = 0, ...followed] = rates;
  return followed.map((rate, index) =>
    atMost(
      figure(
        `Redis commands for ${STREAMS[index + 1]} that follow, those within scripts too`,
        perSecond(rate - none),
      ),
      COMMANDS_MAX,
    ),
  );
}
