import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, describe, expect, it } from '@jest/globals';
import type { PrivateServer } from '../../scripts/services/service.ts';
import { startPrivateRedis } from '../../scripts/services.ts';
import { eventually } from '../support/eventually.ts';
import { makeSales } from '../support/sales.ts';
import { type FaultStand, startFaultStand } from './fault-stand.ts';

let server: PrivateServer;
let stand: FaultStand;

afterEach(async () => {
  await stand.close();
  await server.stop();
});

/** Longer than the lock of a job, which can't be renewed meanwhile. */
const FULL_MS = 8_000;

describe('Redis at its maxmemory', () => {
  it('[38] no call that could not be recorded; what was under way is recorded; all flows again', async () => {
    server = await startPrivateRedis();
    stand = await startFaultStand({ redisUrl: server.url, env: { WORKER_CONCURRENCY: '3' } });
    const slow = { kind: 'slow', latency: { kind: 'fixed', ms: 1_500 } } as const;
    await stand.simulator.setFaults([{ match: { times: 3 }, fault: slow }]);
    await stand.startWorker();
    await stand.enqueue(makeSales(12));
    await stand.simulator.waitFor({ inFlight: 3 });
    await stand.redis.config('SET', 'maxmemory', '1');

    await expect(stand.enqueue(makeSales(1, 'refused'))).rejects.toMatchObject({ code: 'QUEUE_FULL' });
    await eventually(async () => {
      const rows = await stand.database.sql`
        select from event_log where event_type = 'conexxus.sync.succeeded.push_sales'`;
      expect(rows).toHaveLength(3);
    });
    await delay(FULL_MS);
    expect((await stand.simulator.summary()).requests).toBe(3);
    await expect(stand.enqueue(makeSales(1, 'refused'))).rejects.toMatchObject({ code: 'QUEUE_FULL' });

    await stand.redis.config('SET', 'maxmemory', '0');
    await stand.enqueue(makeSales(5, 'after'));
    await stand.untilAtRest(30_000);
    expect(await stand.reconcile()).toMatchObject({ accepted: 17, delivered: 17, problems: [] });
    expect((await stand.simulator.summary()).requests).toBe(17);
  });
});
