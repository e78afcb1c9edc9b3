import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, describe, expect } from '@jest/globals';
import { eventually } from '../support/eventually.ts';
import { makeSales } from '../support/sales.ts';
import { startTcpProxy } from '../support/tcp-proxy.ts';
import { NO_PGBOUNCER, type PooledStand, startPooledStand } from './pgbouncer.ts';
import { itOnServer } from './postgres-server.ts';

let stand: PooledStand;

afterEach(async () => {
  await stand.close();
});

async function idleInTransaction(): Promise<number> {
  const rows = await stand.admin`
    select from pg_stat_activity where application_name = 'conexxus-sync' and state = 'idle in transaction'`;
  return rows.length;
}

describe('PgBouncer as Debian ships it', () => {
  const row = (title: string, test: () => Promise<void>) => itOnServer(title, test, NO_PGBOUNCER);

  row('[72] a worker that freezes in a transaction holds its session for thirty seconds', async () => {
    stand = await startPooledStand();
    // A slow line, on which a statement is long under way.
    const line = await startTcpProxy({ port: Number(new URL(stand.pooledUrl).port) });
    line.delayBy(200);
    const worker = await stand.startWorker({ DATABASE_URL: line.through(stand.pooledUrl) });
    const caught = async () => {
      await stand.producer.pushSalesMany(makeSales(1, `row-72-${performance.now()}`));
      await eventually(async () => expect(await idleInTransaction()).toBeGreaterThan(0));
      worker.signal('SIGSTOP');
      // What was on its way has come by now.
      await delay(1_000);
      if ((await idleInTransaction()) > 0) return;
      worker.signal('SIGCONT');
      throw new Error('it was no longer in a transaction');
    };
    await eventually(caught, 30_000);
    await eventually(async () => expect(await idleInTransaction()).toBe(0), 40_000);
    worker.signal('SIGCONT');
    await stand.untilAtRest(30_000);
    await line.stop();
    const succeeded = await stand.admin`
      select from event_log where event_type = 'conexxus.sync.succeeded.push_sales'`;
    expect(succeeded).toHaveLength(await stand.queue.getCompletedCount());
  });

  row('[72] Postgres restarts behind it: each row once', async () => {
    stand = await startPooledStand();
    await stand.startWorkers(2, { DATABASE_URL: stand.pooledUrl });
    await stand.enqueue(makeSales(100, 'before'));
    await stand.server.halt('immediate');
    await stand.enqueue(makeSales(100, 'meanwhile'));
    await eventually(async () => expect(await stand.queue.getCompletedCount()).toBe(200), 20_000);
    await stand.server.start();
    await stand.untilAtRest(60_000);
    expect(await stand.reconcile()).toMatchObject({ delivered: 200, succeededRows: 200, problems: [] });
  });
});
