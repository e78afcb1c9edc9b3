import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, describe, expect } from '@jest/globals';
import { eventually } from '../support/eventually.ts';
import { startProcess } from '../support/process.ts';
import { makeSales } from '../support/sales.ts';
import { startTcpProxy } from '../support/tcp-proxy.ts';
import { NO_PGBOUNCER, type PgBouncer, startPgBouncer } from './pgbouncer.ts';
import { connectAdmin, itOnServer, type PostgresStand, startPostgresStand } from './postgres-server.ts';

let stand: PostgresStand;
let bouncer: PgBouncer;

afterEach(async () => {
  await stand.close();
  await bouncer.stop();
});

async function start(poolMode: 'transaction' | 'statement' = 'transaction'): Promise<void> {
  stand = await startPostgresStand();
  // Two sessions for the four connections of a worker, and for everybody else.
  bouncer = await startPgBouncer({ port: stand.server.port, poolMode, poolSize: 2 });
}

const behind = () => ({ DATABASE_URL: bouncer.url() });

async function command(args: string[], env: Record<string, string> = behind()) {
  const process = startProcess('dist/cli.js', { ...stand.env, ...env }, args);
  const { code } = await process.exited;
  return { code, said: process.logs.map(({ msg }) => msg).join('\n') };
}

const doctor = async () => (await command(['doctor'])).said;

/** What a session was left with, by whoever had it before. */
async function settingsLeftBehind(): Promise<string[]> {
  const others = connectAdmin({ url: bouncer.url() }, 4);
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

async function idleInTransaction(): Promise<number> {
  const rows = await stand.admin`
    select from pg_stat_activity where application_name = 'conexxus-sync' and state = 'idle in transaction'`;
  return rows.length;
}

describe('PgBouncer as Debian ships it, with transaction pooling', () => {
  const row = (title: string, test: () => Promise<void>) => itOnServer(title, test, NO_PGBOUNCER);

  row('[72] migrate: of two at once one does it, the other waits for it', async () => {
    await start();
    await stand.admin`create database empty`;
    const both = await Promise.all(
      [1, 2].map(() => command(['migrate'], { DATABASE_URL: bouncer.url('empty') })),
    );
    expect(both.map(({ code, said }) => `${code} ${said}`).sort()).toEqual([
      expect.stringMatching(/^0 Applied \d+ migrations\.$/),
      '0 The database is up to date.',
    ]);
  });

  row('[72] worker, dashboard and doctor work; no setting is left in a session', async () => {
    await start();
    const dashboard = startProcess('dist/dashboard.js', { ...stand.env, ...behind(), DASHBOARD_PORT: '0' });
    await stand.startWorkers(2, behind());
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
      expect(await ready.json()).toMatchObject({ ready: true, checks: { postgres: 'ok' } });
    });
    await dashboard.stop();
    const diagnosis = await doctor();
    expect(diagnosis).toMatch(/^ {2}ok +Postgres role +primary, takes writes$/m);
    expect(diagnosis).toMatch(/^ {2}ok +Postgres pooler +PgBouncer, or another pooler, is in between/m);
    expect(diagnosis).toMatch(/^ {2}ok +Postgres schema +up to date$/m);
    expect(new Set(await settingsLeftBehind())).toEqual(new Set(['0 0']));
  });

  row('[72] a locked table: statements are ended by Postgres in time, rows come after', async () => {
    await start();
    const worker = await stand.startWorker(behind());
    await stand.admin.begin(async (sql) => {
      await sql`lock table event_log in access exclusive mode`;
      await stand.enqueue(makeSales(50));
      await eventually(async () => expect(await stand.queue.getCompletedCount()).toBe(50));
      await worker.waitForLog(({ reason }) => String(reason).includes('statement timeout'), 20_000);
    });
    await stand.untilAtRest(30_000);
    expect(await stand.reconcile()).toMatchObject({ delivered: 50, succeededRows: 50, problems: [] });
  });

  row(
    '[72] a worker that freezes in a transaction holds its session no longer than thirty seconds',
    async () => {
      await start();
      // A slow line, on which a statement is long under way.
      const line = await startTcpProxy({ port: Number(new URL(bouncer.url()).port) });
      line.delayBy(200);
      const worker = await stand.startWorker({ DATABASE_URL: line.through(bouncer.url()) });
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
    },
  );

  row('[72] Postgres restarts behind it: each row once', async () => {
    await start();
    await stand.startWorkers(2, behind());
    await stand.enqueue(makeSales(100, 'before'));
    await stand.server.halt('immediate');
    await stand.enqueue(makeSales(100, 'meanwhile'));
    await eventually(async () => expect(await stand.queue.getCompletedCount()).toBe(200), 20_000);
    await stand.server.start();
    await stand.untilAtRest(60_000);
    expect(await stand.reconcile()).toMatchObject({ delivered: 200, succeededRows: 200, problems: [] });
  });

  row('[72] with statement pooling nothing can work: doctor says so, with the fix', async () => {
    await start('statement');
    expect(await doctor()).toMatch(/^ {2}FIX +Postgres +cannot be used .*pool_mode transaction or session/m);
  });
});
