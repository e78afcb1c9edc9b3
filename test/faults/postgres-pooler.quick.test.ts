import { afterEach, describe, expect } from '@jest/globals';
import { eventually } from '../support/eventually.ts';
import { startProcess } from '../support/process.ts';
import { makeSales } from '../support/sales.ts';
import { NO_PGBOUNCER, type PooledStand, startPooledStand } from './pgbouncer.ts';
import { connectAdmin, itOnServer } from './postgres-server.ts';

let stand: PooledStand;

afterEach(async () => {
  await stand.close();
});

/** What a session was left with, by whoever had it before. */
async function settingsLeftBehind(): Promise<string[]> {
  const others = connectAdmin({ url: stand.pooledUrl }, 4);
  // At once, so that each session is asked.
  const asked = Array.from(
    { length: 4 },
    () => others`
      select pg_sleep(0.2), current_setting('statement_timeout') as statement,
        current_setting('idle_in_transaction_session_timeout') as idle`,
  );
  const rows = await Promise.all(asked);
  await others.end({ timeout: 1 });
  return rows.flatMap((row) => Array.from(row, ({ statement, idle }) => `${statement} ${idle}`));
}

describe('PgBouncer as Debian ships it', () => {
  const row = (title: string, test: () => Promise<void>) => itOnServer(title, test, NO_PGBOUNCER);

  row('[72] migrate: of two at once one does it, the other waits for it', async () => {
    stand = await startPooledStand();
    await stand.admin`create database empty`;
    const both = await Promise.all([1, 2].map(() => stand.command(['migrate'], 'empty')));
    expect(both.map(({ code, said }) => `${code} ${said}`).sort()).toEqual([
      expect.stringMatching(/^0 Applied \d+ migrations\.$/),
      '0 The database is up to date.',
    ]);
  });

  row('[72] worker, dashboard and doctor work; no setting is left in a session', async () => {
    stand = await startPooledStand();
    const env = { DATABASE_URL: stand.pooledUrl };
    const dashboard = startProcess('dist/dashboard.js', { ...stand.env, ...env, DASHBOARD_PORT: '0' });
    await stand.startWorkers(2, env);
    await stand.enqueue(makeSales(300));
    const { jobId } = await stand.producer.fetchInventory({ locationId: 'store-1' });
    stand.accept(jobId);
    await stand.untilAtRest();
    expect(await stand.reconcile()).toMatchObject({ delivered: 301, succeededRows: 301, problems: [] });
    const [stored] = await stand.admin`select count(*)::int as n from inventory_items`;
    expect(stored?.['n']).toBeGreaterThan(0);

    const { port } = await dashboard.waitForLog('dashboard is up');
    await eventually(async () => {
      const ready = await fetch(`http://127.0.0.1:${String(port)}/health/ready`);
      expect(await ready.json()).toMatchObject({ ready: true, checks: { postgres: { status: 'ok' } } });
    });
    await dashboard.stop();
    const { said } = await stand.command(['doctor']);
    expect(said).toMatch(/^ {2}ok +Postgres role +primary, takes writes$/m);
    expect(said).toMatch(/^ {2}ok +Postgres pooler +PgBouncer, or another pooler, is in between/m);
    expect(said).toMatch(/^ {2}ok +Postgres schema +up to date$/m);
    expect(new Set(await settingsLeftBehind())).toEqual(new Set(['0 0']));
  });

  row('[72] a locked table: statements are ended by Postgres in time, rows come after', async () => {
    stand = await startPooledStand();
    const worker = await stand.startWorker({ DATABASE_URL: stand.pooledUrl });
    await stand.admin.begin(async (sql) => {
      await sql`lock table event_log in access exclusive mode`;
      await stand.enqueue(makeSales(50));
      await eventually(async () => expect(await stand.queue.getCompletedCount()).toBe(50));
      await worker.waitForLog(({ reason }) => String(reason).includes('statement timeout'), 20_000);
    });
    await stand.untilAtRest(30_000);
    expect(await stand.reconcile()).toMatchObject({ delivered: 50, succeededRows: 50, problems: [] });
  });

  row('[72] with statement pooling nothing can work: doctor says so, with the fix', async () => {
    stand = await startPooledStand('statement');
    const { said } = await stand.command(['doctor']);
    expect(said).toMatch(/^ {2}FIX +Postgres +cannot be used .*pool_mode transaction or session/m);
  });
});
