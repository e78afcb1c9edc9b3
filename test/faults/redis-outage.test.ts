import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { PrivateServer } from '../../scripts/services/service.ts';
import { startPrivateRedis } from '../../scripts/services.ts';
import { eventually } from '../support/eventually.ts';
import { makeSales } from '../support/sales.ts';
import { type FaultStand, SALES_PATH, startFaultStand } from './fault-stand.ts';

let server: PrivateServer;
let stand: FaultStand;

beforeEach(async () => {
  server = await startPrivateRedis();
});

afterEach(async () => {
  await stand.close();
  await server.stop();
});

describe('Redis away', () => {
  it('[36] stopped 10 s and started (AOF): workers wait and recover, the producer fails fast', async () => {
    stand = await startFaultStand({
      redisUrl: server.url,
      simulator: { latency: { kind: 'fixed', ms: 100 } },
    });
    const workers = await stand.startWorkers(2);
    await stand.enqueue(makeSales(200));
    await stand.simulator.waitFor({ requests: 40 });
    await server.halt('fast');
    const downAt = performance.now();
    for (let times = 0; times < 3; times += 1) {
      const askedAt = performance.now();
      await expect(stand.enqueue(makeSales(1, `down-${times}`))).rejects.toMatchObject({
        code: 'QUEUE_UNAVAILABLE',
      });
      expect(performance.now() - askedAt).toBeLessThan(2_000);
    }
    await delay(10_000 - (performance.now() - downAt));
    // What was under way when it went, and no call more.
    expect((await stand.simulator.summary()).requests).toBeLessThan(200);
    await server.start();

    await eventually(async () => void (await stand.enqueue(makeSales(20, 'after'))));
    await stand.untilAtRest(40_000);
    expect(await stand.reconcile()).toMatchObject({ accepted: 220, delivered: 220, problems: [] });
    expect((await stand.simulator.summary()).requests).toBe(220);
    for (const worker of workers) expect(await worker.stop()).toEqual({ code: 0, signal: null });
  });

  it('[42] FLUSHALL: workers go on, new jobs flow, none is taken for an old one', async () => {
    stand = await startFaultStand({ redisUrl: server.url });
    await stand.startWorkers(2);
    const addPlainly = async (batch: string) => {
      const sales = makeSales(5, batch);
      const jobs = await stand.queue.addBulk(sales.map((data) => ({ name: 'push_sales', data })));
      return jobs.map(({ id }) => id);
    };
    const ids = await addPlainly('old');
    await stand.enqueue(makeSales(5, 'old-keyed'));
    await stand.untilAtRest();
    const slow = { kind: 'slow', latency: { kind: 'fixed', ms: 800 } } as const;
    await stand.simulator.setFaults([{ match: { path: SALES_PATH, times: 3 }, fault: slow }]);
    await stand.enqueue(makeSales(3, 'under-way'));
    await stand.simulator.waitFor({ inFlight: 3 });
    await stand.redis.flushall();

    // BullMQ counts from 1 again.
    expect(await addPlainly('new')).toEqual(ids);
    await stand.enqueue(makeSales(5, 'new-keyed'));
    await stand.untilAtRest(30_000);
    const { requests, applied, keys, appliedTwice } = await stand.simulator.summary();
    expect({ requests, applied, keys, appliedTwice }).toEqual({
      requests: 23,
      applied: 23,
      keys: 23,
      appliedTwice: 0,
    });
    // The event log goes on too: with a reader group made anew it wrote what was under way and what came.
    await eventually(async () => {
      const succeeded = await stand.database.sql`
        select transaction_ids[1] as sale from event_log
        where event_type = 'conexxus.sync.succeeded.push_sales'`;
      expect(succeeded).toHaveLength(23);
      expect(new Set(succeeded.map(({ sale }) => sale)).size).toBe(23);
    });
    expect((await stand.circuit.status()).state).toBe('closed');
  });
});
