import { Agent, request } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import { migrateOutbox } from '../../src/outbox/migrate.ts';
import { createToken } from '../../src/tokens/tokens.ts';
import { databaseOn } from '../../test/support/postgres.ts';
import { type RunningProcess, startProcess } from '../../test/support/process.ts';
import { processLoad } from '../../test/support/process-load.ts';
import { makeSales } from '../../test/support/sales.ts';
import { startStand } from '../../test/support/stand.ts';
import type { Benchmark, BenchSetting } from './bench.ts';
import { atMost, count, type Figure, figure, megabytes, perSecond, spread } from './figure.ts';

const TICK_MS = 10;
/** Of the time, before the memory is looked at first. */
const WARM_SHARE = 1 / 3;
const P99_MAX_MS = 250;
const GROWTH_MAX_MB = 50;
const MB = 2 ** 20;
const STORES = Array.from({ length: 20 }, (_, n) => `store-${n + 1}`);

/** Posts at a pace that waits for no answer, one after the other to either way. */
export const benchIntake: Benchmark = async (setting) => [
  ...(await benchWay(setting, 'queue')),
  ...(await benchWay(setting, 'outbox')),
];

async function benchWay(setting: BenchSetting, way: 'queue' | 'outbox'): Promise<Figure[]> {
  const fresh = await databaseOn(setting.postgres.url);
  const stand = await startStand({ redisUrl: setting.redis.url, databaseUrl: fresh.url });
  const env = { ...stand.env, INTAKE_PORT: '0', INTAKE_RATE: '100000' };
  try {
    if (way === 'outbox') await migrateOutbox(stand.database);
    const token = await stand.database.write((tx) =>
      createToken(tx, { name: 'bench', locationIds: STORES, actor: 'bench' }),
    );
    const intake = startProcess('dist/intake.js', env);
    try {
      await intake.waitForLog('intake started');
      return await postMany(setting, intake, token, `to the ${way}`);
    } finally {
      await intake.stop();
    }
  } finally {
    await stand.close();
    await fresh.close();
  }
}

async function postMany(
  { posts, postSeconds, say }: BenchSetting,
  intake: RunningProcess,
  token: string,
  where: string,
): Promise<Figure[]> {
  const { port } = await intake.waitForLog('intake listens');
  const agent = new Agent({ keepAlive: true, maxSockets: 256 });
  const bodies = makeSales(posts * postSeconds, 'bench').map((sale) => JSON.stringify(sale));
  const latencies: number[] = [];
  let errors = 0;
  const answers: Promise<void>[] = [];
  const post = async (body: string): Promise<void> => {
    const from = performance.now();
    const status = await postOne(agent, Number(port), token, body).catch(() => 0);
    latencies.push(performance.now() - from);
    if (status !== 202) errors += 1;
  };
  const memory = async () => (await processLoad(intake.pid)).rssBytes / MB;
  say(`${posts} posts a second ${where}, for ${postSeconds} s`);
  const startedAt = performance.now();
  let warm: number | undefined;
  while (answers.length < bodies.length) {
    const elapsedMs = performance.now() - startedAt;
    const due = Math.min(bodies.length, Math.floor((elapsedMs / 1_000) * posts));
    for (const body of bodies.slice(answers.length, due)) answers.push(post(body));
    if (elapsedMs > postSeconds * 1_000 * WARM_SHARE) warm ??= await memory();
    await delay(TICK_MS);
  }
  await Promise.all(answers);
  const tookS = (performance.now() - startedAt) / 1_000;
  const growth = (await memory()) - (warm ?? 0);
  agent.destroy();
  return [
    figure(`${where}: posts answered`, perSecond(latencies.length / tookS)),
    atMost(figure(`${where}: errors`, count(errors)), 0),
    atMost(figure(`${where}: an answer`, spread(latencies)), P99_MAX_MS, 'p99'),
    atMost(figure(`${where}: RSS growth after a third of the time`, megabytes(growth)), GROWTH_MAX_MB),
  ];
}

function postOne(agent: Agent, port: number, token: string, body: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const headers = {
      authorization: `Bearer ${token}`,
      'content-type': 'application/json',
      'content-length': Buffer.byteLength(body),
    };
    const req = request({ agent, port, method: 'POST', path: '/v1/jobs/push_sales', headers }, (res) => {
      res.resume();
      res.once('end', () => resolve(res.statusCode ?? 0));
      res.once('error', reject);
    });
    req.once('error', reject);
    req.end(body);
  });
}
