import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { makeSales } from '../support/sales.ts';
import { type FaultStand, SALES_PATH, startFaultStand } from './fault-stand.ts';

const TIMEOUT_MS = 800;
const CONCURRENCY = 4;
const THRESHOLD = 5;

let stand: FaultStand;

beforeAll(async () => {
  stand = await startFaultStand({
    env: { CONEXXUS_TIMEOUT: String(TIMEOUT_MS), WORKER_CONCURRENCY: String(CONCURRENCY) },
  });
  await stand.startWorker();
}, 60_000);

afterAll(() => stand.close());

beforeEach(() => stand.calm());

/** A reset on one that was used before might as well be the close of an idle one: that is row 69. */
async function onFreshConnections(): Promise<void> {
  await stand.simulator.setMode('down');
  await stand.simulator.setMode('ok');
}

describe('the way to the API', () => {
  it('[1] connection refused: retried, the circuit opens at the threshold, the queue is paused', async () => {
    await stand.simulator.setMode('down');
    const jobIds = await stand.enqueue(makeSales(30, 'row-1'));
    await stand.untilPaused();
    await stand.simulator.setMode('ok');
    await stand.untilAtRest();

    const failures = await stand.failures(jobIds);
    expect(failures.map(({ code }) => code)).toContain('connection_refused');
    expect(failures.length).toBeGreaterThanOrEqual(THRESHOLD);
    expect(failures.length).toBeLessThan(THRESHOLD + CONCURRENCY);
    expect((await stand.openings())[0]).toBe('streak');
    expect(new Set(await stand.states(jobIds))).toEqual(new Set(['completed']));
    await stand.expectSums();
  }, 40_000);

  it('[2] accepts, never answers: cut at the timeout, the slots are free for others', async () => {
    await stand.simulator.setFaults([
      { match: { path: SALES_PATH, times: CONCURRENCY }, fault: { kind: 'hang' } },
    ]);
    const jobIds = await stand.enqueue(makeSales(12, 'row-2'));
    await stand.simulator.waitFor({ inFlight: CONCURRENCY });
    await stand.untilAtRest();

    const cut = (await stand.failures(jobIds)).filter(({ code }) => code === 'timeout');
    expect(cut.length).toBeGreaterThanOrEqual(CONCURRENCY);
    expect(Math.min(...cut.map(({ durationMs }) => durationMs))).toBeGreaterThanOrEqual(TIMEOUT_MS - 5);
    expect(Math.max(...cut.map(({ durationMs }) => durationMs))).toBeLessThan(3 * TIMEOUT_MS);
    expect(new Set(await stand.states(jobIds))).toEqual(new Set(['completed']));
    await stand.expectSums();
  }, 40_000);

  it('[3] reset before the request is read: retried', async () => {
    await onFreshConnections();
    await stand.simulator.setFaults([
      { match: { path: SALES_PATH, times: 3 }, fault: { kind: 'resetBefore' } },
    ]);
    const jobIds = await stand.enqueue(makeSales(8, 'row-3'));
    await stand.untilAtRest();

    const codes = (await stand.failures(jobIds)).map(({ code }) => code);
    expect(codes.filter((code) => code === 'connection_reset')).toHaveLength(3);
    expect(new Set(await stand.states(jobIds))).toEqual(new Set(['completed']));
    await stand.expectSums();
  }, 40_000);

  it('[4] applied, then reset before the answer: retried with the same key, one applied sale per key', async () => {
    await onFreshConnections();
    await stand.simulator.setFaults([
      { match: { path: SALES_PATH, times: 3 }, fault: { kind: 'resetAfterApply' } },
    ]);
    const jobIds = await stand.enqueue(makeSales(8, 'row-4'));
    await stand.untilAtRest();

    const cut = (await stand.failures(jobIds)).filter(({ code }) => code === 'connection_reset');
    expect(cut).toHaveLength(3);
    for (const { jobId } of cut) {
      stand.lostAnswers.add(jobId);
      const calls = await stand.calls(jobId);
      expect(calls.map(({ applied, duplicate, status }) => ({ applied, duplicate, status }))).toEqual([
        { applied: true, duplicate: false, status: null },
        { applied: false, duplicate: true, status: 200 },
      ]);
    }
    await stand.expectSums();
  }, 40_000);

  it('[12] a body dripping byte by byte: cut at the timeout, the whole request counted', async () => {
    await stand.simulator.setFaults([
      { match: { path: SALES_PATH, times: 2 }, fault: { kind: 'drip', intervalMs: 100 } },
    ]);
    const jobIds = await stand.enqueue(makeSales(6, 'row-12'));
    await stand.untilAtRest();

    const cut = (await stand.failures(jobIds)).filter(({ code }) => code === 'timeout');
    expect(cut.length).toBeGreaterThanOrEqual(2);
    expect(Math.max(...cut.map(({ durationMs }) => durationMs))).toBeLessThan(3 * TIMEOUT_MS);
    expect(new Set(await stand.states(jobIds))).toEqual(new Set(['completed']));
    for (const { jobId } of cut) stand.lostAnswers.add(jobId);
    await stand.expectSums();
  }, 40_000);
});
