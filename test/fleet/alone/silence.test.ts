import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { makeSales } from '../../support/sales.ts';
import { expectNoLaterThanNeeded, type Fleet, happens, startFleet, THRESHOLD, tellFigures } from './fleet.ts';

const TIMEOUT_MS = 1_000;
const WINDOW_MS = 2 * TIMEOUT_MS;
/** After so long without a failure a row is over, and nothing of it is left in the window. */
const IDLE_MS = 1.3 * WINDOW_MS;

let fleet: Fleet;

beforeAll(async () => {
  fleet = await startFleet({
    env: {
      CONEXXUS_TIMEOUT: String(TIMEOUT_MS),
      CIRCUIT_WINDOW: String(WINDOW_MS),
      CONEXXUS_RETRY_DELAY: '10',
      FLEET_CONCURRENCY: '2',
    },
  });
  await fleet.startWell(2);
});

afterEach(async () => {
  await fleet.calm();
  await fleet.untilAtRest();
});

afterAll(() => fleet.close());

describe('an API that accepts and never answers, at most two calls in flight', () => {
  it.each([1, 2])('[65a] opens at the fifth failure in a row, with %i sales to send', async (sales) => {
    await fleet.calm();
    await fleet.simulator.setMode({ kind: 'hang' });
    const jobIds = await fleet.enqueue(makeSales(sales, `silence-${sales}`));
    const opened = await happens(async () => expect(await fleet.openings()).toEqual(['streak']), 9_000);
    const failed = (await fleet.attempts(jobIds)).filter(({ delivered }) => !delivered);
    tellFigures(`65a: ${sales} to send`, {
      'opened by': opened ? 'streak' : 'nothing',
      'failed calls': failed.length,
    });
    expect(opened).toBe(true);
    const counted = failed.filter(({ stale }) => !stale);
    expect(counted.length).toBeGreaterThanOrEqual(THRESHOLD);
    expect(counted.length).toBeLessThanOrEqual(sales === 1 ? THRESHOLD : THRESHOLD + 1);
    expectNoLaterThanNeeded(counted);
    await fleet.simulator.setMode('ok');
    await fleet.enqueue(makeSales(2, `silence-${sales}-good`));
    await fleet.untilAtRest();
    await fleet.expectSums();
  });

  it('[65a] a single failure after an idle window opens nothing', async () => {
    await fleet.calm();
    const [first, late] = [makeSales(1, 'first'), makeSales(1, 'late')];
    const ends = (transactionId: string, times: number) =>
      [
        { match: { transactionId, times }, fault: { kind: 'hang' } },
        // Refused for good, so that it is not tried again: that ends no row and begins none.
        { match: { transactionId }, fault: { kind: 'status', status: 422 } },
      ] as const;
    await fleet.simulator.setFaults([...ends('first-0', THRESHOLD - 1), ...ends('late-0', 1)]);
    await fleet.enqueue(first);
    await fleet.untilAtRest();
    expect((await fleet.circuit.status()).failures).toBe(THRESHOLD - 1);
    await delay(IDLE_MS);
    const lateIds = await fleet.enqueue(late);
    await fleet.untilAtRest();
    const { state, failures } = await fleet.circuit.status();
    tellFigures('65a: a late failure', { state, failures });
    expect(await fleet.attempts(lateIds)).toMatchObject([{ outcome: 'transient' }, { outcome: 'rejected' }]);
    expect({ state, failures }).toEqual({ state: 'closed', failures: 1 });
    expect(await fleet.openings()).toEqual([]);
    await fleet.expectSums();
  });
});
