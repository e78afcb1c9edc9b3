import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, describe, expect, it } from '@jest/globals';
import { Queue } from 'bullmq';
import { eventually } from '../support/eventually.ts';
import { makeSales } from '../support/sales.ts';
import { type FaultStand, SALES_PATH, startFaultStand } from './fault-stand.ts';
import { succeedInATrial } from './trial-by-hand.ts';

let stand: FaultStand;

afterEach(async () => {
  await stand.close();
});

/** The gate looks every second: had it wanted to lift the pause, it would have by then. */
const GATE_HAS_LOOKED_MS = 2_500;

async function expectStillPausedByAPerson(): Promise<void> {
  await delay(GATE_HAS_LOOKED_MS);
  expect(await pauseStamp()).toBe('1');
}

/** BullMQ writes `1` for whoever pauses; `circuit` is our own. */
function pauseStamp(): Promise<string | null> {
  return stand.redis.hget(stand.queue.toKey('meta'), 'paused');
}

/** At the end a person lifts the pause, and all flows. */
async function expectDrainsOnceResumed(jobs: number): Promise<void> {
  await stand.queue.resume();
  await stand.untilAtRest(30_000);
  expect(await stand.reconcile()).toMatchObject({ delivered: jobs, problems: [] });
}

describe('people and the circuit', () => {
  it('[30] an operator pauses, then the circuit opens and closes: still paused', async () => {
    stand = await startFaultStand();
    const slow = { kind: 'status', status: 503, latency: { kind: 'fixed', ms: 500 } } as const;
    await stand.simulator.setMode(slow);
    await stand.startWorker();
    await stand.enqueue(makeSales(8));
    await stand.simulator.waitFor({ inFlight: 8 });
    await stand.queue.pause();
    await eventually(async () => expect((await stand.circuit.status()).state).toBe('open'));
    expect(await pauseStamp()).toBe('1');
    await stand.simulator.setMode('ok');
    await eventually(async () => expect((await stand.circuit.status()).phase).toBe('trials'));
    await succeedInATrial(stand, 'by-hand-1');
    await succeedInATrial(stand, 'by-hand-2');
    expect(await stand.circuit.status()).toMatchObject({ state: 'closed', cause: 'recovered' });
    await expectStillPausedByAPerson();
    await expectDrainsOnceResumed(8);
  });

  it('[31] a plain client resumes the queue while open: paused again within 2 s, no call leaked', async () => {
    stand = await startFaultStand({ env: { CIRCUIT_OPEN: '60000', CIRCUIT_OPEN_MAX: '60000' } });
    await stand.startWorkers(2);
    await stand.simulator.setMode(503);
    await stand.enqueue(makeSales(60));
    await stand.untilPaused();
    // Calls permitted before the opening may still be on their way.
    await eventually(async () => expect(await stand.queue.getActiveCount()).toBe(0));
    const { requests } = await stand.simulator.summary();
    const plain = new Queue('sync', { connection: stand.redis, prefix: `{${stand.namespace}}` });
    for (let times = 0; times < 3; times += 1) {
      await plain.resume();
      await eventually(async () => expect(await pauseStamp()).toBe('circuit'), 2_000);
    }
    await eventually(async () => expect(await stand.queue.getActiveCount()).toBe(0));
    expect((await stand.simulator.summary()).requests).toBe(requests);
    await plain.close();
    await eventually(() => stand.expectSums());
  });

  it('[31a] an operator pauses during an outage: never lifted by us', async () => {
    stand = await startFaultStand();
    await stand.startWorkers(2);
    await stand.simulator.setMode(503);
    await stand.enqueue(makeSales(30));
    await stand.untilPaused();
    await stand.queue.pause();
    await stand.simulator.setMode('ok');
    await eventually(async () => expect((await stand.circuit.status()).phase).toBe('trials'));
    await expectStillPausedByAPerson();
    await expectDrainsOnceResumed(30);
  });

  it('[31a] an operator pauses during a cooldown: never lifted by us', async () => {
    stand = await startFaultStand();
    await stand.startWorkers(2);
    const fault = { kind: 'status', status: 429, headers: { 'retry-after': '2' } } as const;
    await stand.simulator.setFaults([{ match: { path: SALES_PATH, times: 1 }, fault }]);
    await stand.enqueue(makeSales(30));
    await stand.untilPaused();
    await stand.queue.pause();
    expect((await stand.circuit.status()).cooldownUntil).not.toBeNull();
    await eventually(async () => expect((await stand.circuit.status()).cooldownUntil).toBeNull());
    await expectStillPausedByAPerson();
    await expectDrainsOnceResumed(30);
  });

  it('[31a] an operator pauses during the ramp: never lifted by us', async () => {
    stand = await startFaultStand({
      env: { RAMP_STEP: '1000' },
      simulator: { latency: { kind: 'fixed', ms: 200 } },
    });
    await stand.startWorkers(2);
    await stand.simulator.setMode(503);
    await stand.enqueue(makeSales(60));
    await stand.untilPaused();
    await stand.simulator.setMode('ok');
    await eventually(async () => expect((await stand.circuit.status()).state).toBe('closed'));
    await stand.queue.pause();
    const concurrency = async () => Number(await stand.redis.hget(stand.queue.toKey('meta'), 'concurrency'));
    const before = await concurrency();
    // The ramp goes on; it nudges nobody.
    await eventually(async () => expect(await concurrency()).toBeGreaterThan(before));
    await expectStillPausedByAPerson();
    await expectDrainsOnceResumed(60);
  });
});
