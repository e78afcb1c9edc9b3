import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, describe, expect, it } from '@jest/globals';
import { crashAt } from '../support/crash-points.ts';
import { eventually } from '../support/eventually.ts';
import { makeSales } from '../support/sales.ts';
import { type FaultStand, SALES_PATH, startFaultStand } from './fault-stand.ts';

let stand: FaultStand;

afterEach(async () => {
  await stand.close();
});

/** A worker that dies at the point, then a healthy one; how often each sale was sent. */
async function callsAfterCrash(point: Parameters<typeof crashAt>[0]): Promise<number[]> {
  stand = await startFaultStand();
  const first = await stand.startWorker(...crashAt(point, { WORKER_CONCURRENCY: '1' }));
  const ids = await stand.enqueue(makeSales(3));
  expect(await first.exited).toEqual({ code: null, signal: 'SIGKILL' });
  await stand.startWorker();
  await stand.untilAtRest(30_000);
  expect(await stand.states(ids)).toEqual(['completed', 'completed', 'completed']);
  return Promise.all(ids.map(async (id) => (await stand.calls(id)).length));
}

describe('workers that are killed', () => {
  it('[19] SIGKILL before the call: another worker picks it up; one call', async () => {
    expect(await callsAfterCrash('before-call')).toEqual([1, 1, 1]);
    await stand.expectSums();
  });

  it('[20] SIGKILL between the answer and record: sent again with the same key, applied once', async () => {
    expect(await callsAfterCrash('before-record')).toEqual([2, 1, 1]);
    const [twice] = await stand.simulator.ledger({ path: SALES_PATH });
    stand.lostAnswers.add(twice?.key ?? '');
    await stand.expectSums();
    expect(await stand.simulator.summary()).toMatchObject({ applied: 3, keys: 3, appliedTwice: 0 });
  });

  it("[21] SIGKILL between record and BullMQ's completion: completed without a second call", async () => {
    expect(await callsAfterCrash('after-record')).toEqual([1, 1, 1]);
    await stand.expectSums();
  });

  it("[27] the trial's process killed: its lease runs out, another trial follows", async () => {
    stand = await startFaultStand({ env: { CIRCUIT_SUCCESS_THRESHOLD: '1' } });
    const first = await stand.startWorker();
    await stand.simulator.setMode(503);
    await stand.enqueue(makeSales(10));
    await stand.untilPaused();
    await stand.simulator.setFaults([{ match: { path: SALES_PATH, times: 1 }, fault: { kind: 'hang' } }]);
    await stand.simulator.setMode('ok');
    const hungTrials = async () => {
      const calls = await stand.simulator.ledger({ path: SALES_PATH });
      return calls.filter(({ fault }) => fault === 'hang');
    };
    await eventually(async () => expect(await hungTrials()).toHaveLength(1));
    await stand.startWorker();
    first.signal('SIGKILL');
    await first.exited;
    expect(await stand.circuit.status()).toMatchObject({ state: 'half-open', phase: 'trials' });

    await stand.untilAtRest(40_000);
    const [hung] = await hungTrials();
    const [next] = await stand.simulator.ledger({ path: SALES_PATH, since: hung?.seq });
    // The lease: CONEXXUS_TIMEOUT and 5 s. It began a round trip before the call.
    expect((next?.receivedAt ?? 0) - (hung?.receivedAt ?? 0)).toBeGreaterThan(6_900);
    await stand.expectSums();
  });

  it('[29] all workers killed while paused, restarted after the open time: trial, close, drain', async () => {
    stand = await startFaultStand({ env: { CIRCUIT_OPEN: '2000' } });
    const workers = await stand.startWorkers(2);
    await stand.simulator.setMode(503);
    await stand.enqueue(makeSales(50));
    await stand.untilPaused();
    // A call that is under way as its worker dies would be answered, to nobody, once the API is well.
    await eventually(async () => expect(await stand.queue.getActiveCount()).toBe(0));
    for (const worker of workers) worker.signal('SIGKILL');
    await Promise.all(workers.map(({ exited }) => exited));
    await stand.simulator.setMode('ok');
    const before = (await stand.simulator.summary()).requests;
    await delay(3_000);
    expect(await stand.queue.isPaused()).toBe(true);
    expect((await stand.simulator.summary()).requests).toBe(before);

    await stand.startWorkers(2);
    await stand.untilAtRest(30_000);
    expect(await stand.circuit.status()).toMatchObject({ state: 'closed', cause: 'recovered' });
    expect(await stand.queue.isPaused()).toBe(false);
    await stand.expectSums();
  });
});
