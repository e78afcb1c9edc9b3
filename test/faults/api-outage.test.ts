import { afterEach, describe, expect, it } from '@jest/globals';
import { eventually } from '../support/eventually.ts';
import { makeSales } from '../support/sales.ts';
import { type FaultStand, SALES_PATH, startFaultStand } from './fault-stand.ts';

const THRESHOLD = 5;
const CONCURRENCY = 4;

let stand: FaultStand;

afterEach(() => stand.close());

/** The circuit has opened so often since `calm`. */
async function untilOpened(times: number): Promise<void> {
  await eventually(async () => expect((await stand.openings()).length).toBeGreaterThanOrEqual(times), 20_000);
}

describe('an API that fails for everybody', () => {
  it('[5] 503 and 500 storms: counted, opened, no retries spent beyond the calls in flight', async () => {
    stand = await startFaultStand({ env: { WORKER_CONCURRENCY: String(CONCURRENCY) } });
    await stand.startWorkers(2);
    await stand.calm();
    // First all of it is down, so the health call fails; then the health call lies, so trials are made.
    await stand.simulator.setMode(503);
    const jobIds = await stand.enqueue(makeSales(60, 'row-5'));
    await untilOpened(2);
    expect((await stand.openings())[0]).toBe('streak');
    const inFlight = 2 * CONCURRENCY;
    expect((await stand.simulator.summary()).byPath[SALES_PATH]).toBeLessThan(THRESHOLD + inFlight);
    expect(await stand.attemptsSpent(jobIds)).toBeLessThan(THRESHOLD);

    const fault = { kind: 'status', status: 500 } as const;
    await stand.simulator.setFaults([{ match: { path: SALES_PATH }, fault }]);
    await stand.simulator.setMode('ok');
    await untilOpened(4);
    expect(await stand.attemptsSpent(jobIds)).toBeLessThan(THRESHOLD);

    await stand.simulator.setFaults([]);
    await stand.untilAtRest(30_000);
    expect(new Set(await stand.states(jobIds))).toEqual(new Set(['completed']));
    await stand.expectSums();
  }, 90_000);

  it('[9] 401: opens at once, cause named, nothing burnt; with the right key all flows', async () => {
    stand = await startFaultStand({ env: { WORKER_CONCURRENCY: String(CONCURRENCY) } });
    await stand.calm();
    const wrong = await stand.startWorker({ CONEXXUS_API_KEY: 'wrong-key-0123456789' });
    const jobIds = await stand.enqueue(makeSales(30, 'row-9'));
    await untilOpened(3);
    expect(new Set(await stand.openings())).toEqual(new Set(['misconfigured']));
    expect(await stand.attemptsSpent(jobIds)).toBe(0);
    expect(await stand.queue.getFailedCount()).toBe(0);
    const [failure] = await stand.failures(jobIds);
    expect(failure).toMatchObject({ outcome: 'misconfigured', code: 'http_401' });
    expect(failure?.message).toContain('check CONEXXUS_API_KEY');

    await wrong.stop();
    await stand.startWorker();
    await stand.untilAtRest(30_000);
    expect(new Set(await stand.states(jobIds))).toEqual(new Set(['completed']));
    await stand.expectSums();
  }, 90_000);

  it('[9] 403 for everybody: counted, opens by the streak, all is delivered after', async () => {
    stand = await startFaultStand({ env: { WORKER_CONCURRENCY: String(CONCURRENCY) } });
    await stand.startWorker();
    await stand.calm();
    await stand.simulator.setMode(403);
    const jobIds = await stand.enqueue(makeSales(30, 'row-9-403'));
    await untilOpened(1);
    expect(await stand.openings()).toContain('streak');
    expect(await stand.attemptsSpent(jobIds)).toBeLessThan(THRESHOLD);
    await stand.simulator.setMode('ok');
    await stand.untilAtRest(30_000);
    expect(new Set(await stand.states(jobIds))).toEqual(new Set(['completed']));
    await stand.expectSums();
  }, 90_000);

  it("[9] one store's lasting 404 dies alone, others flow", async () => {
    stand = await startFaultStand({ env: { CIRCUIT_FAILURE_THRESHOLD: '4', CONEXXUS_RETRY_DELAY: '10' } });
    await stand.startWorker();
    await stand.calm();
    await stand.simulator.setFaults([
      { match: { transactionId: 'row-9-lost-store-0' }, fault: { kind: 'status', status: 404 } },
    ]);
    const [lostStore = ''] = await stand.enqueue(makeSales(1, 'row-9-lost-store'));
    const others: string[] = [];
    while ((await stand.queue.getJobState(lostStore)) !== 'failed') {
      const [next = ''] = await stand.enqueue(makeSales(1, `row-9-others-${others.length}`));
      others.push(next);
      await eventually(async () => expect(await stand.queue.getJobState(next)).toBe('completed'));
    }
    await stand.untilAtRest();
    const refusals = await stand.failures([lostStore]);
    expect(refusals.length).toBeGreaterThanOrEqual(2 * 4);
    expect(new Set(refusals.map(({ outcome }) => outcome))).toEqual(new Set(['not_found']));
    expect(await stand.queue.getFailedCount()).toBe(1);
    await stand.expectSums();
  }, 90_000);

  it('[17] flapping half the time: opens by rate', async () => {
    stand = await startFaultStand({ env: { CIRCUIT_FAILURE_THRESHOLD: '50', CIRCUIT_MINIMUM_CALLS: '20' } });
    await stand.startWorker();
    await stand.calm();
    const fault = { kind: 'status', status: 503 } as const;
    await stand.simulator.setFaults([{ match: { path: SALES_PATH, everyNth: 2 }, fault }]);
    const jobIds = await stand.enqueue(makeSales(100, 'row-17'));
    await untilOpened(1);
    expect((await stand.openings())[0]).toBe('rate');
    await stand.simulator.setFaults([]);
    await stand.untilAtRest(30_000);
    expect(new Set(await stand.states(jobIds))).toEqual(new Set(['completed']));
    await stand.expectSums();
  }, 90_000);

  it('[18] slow successes: counted as failures only when CIRCUIT_SLOW_CALL is set', async () => {
    stand = await startFaultStand({ simulator: { latency: { kind: 'fixed', ms: 300 } } });
    await stand.calm();
    const patient = await stand.startWorker();
    const slow = await stand.enqueue(makeSales(12, 'row-18-off'));
    await stand.untilAtRest();
    expect(await stand.openings()).toEqual([]);
    await patient.stop();

    await stand.startWorker({ CIRCUIT_SLOW_CALL: '150', WORKER_CONCURRENCY: String(CONCURRENCY) });
    const counted = await stand.enqueue(makeSales(12, 'row-18-on'));
    await untilOpened(1);
    expect((await stand.openings())[0]).toBe('streak');
    await stand.simulator.setSettings({ latency: null });
    await stand.untilAtRest(30_000);
    // A slow success is one: it is neither sent again nor retried.
    expect(await stand.failures([...slow, ...counted])).toEqual([]);
    expect((await stand.simulator.summary()).byPath[SALES_PATH]).toBe(24);
    await stand.expectSums();
  }, 90_000);
});
