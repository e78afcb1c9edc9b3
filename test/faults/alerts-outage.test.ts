import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, expect, it } from '@jest/globals';
import { type AlertReceiver, startAlertReceiver } from '../support/alert-receiver.ts';
import { eventually } from '../support/eventually.ts';
import { makeSales } from '../support/sales.ts';
import { type AlertingDashboard, startAlertingDashboard } from './alerts-stand.ts';
import { type FaultStand, startFaultStand } from './fault-stand.ts';

const closings: (() => Promise<unknown>)[] = [];

afterEach(async () => {
  for (const close of closings.splice(0).toReversed()) await close();
});

interface Alerted {
  readonly stand: FaultStand;
  readonly receiver: AlertReceiver;
  readonly dashboards: readonly AlertingDashboard[];
}

async function start(workers: number, dashboards: number): Promise<Alerted> {
  const receiver = await startAlertReceiver();
  closings.push(() => receiver.stop());
  const stand = await startFaultStand({ env: { CIRCUIT_OPEN: '300', CIRCUIT_OPEN_MAX: '300' } });
  closings.push(() => stand.close());
  await stand.startWorkers(workers);
  const started = await Promise.all(
    Array.from({ length: dashboards }, () => startAlertingDashboard(stand.env, receiver)),
  );
  for (const { process } of started) closings.push(() => process.stop());
  // The one that sends has made its first look, so that what comes is news.
  await eventually(async () =>
    expect(await stand.database.sql`select from alert_sender where revision > 0`).toHaveLength(1),
  );
  return { stand, receiver, dashboards: started };
}

it('[91] eight workers and an outage that flaps: one alert, one recovery with its length and what waited', async () => {
  const { stand, receiver } = await start(8, 2);
  for (let flap = 0; flap < 4; flap += 1) {
    await stand.simulator.setMode(503);
    await stand.enqueue(makeSales(20, `flap-${flap}`));
    await eventually(async () => expect((await stand.circuit.status()).state).not.toBe('closed'), 30_000);
    await stand.simulator.setMode('ok');
    await eventually(async () => expect((await stand.circuit.status()).state).toBe('closed'), 30_000);
  }
  await stand.untilAtRest(60_000);
  await eventually(() => expect(receiver.of('circuit', 'ended')).toHaveLength(1), 30_000);
  expect(receiver.of('circuit', 'begun')).toHaveLength(1);
  const [begun, ended] = receiver.of('circuit');
  expect(begun?.text).toMatch(
    /The circuit is open: several calls in a row failed .*Nothing is lost.*circuit status/,
  );
  expect(ended?.text).toMatch(
    /closed again.* It lasted \d+ s, [4-9] openings, .*Delayed were at most \d+ jobs/,
  );
  await stand.expectSums();
}, 240_000);

it('[91] the webhook is down meanwhile, and the sender killed: still one of each, sent by another; no sale is slowed', async () => {
  const { stand, receiver, dashboards } = await start(2, 2);
  receiver.answer({ status: 503 });
  await stand.simulator.setMode(503);
  const sales = await stand.enqueue(makeSales(30));
  await eventually(() => expect(receiver.calls()).toBeGreaterThan(1), 30_000);
  const [row] = await stand.database.sql`select owner from alert_sender`;
  const sender = dashboards.find(({ process }) =>
    process.logs.some(({ msg }) => msg === 'alert could not be sent; will try again'),
  );
  sender?.process.signal('SIGKILL');
  receiver.answer('hang');
  await stand.simulator.setMode('ok');
  await stand.untilAtRest(60_000);
  await delay(1_000);
  receiver.answer({ status: 200 });
  await eventually(() => expect(receiver.of('circuit', 'ended')).toHaveLength(1), 60_000);
  expect(receiver.of('circuit', 'begun')).toHaveLength(1);
  expect(await stand.database.sql`select owner from alert_sender`).not.toEqual([row]);
  expect(await stand.states(sales)).toEqual(sales.map(() => 'completed'));
  await stand.expectSums();
}, 240_000);
