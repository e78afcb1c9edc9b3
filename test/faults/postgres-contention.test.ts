import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, describe, expect } from '@jest/globals';
import type { Sql } from 'postgres';
import { eventually } from '../support/eventually.ts';
import { makeSales } from '../support/sales.ts';
import {
  connectAdmin,
  itOnServer,
  type PostgresStand,
  startPostgresStand,
  waitingStatements,
} from './postgres-server.ts';

let stand: PostgresStand;

afterEach(async () => {
  await stand.close();
});

/** Told, so that the keys of the deaths are known before they are written. */
const ENQUEUED_AT = 1_764_000_000_000;
/** Longer than a statement of the product may take. */
const LOCKED_MS = 12_000;

async function insertAsAnother(sql: Sql, dedupeKey: string): Promise<void> {
  await sql`
    insert into event_log (id, event_type, aggregate_id, "timestamp", payload, metadata, transaction_ids, dedupe_key)
    values (gen_random_uuid(), 'test', 'test', now(), '{}', '{}', '{}', ${dedupeKey})`;
}

describe('Postgres in trouble', () => {
  itOnServer('[45] backends terminated, again and again: retried, each row once', async () => {
    stand = await startPostgresStand({ simulator: { latency: { kind: 'uniform', min: 5, max: 50 } } });
    await stand.startWorkers(2);
    await stand.enqueue(makeSales(200));
    let terminated = 0;
    for (let times = 0; times < 10; times += 1) {
      const ended = await stand.admin`
        select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'conexxus-sync'`;
      terminated += ended.length;
      await delay(150);
    }
    expect(terminated).toBeGreaterThan(5);
    await stand.untilAtRest(40_000);
    expect(await stand.reconcile()).toMatchObject({ delivered: 200, succeededRows: 200, problems: [] });
  });

  itOnServer('[45] backend terminated in the middle of pruning: the worker lives', async () => {
    stand = await startPostgresStand();
    const person = connectAdmin(stand.server, 1);
    await person`begin`;
    await person`lock table event_log in exclusive mode`;
    const worker = await stand.startWorker();
    await eventually(async () => expect(await waitingStatements(stand.admin)).toBeGreaterThan(0));
    await stand.admin`
      select pg_terminate_backend(pid) from pg_stat_activity
      where application_name = 'conexxus-sync' and query like '%delete from event_log%'`;
    await worker.waitForLog(({ msg }) => msg?.startsWith('old events could not be deleted') === true);
    await person.end({ timeout: 0 });
    await stand.enqueue(makeSales(10));
    await stand.untilAtRest();
    await stand.expectSums();
    expect(await worker.stop()).toEqual({ code: 0, signal: null });
  });

  itOnServer(
    '[45] table locked longer than a statement may take: sync goes on, rows come after',
    async () => {
      stand = await startPostgresStand();
      const [worker] = await stand.startWorkers(1);
      await stand.admin.begin(async (sql) => {
        await sql`lock table event_log in access exclusive mode`;
        await stand.enqueue(makeSales(50));
        await eventually(async () => expect(await stand.queue.getCompletedCount()).toBe(50));
        await delay(LOCKED_MS);
        expect(await waitingStatements(stand.admin)).toBeLessThanOrEqual(1);
      });
      expect(worker?.logs.some(({ reason }) => String(reason).includes('statement timeout'))).toBe(true);
      await stand.untilAtRest(30_000);
      expect(await stand.reconcile()).toMatchObject({ delivered: 50, succeededRows: 50, problems: [] });
    },
  );

  itOnServer('[45] deadlock: the batch is tried again, each row once', async () => {
    stand = await startPostgresStand();
    for (const jobId of ['bad-1', 'bad-2']) {
      await stand.queue.add('no_such_job', {}, { jobId, timestamp: ENQUEUED_AT });
      stand.accept(jobId);
    }
    // Its database is away: both rows come to wait in the stream, to be one batch for the next worker.
    const blind = await stand.startWorker({ DATABASE_URL: 'postgres://postgres@127.0.0.1:1/postgres' });
    await eventually(async () => expect(await stand.queue.getFailedCount()).toBe(2));
    await blind.stop();

    const person = await stand.admin.reserve();
    await person`set deadlock_timeout = '1min'`;
    await person`begin`;
    await insertAsAnother(person, `dead:bad-2:${ENQUEUED_AT}`);
    const worker = await stand.startWorker();
    await eventually(async () => expect(await waitingStatements(stand.admin)).toBe(1));
    await insertAsAnother(person, `dead:bad-1:${ENQUEUED_AT}`);
    await worker.waitForLog(({ reason }) => String(reason).includes('deadlock'));
    await person`rollback`;
    person.release();
    await stand.untilAtRest();
    expect(await stand.reconcile()).toMatchObject({ deadLettered: 2, deadLetterRows: 2, problems: [] });
  });

  itOnServer('[48] no connection left: the worker waits, and does not crash', async () => {
    stand = await startPostgresStand({}, async (admin) => {
      await admin`alter system set max_connections = 12`;
      return undefined;
    });
    await stand.server.halt('fast');
    await stand.server.start();
    const hogs = connectAdmin(stand.server, 20);
    // All at once, so that each takes a connection, and then keeps it.
    const taking = Array.from({ length: 20 }, () => hogs`select pg_sleep(1)`);
    await expect(Promise.all(taking)).rejects.toThrow('too many clients');
    const worker = await stand.startWorker();
    await worker.waitForLog(({ reason }) => String(reason).includes('too many clients'));
    await stand.enqueue(makeSales(30));
    await eventually(async () => expect(await stand.queue.getCompletedCount()).toBe(30));
    expect(await stand.redis.xlen(`{${stand.namespace}}:events`)).toBeGreaterThanOrEqual(30);
    await hogs.end({ timeout: 0 });
    // A backend counts until it has noticed that its client is gone; the worker needs one connection, the books several.
    await eventually(async () => {
      const left =
        await stand.admin`select pid from pg_stat_activity where query like '%pg_sleep%' and pid <> pg_backend_pid()`;
      expect(left).toEqual([]);
    });
    await stand.untilAtRest(30_000);
    expect(await stand.reconcile()).toMatchObject({ delivered: 30, succeededRows: 30, problems: [] });
    expect(await worker.stop()).toEqual({ code: 0, signal: null });
  });
});
