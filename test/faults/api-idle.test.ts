import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { makeSales } from '../support/sales.ts';
import { startTcpProxy, type TcpProxy } from '../support/tcp-proxy.ts';
import { type FaultStand, startFaultStand } from './fault-stand.ts';

const IDLE_MS = 1_000;
const JITTER_MS = 5;
/** As many sales at a time, for as many connections. */
const AT_ONCE = 4;
const ROUNDS_MIN = 20;
const ROUNDS_MAX = 60;
/** Closings that must have met a request, or the row has shown nothing. */
const MET_MIN = 3;

let stand: FaultStand;
let proxy: TcpProxy;

beforeAll(async () => {
  stand = await startFaultStand({ env: { WORKER_CONCURRENCY: String(AT_ONCE) } });
  proxy = await startTcpProxy({ port: Number(new URL(stand.simulator.url).port) });
  proxy.closeIdleAfter(IDLE_MS);
  await stand.startWorker({ CONEXXUS_API_URL: proxy.through(stand.simulator.url) });
}, 60_000);

afterAll(async () => {
  await stand.close();
  await proxy.stop();
});

describe('connections that stand idle', () => {
  it('[69] closed after 1 s without a hint, a sale every 1.000 s ± 5 ms: no failed attempt', async () => {
    const jobIds: string[] = [];
    let met = 0;
    for (let round = 0; round < ROUNDS_MAX && (round < ROUNDS_MIN || met < MET_MIN); round += 1) {
      const nextAt = performance.now() + IDLE_MS + JITTER_MS * (2 * Math.random() - 1);
      jobIds.push(...(await stand.enqueue(makeSales(AT_ONCE, `row-69-${round}`))));
      met = await resent(jobIds);
      await delay(nextAt - performance.now());
    }
    await stand.untilAtRest();

    expect(met).toBeGreaterThanOrEqual(MET_MIN);
    expect(await stand.failures(jobIds)).toEqual([]);
    expect(await stand.circuit.status()).toMatchObject({ state: 'closed', failures: 0 });
    await stand.expectSums();
  }, 120_000);
});

async function resent(jobIds: readonly string[]): Promise<number> {
  const { sql } = stand.database;
  const [row] = await sql<{ count: number }[]>`
    select count(*)::int as count from event_log
    where aggregate_id in ${sql(jobIds)} and payload->>'resent' = 'true'`;
  return row?.count ?? 0;
}
