import { afterEach, describe, expect, it } from '@jest/globals';
import { crashAt } from '../support/crash-points.ts';
import { eventually } from '../support/eventually.ts';
import { makeSales } from '../support/sales.ts';
import { type Stand, startStand } from '../support/stand.ts';

let stand: Stand;

afterEach(async () => {
  await stand.close();
});

describe('a worker that dies', () => {
  it.each([
    { point: 'before-call', calls: 1 },
    { point: 'before-record', calls: 2 },
    { point: 'after-record', calls: 1 },
  ] as const)('$point: another delivers the sale, in $calls calls', async ({ point, calls }) => {
    stand = await startStand();
    const first = await stand.startWorker(...crashAt(point));
    const [sale] = await stand.enqueue(makeSales(1));
    expect(await first.exited).toEqual({ code: null, signal: 'SIGKILL' });
    await stand.startWorker();
    await eventually(async () => {
      expect(await stand.queue.getCompletedCount()).toBe(1);
      expect(await stand.redis.xlen(`{${stand.namespace}}:events`)).toBe(0);
    }, 30_000);
    const pushes = await stand.simulator.ledger({ path: '/api/v1/sales/push' });
    expect(pushes.map(({ key }) => key)).toEqual(Array.from({ length: calls }, () => sale));
    const lostAnswers = new Set(sale === undefined ? [] : [sale]);
    expect((await stand.reconcile({ lostAnswers })).problems).toEqual([]);
  });

  it('between opening and pausing: the queue is not paused until another worker comes, then at once', async () => {
    stand = await startStand({ env: { CIRCUIT_OPEN: '30000', CIRCUIT_OPEN_MAX: '30000' } });
    await stand.simulator.setMode(503);
    const first = await stand.startWorker(...crashAt('before-pause'));
    await stand.enqueue(makeSales(50));
    expect(await first.exited).toEqual({ code: null, signal: 'SIGKILL' });
    expect(await stand.redis.hget(`{${stand.namespace}}:circuit`, 'state')).toBe('open');
    expect(await stand.queue.isPaused()).toBe(false);
    const before = (await stand.simulator.summary()).requests;
    await stand.startWorker();
    await eventually(async () => expect(await stand.queue.isPaused()).toBe(true), 2_000);
    expect((await stand.simulator.summary()).requests).toBe(before);
  });
});
