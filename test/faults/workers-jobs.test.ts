import { afterEach, describe, expect, it } from '@jest/globals';
import { makeSales } from '../support/sales.ts';
import { type FaultStand, startFaultStand } from './fault-stand.ts';

let stand: FaultStand;

afterEach(async () => {
  await stand.close();
});

describe('jobs that are special', () => {
  it('[31c] the same payload under two job ids at once: one call', async () => {
    stand = await startFaultStand({ simulator: { latency: { kind: 'fixed', ms: 300 } } });
    const [sale] = makeSales(1);
    await stand.queue.add('push_sales', sale, { jobId: 'one' });
    await stand.queue.add('push_sales', sale, { jobId: 'two' });
    stand.accept('one');
    stand.accept('two');
    await stand.startWorkers(2);
    await stand.untilAtRest(30_000);
    expect(await stand.states(['one', 'two'])).toEqual(['completed', 'completed']);
    expect((await stand.simulator.summary()).requests).toBe(1);
    expect(await stand.reconcile()).toMatchObject({ delivered: 2, succeededRows: 1, problems: [] });
  });

  it('[34] a poison job (our own code throws): dead-lettered alone with its stack, others flow', async () => {
    stand = await startFaultStand();
    const sales = makeSales(21).map((sale, n) => (n === 3 ? { ...sale, locationId: 'poison' } : sale));
    const ids = await stand.enqueue(sales);
    await stand.startWorker({}, 'test/faults/worker-with-a-bug.ts');
    await stand.untilAtRest();
    expect(await stand.reconcile()).toMatchObject({ delivered: 20, deadLettered: 1, problems: [] });
    const dead = await stand.queue.getJob(ids[3] ?? '');
    expect(dead?.failedReason).toBe('internal_error: a bug of ours');
    expect(dead?.stacktrace?.join()).toContain('worker-with-a-bug.ts');
    expect(await stand.circuit.status()).toMatchObject({ state: 'closed', failures: 0 });
  });
});
