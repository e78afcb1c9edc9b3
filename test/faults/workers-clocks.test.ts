import { afterEach, describe, expect, it } from '@jest/globals';
import { eventually } from '../support/eventually.ts';
import { makeSales } from '../support/sales.ts';
import { type FaultStand, SALES_PATH, startFaultStand } from './fault-stand.ts';

let stand: FaultStand;

afterEach(async () => {
  await stand.close();
});

describe('clocks that differ', () => {
  it('[33] two workers an hour apart: the same decisions of the circuit; a warning names the skew', async () => {
    stand = await startFaultStand({ env: { CIRCUIT_OPEN: '1500', WORKER_CONCURRENCY: '3' } });
    const right = await stand.startWorker();
    const ahead = await stand.startWorker({}, 'test/faults/worker-an-hour-ahead.ts');
    const warning = await ahead.waitForLog(({ skewMs }) => skewMs !== undefined);
    expect(Math.abs(Number(warning['skewMs']) - 3_600_000)).toBeLessThan(2_000);
    expect(right.logs.filter(({ skewMs }) => skewMs !== undefined)).toEqual([]);

    await stand.simulator.setMode(503);
    await stand.enqueue(makeSales(60));
    await stand.untilPaused();
    await eventually(async () => expect(await stand.queue.getActiveCount()).toBe(0));
    const { since, retryAt } = await stand.circuit.status();
    expect((retryAt ?? 0) - since).toBe(1_500);
    const failed = await stand.simulator.ledger({ path: SALES_PATH });
    expect(failed.length).toBeLessThanOrEqual(5 + 6);
    await stand.simulator.setMode('ok');
    await stand.untilAtRest(40_000);

    // One opening, one closing; no call between but trials, and none before the open time was over.
    expect(await stand.openings()).toEqual(['streak']);
    const [trial] = await stand.simulator.ledger({ since: failed.at(-1)?.seq ?? 0 });
    expect(trial?.receivedAt).toBeGreaterThanOrEqual((retryAt ?? 0) - 1);
    const workers = [right, ahead].map(({ logs }) => logs.some(({ msg }) => msg === 'attempt recorded'));
    expect(workers).toEqual([true, true]);
    await stand.expectSums();
  });
});
