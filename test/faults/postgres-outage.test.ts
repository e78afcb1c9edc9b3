import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, describe, expect } from '@jest/globals';
import { eventually } from '../support/eventually.ts';
import { makeSales } from '../support/sales.ts';
import { itOnServer, type PostgresStand, startPostgresStand, waitingStatements } from './postgres-server.ts';

let stand: PostgresStand;

afterEach(async () => {
  await stand.close();
});

const DOWN_MS = 60_000;

async function rows(): Promise<number> {
  const [row] = await stand.database.sql`select count(*)::int as n from event_log`;
  return Number(row?.['n']);
}

describe('Postgres away', () => {
  itOnServer('[43] down for a minute under load: sync goes on, rows appear later, each once', async () => {
    stand = await startPostgresStand({ simulator: { latency: { kind: 'uniform', min: 5, max: 50 } } });
    const workers = await stand.startWorkers(2);
    await stand.enqueue(makeSales(200));
    await eventually(async () => expect(await rows()).toBeGreaterThan(20));
    await stand.server.halt('fast');
    const upAt = performance.now() + DOWN_MS;
    let delivered = 200;
    for (let batch = 0; performance.now() < upAt - 5_000; batch += 1) {
      await stand.enqueue(makeSales(20, `down-${batch}`));
      delivered += 20;
      const expected = delivered;
      await eventually(async () => expect(await stand.queue.getCompletedCount()).toBe(expected), 30_000);
      await delay(2_000);
    }
    await delay(Math.max(0, upAt - performance.now()));
    expect(await stand.redis.xlen(`{${stand.namespace}}:events`)).toBeGreaterThan(100);
    await stand.server.start();
    await stand.untilAtRest(30_000);
    expect(await stand.reconcile()).toMatchObject({ delivered, succeededRows: delivered, problems: [] });
    for (const worker of workers) expect(await worker.stop()).toEqual({ code: 0, signal: null });
  });

  itOnServer(
    '[44] stopped as by a crash during a batch, again and again: none lost, none doubled',
    async () => {
      stand = await startPostgresStand({ simulator: { latency: { kind: 'uniform', min: 5, max: 50 } } });
      await stand.startWorkers(2);
      let expected = 0;
      for (let times = 0; times < 6; times += 1) {
        await stand.enqueue(makeSales(80, `batch-${times}`));
        expected += 80;
        if (times % 2 === 0) {
          // In the middle of an insert for certain: it waits for the lock on its table.
          const person = await stand.admin.reserve();
          await person`begin`;
          await person`lock table event_log in exclusive mode`;
          await eventually(async () => expect(await waitingStatements(stand.admin)).toBeGreaterThan(0));
          await stand.server.halt('immediate');
          person.release();
        } else {
          const before = await rows();
          await eventually(async () => expect(await rows()).toBeGreaterThan(before));
          await stand.server.halt('immediate');
        }
        await stand.server.start();
        await eventually(async () => expect(await rows()).toBeGreaterThan(0));
      }
      await stand.untilAtRest(40_000);
      expect(await stand.reconcile()).toMatchObject({
        delivered: expected,
        succeededRows: expected,
        failedRows: 0,
        problems: [],
      });
    },
  );
});
