import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { eventually } from '../support/eventually.ts';
import { makeSales } from '../support/sales.ts';
import { type FaultStand, SALES_PATH, startFaultStand } from './fault-stand.ts';

let stand: FaultStand;

beforeAll(async () => {
  stand = await startFaultStand({ env: { WORKER_CONCURRENCY: '4' } });
  await stand.startWorkers(2);
}, 60_000);

afterAll(() => stand.close());

beforeEach(() => stand.calm());

describe('an API that limits our rate', () => {
  it('[6] 429 with seconds: the fleet waits at least that long, circuit unmoved, no retry spent', async () => {
    const before = await stand.circuit.status();
    await stand.simulator.setMode({ kind: 'status', status: 429, headers: { 'retry-after': '2' } });
    const jobIds = await stand.enqueue(makeSales(20, 'row-6'));
    await stand.untilPaused();
    await eventually(async () => expect(await stand.queue.getActiveCount()).toBe(0));
    await stand.simulator.setMode('ok');
    expect(await stand.attemptsSpent(jobIds)).toBe(0);
    expect(await stand.circuit.status()).toMatchObject({ state: 'closed', epoch: before.epoch, failures: 0 });
    await stand.untilAtRest();

    const calls = await stand.simulator.ledger({ path: SALES_PATH });
    const refused = calls.filter(({ status }) => status === 429);
    const lastRefusal = Math.max(...refused.map(({ endedAt }) => endedAt ?? 0));
    const next = calls.find(({ status }) => status === 200);
    expect((next?.receivedAt ?? 0) - lastRefusal).toBeGreaterThanOrEqual(1_990);
    expect(new Set((await stand.failures(jobIds)).map(({ outcome }) => outcome))).toEqual(
      new Set(['rate_limited']),
    );
    expect(await stand.openings()).toEqual([]);
    await stand.expectSums();
  }, 40_000);

  const inHalfAMinute = () => new Date(Date.now() + 30_000).toUTCString();
  it.each<{ given: string; retryAfter: () => string; waits: string; seconds: [number, number] }>([
    { given: 'a date', retryAfter: inHalfAMinute, waits: 'until then', seconds: [15, 31] },
    { given: 'garbage', retryAfter: () => 'soon', waits: 'the default', seconds: [2, 5] },
    { given: 'a negative number', retryAfter: () => '-60', waits: 'the default', seconds: [2, 5] },
    { given: 'a year', retryAfter: () => '31536000', waits: 'an hour', seconds: [3_500, 3_600] },
  ])(
    '[7] Retry-After as $given: the fleet waits $waits',
    async ({ given, retryAfter, seconds }) => {
      const headers = { 'retry-after': retryAfter() };
      await stand.simulator.setMode({ kind: 'status', status: 429, headers });
      const jobIds = await stand.enqueue(makeSales(1, `row-7-${given}`));
      let waitS = 0;
      await eventually(async () => {
        const { cooldownUntil } = await stand.circuit.status();
        expect(cooldownUntil).not.toBeNull();
        waitS = ((cooldownUntil ?? 0) - Date.now()) / 1_000;
      });
      expect(waitS).toBeGreaterThan(seconds[0]);
      expect(waitS).toBeLessThanOrEqual(seconds[1]);

      await stand.calm();
      await stand.untilAtRest();
      expect(await stand.states(jobIds)).toEqual(['completed']);
      await stand.expectSums();
    },
    40_000,
  );

  it.each([
    { retryAfter: '3.0', seconds: 3 },
    { retryAfter: '2.5', seconds: 3 },
    { retryAfter: ' 3 ', seconds: 3 },
    { retryAfter: '+3', seconds: 5 },
    { retryAfter: '3;x', seconds: 5 },
  ])(
    '[68] Retry-After as "$retryAfter": the fleet waits $seconds s',
    async ({ retryAfter, seconds }) => {
      const headers = { 'retry-after': retryAfter };
      await stand.simulator.setMode({ kind: 'status', status: 429, headers });
      const jobIds = await stand.enqueue(makeSales(1, `row-68-${retryAfter}`));
      let until = 0;
      await eventually(async () => {
        until = (await stand.circuit.status()).cooldownUntil ?? 0;
        expect(until).toBeGreaterThan(0);
      });
      const [refused] = await stand.calls(jobIds[0] ?? '');
      const waitMs = until - (refused?.receivedAt ?? 0);
      expect(waitMs).toBeGreaterThanOrEqual(seconds * 1_000);
      // Counted from the record, which is later than the call.
      expect(waitMs).toBeLessThan(seconds * 1_000 + 1_900);

      await stand.calm();
      await stand.untilAtRest();
      expect(await stand.states(jobIds)).toEqual(['completed']);
      await stand.expectSums();
    },
    40_000,
  );
});
