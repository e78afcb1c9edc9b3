import { afterEach, describe, expect, it } from '@jest/globals';
import { makeSales } from '../support/sales.ts';
import { type FaultStand, startFaultStand } from './fault-stand.ts';

let stand: FaultStand;

afterEach(async () => {
  await stand.close();
});

describe('workers that are told to stop', () => {
  it('[22] SIGTERM while busy: takes no more, finishes within the grace period, exits 0', async () => {
    stand = await startFaultStand({ simulator: { latency: { kind: 'fixed', ms: 400 } } });
    const worker = await stand.startWorker({ WORKER_CONCURRENCY: '3' });
    await stand.enqueue(makeSales(9));
    await stand.simulator.waitFor({ inFlight: 3 });
    expect(await worker.stop()).toEqual({ code: 0, signal: null });
    expect(await stand.reconcile()).toMatchObject({ delivered: 3, waiting: 6, active: 0, problems: [] });
    expect((await stand.simulator.summary()).requests).toBe(3);
  });

  it('[23] SIGTERM while the API hangs: jobs handed back at the deadline, exit 0, none lost', async () => {
    stand = await startFaultStand({ env: { SHUTDOWN_TIMEOUT: '300', CONEXXUS_TIMEOUT: '30000' } });
    // Worse than an API that does nothing: it has the sales, and doesn't say so.
    await stand.simulator.setFaults([{ match: { times: 3 }, fault: { kind: 'hang', apply: true } }]);
    const worker = await stand.startWorker();
    const ids = await stand.enqueue(makeSales(3));
    await stand.simulator.waitFor({ inFlight: 3 });
    expect(await worker.stop()).toEqual({ code: 0, signal: null });
    expect(await stand.states(ids)).toEqual(['waiting', 'waiting', 'waiting']);
    expect(await stand.attemptsSpent(ids)).toBe(0);

    await stand.startWorker();
    await stand.untilAtRest();
    for (const id of ids) stand.lostAnswers.add(id);
    await stand.expectSums();
    expect(await stand.simulator.summary()).toMatchObject({ requests: 6, applied: 3, duplicates: 3 });
  });
});
