import { afterEach, describe, expect, it } from '@jest/globals';
import { eventually } from '../support/eventually.ts';
import { makeSales } from '../support/sales.ts';
import { type Stand, startStand } from '../support/stand.ts';
import { readTransitions } from '../support/transitions.ts';

const GOOD = 200;

let stand: Stand;

afterEach(async () => {
  await stand.close();
});

/** The API answers 500 to two sales, whenever they are sent; they are at the head of the queue. */
async function startWithPoison(env: Record<string, string>): Promise<string[]> {
  stand = await startStand({ env: { CONEXXUS_TIMEOUT: '20000', ...env } });
  const always500 = (transactionId: string) =>
    ({ match: { transactionId }, fault: { kind: 'status', status: 500 } }) as const;
  await stand.simulator.setFaults([always500('poison-0'), always500('poison-1')]);
  await stand.enqueue(makeSales(2, 'poison'));
  return stand.enqueue(makeSales(GOOD, 'good'));
}

/** Openings until the last good one was delivered. */
async function openingsUntilDelivered(good: readonly string[]): Promise<number> {
  await eventually(async () => {
    expect(await stand.queue.getCompletedCount()).toBe(GOOD);
    const [row] = await stand.database.sql<{ n: number }[]>`
      select count(*)::int as n from event_log
      where event_type = 'conexxus.sync.succeeded.push_sales' and aggregate_id in ${stand.database.sql(good)}`;
    expect(row?.n).toBe(GOOD);
  }, 60_000);
  const [last] = await stand.database.sql<{ at: number }[]>`
    select round(extract(epoch from max("timestamp")) * 1000)::float8 as at from event_log
    where event_type = 'conexxus.sync.succeeded.push_sales'`;
  const transitions = await readTransitions(stand.database);
  return transitions.filter(({ to, at }) => to === 'open' && at <= (last?.at ?? 0)).length;
}

/** The two are still tried, so the books are compared until they are found at rest. */
async function expectSums(): Promise<void> {
  await eventually(async () => expect((await stand.reconcile()).problems).toEqual([]), 30_000);
}

describe('two sales that always fail, at the head of the queue', () => {
  it.each(['1', '10'])('[31b] do not keep eight workers with %s slots from the good ones', async (slots) => {
    const good = await startWithPoison({ WORKER_CONCURRENCY: slots });
    await stand.startWorkers(8);
    expect(await openingsUntilDelivered(good)).toBeLessThanOrEqual(1);
    expect(await stand.queue.getFailedCount()).toBe(0);
    await expectSums();
  });

  it('[31b] are not every trial after an outage: it ends with its one opening', async () => {
    const good = await startWithPoison({ CIRCUIT_OPEN: '6000', CIRCUIT_OPEN_MAX: '6000' });
    await stand.simulator.setMode(503);
    await stand.startWorkers(8);
    await eventually(async () => expect(await stand.queue.isPaused()).toBe(true), 30_000);
    await stand.simulator.setMode('ok');
    expect(await openingsUntilDelivered(good)).toBe(1);
    await expectSums();
  });
});
