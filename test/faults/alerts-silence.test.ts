import { afterEach, expect, it } from '@jest/globals';
import { startPrivatePostgres, startPrivateRedis } from '../../scripts/services.ts';
import { type AlertReceiver, startAlertReceiver } from '../support/alert-receiver.ts';
import { eventually } from '../support/eventually.ts';
import { makeSales } from '../support/sales.ts';
import type { StandOptions } from '../support/stand.ts';
import { type AlertingDashboard, startAlertingDashboard } from './alerts-stand.ts';
import { type FaultStand, startFaultStand } from './fault-stand.ts';
import { itOnServer } from './postgres-server.ts';

const closings: (() => Promise<unknown>)[] = [];
/** Within a minute, of which the quick settings leave some seconds. */
const SOON_MS = 40_000;

afterEach(async () => {
  for (const close of closings.splice(0).toReversed()) await close();
});

interface Alerted {
  readonly stand: FaultStand;
  readonly receiver: AlertReceiver;
  readonly dashboards: readonly AlertingDashboard[];
}

async function start(options: StandOptions = {}, dashboards = 2): Promise<Alerted> {
  const receiver = await startAlertReceiver();
  closings.push(() => receiver.stop());
  const stand = await startFaultStand(options);
  closings.push(() => stand.close());
  const started = await Promise.all(
    Array.from({ length: dashboards }, () =>
      startAlertingDashboard(stand.env, receiver, { aloneEveryMs: 6_000 }),
    ),
  );
  for (const { process } of started) closings.push(() => process.stop());
  return { stand, receiver, dashboards: started };
}

function told(receiver: AlertReceiver, alert: string, phase: 'begun' | 'ended', times = 1): Promise<void> {
  return eventually(() => expect(receiver.of(alert, phase)).toHaveLength(times), SOON_MS);
}

function onEachPage(dashboards: readonly AlertingDashboard[], words: RegExp): Promise<void> {
  return eventually(async () => {
    for (const { page } of dashboards) expect(await page()).toMatch(words);
  }, SOON_MS);
}

it('[92] no worker alive: said by alert and on every page, and that one is back', async () => {
  const { stand, receiver, dashboards } = await start();
  await told(receiver, 'no-worker', 'begun');
  await onEachPage(dashboards, /No worker is alive: none is there\./);
  await stand.startWorker();
  await told(receiver, 'no-worker', 'ended');
  await onEachPage(dashboards, /^(?!.*No worker is alive)/s);
  const [worker] = stand.workers;
  worker?.signal('SIGKILL');
  await told(receiver, 'no-worker', 'begun', 2);
  expect(receiver.of('no-worker')[0]?.text).toMatch(/^\[test-.*\] No worker is alive: none is there\./);
}, 120_000);

it('[92] workers alive and nothing done: said by alert and on every page, and that it goes on', async () => {
  const { stand, receiver, dashboards } = await start();
  const stuck = await stand.startWorker({ STUCK: 'end' }, 'test/faults/worker-that-is-stuck.ts');
  await stuck.waitForLog('the worker stopped pulling jobs');
  await stand.enqueue(makeSales(3));
  await told(receiver, 'nothing-completes', 'begun');
  const words = /Workers are alive and nothing is done: 1 there, [23] jobs waiting, [01] under way/;
  expect(receiver.of('nothing-completes', 'begun')[0]?.text).toMatch(words);
  await onEachPage(dashboards, words);
  await stand.startWorker();
  await told(receiver, 'nothing-completes', 'ended');
  await stand.untilAtRest();
  await stand.expectSums();
}, 120_000);

itOnServer(
  '[92] Redis, Postgres, or both away: said once while one is there, and by each dashboard when both are away',
  async () => {
    const redis = await startPrivateRedis();
    closings.push(() => redis.stop());
    const postgres = await startPrivatePostgres();
    closings.push(() => postgres.stop());
    const { stand, receiver, dashboards } = await start({ redisUrl: redis.url, databaseUrl: postgres.url });
    await stand.startWorker();
    await eventually(async () =>
      expect(await stand.database.sql`select from alert_sender where revision > 0`).toHaveLength(1),
    );

    await redis.halt('fast');
    await told(receiver, 'redis', 'begun');
    await onEachPage(dashboards, /Redis does not answer/);
    await postgres.halt('fast');
    await told(receiver, 'redis-and-postgres', 'begun', dashboards.length);
    // And so on, every hour.
    await told(receiver, 'redis-and-postgres', 'begun', 2 * dashboards.length);
    expect(receiver.of('postgres')).toEqual([]);

    await redis.start();
    await told(receiver, 'postgres', 'begun');
    await told(receiver, 'redis-and-postgres', 'ended', dashboards.length);
    await postgres.start();
    await told(receiver, 'redis', 'ended');
    await told(receiver, 'postgres', 'ended');
    expect(receiver.of('redis', 'begun')).toHaveLength(1);
    expect(receiver.of('postgres', 'begun')).toHaveLength(1);
  },
);
