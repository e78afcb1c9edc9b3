import { afterEach, describe, expect } from '@jest/globals';
import { eventually } from '../support/eventually.ts';
import { openDatabase } from '../support/postgres.ts';
import { type RunningProcess, startProcess } from '../support/process.ts';
import { reconcile } from '../support/reconcile.ts';
import { makeSales } from '../support/sales.ts';
import { startTcpProxy, type TcpProxy } from '../support/tcp-proxy.ts';
import { NO_PGBOUNCER, startPgBouncer } from './pgbouncer.ts';
import { type Standby, startStandby } from './postgres-failover.ts';
import { itOnServer, type PostgresStand, startPostgresStand } from './postgres-server.ts';

/** The primary, as long as it is one. */
let stand: PostgresStand;
let standby: Standby;
/** The name that leads to whoever is the primary. */
let name: TcpProxy;
const closings: (() => Promise<unknown>)[] = [];

afterEach(async () => {
  for (const close of closings.splice(0).toReversed()) await close();
});

async function start(): Promise<void> {
  stand = await startPostgresStand();
  closings.push(() => stand.close());
  standby = await startStandby(stand.server);
  closings.push(() => standby.stop());
  name = await startTcpProxy(stand.server);
  closings.push(() => name.stop());
}

const byName = () => ({ DATABASE_URL: name.through(stand.server.url) });

/** Its connections stay open, as those to a primary that somebody fenced off. */
async function turnReadOnly(): Promise<void> {
  await stand.admin`alter system set default_transaction_read_only = on`;
  await stand.admin`select pg_reload_conf()`;
  await eventually(async () => {
    const [row] = await stand.admin`select current_setting('transaction_read_only') as value`;
    expect(row?.['value']).toBe('on');
  });
}

async function failOver(): Promise<void> {
  await standby.promote();
  name.pointAt(standby);
}

/** Of the new primary. */
async function expectSums(accepted: readonly string[]): Promise<void> {
  const database = openDatabase(standby.url, 1);
  closings.push(() => database.close());
  const found = await reconcile({ ...stand, database, accepted });
  expect(found).toMatchObject({ delivered: accepted.length, succeededRows: accepted.length, problems: [] });
}

async function readiness(dashboard: RunningProcess): Promise<unknown> {
  const { port } = await dashboard.waitForLog('dashboard is up');
  return (await fetch(`http://127.0.0.1:${String(port)}/health/ready`)).json();
}

async function command(args: string[]) {
  const process = startProcess('dist/cli.js', { ...stand.env, ...byName() }, args);
  const exit = await process.exited;
  return { ...exit, said: process.logs.map(({ msg }) => msg).join('\n'), err: process.stderr() };
}

describe('Postgres fails over', () => {
  itOnServer(
    '[73] read-only with its connections left open: rows at the new primary within seconds',
    async () => {
      await start();
      const worker = await stand.startWorker(byName());
      const dashboard = startProcess('dist/dashboard.js', { ...stand.env, ...byName(), DASHBOARD_PORT: '0' });
      closings.push(() => dashboard.stop());
      const before = await stand.enqueue(makeSales(50, 'before'));
      await stand.untilAtRest();
      await eventually(async () => expect(await readiness(dashboard)).toMatchObject({ ready: true }));

      await turnReadOnly();
      const meanwhile = await stand.enqueue(makeSales(50, 'meanwhile'));
      const { jobId } = await stand.producer.fetchInventory({ locationId: 'store-1' });
      await worker.waitForLog(({ reason }) => String(reason).startsWith('READ_ONLY_DATABASE'));
      await eventually(async () => expect(await stand.queue.getCompletedCount()).toBe(100));
      await eventually(async () =>
        expect(await readiness(dashboard)).toMatchObject({ ready: false, checks: { postgres: 'failed' } }),
      );
      expect(await command(['migrate'])).toMatchObject({
        code: 1,
        err: expect.stringMatching(/^Postgres takes no writes, .*must lead to the primary\n$/),
      });
      expect((await command(['doctor'])).said).toMatch(
        /^ {2}FIX {2}Postgres role +takes no writes, as default_transaction_read_only is on: /m,
      );

      await failOver();
      const returned = performance.now();
      await eventually(
        async () => expect(await stand.redis.xlen(`{${stand.namespace}}:events`)).toBe(0),
        10_000,
      );
      expect(performance.now() - returned).toBeLessThan(10_000);
      await eventually(async () => expect(await readiness(dashboard)).toMatchObject({ ready: true }));
      // The catalog found Postgres not ready, and comes back half a minute later.
      await stand.untilAtRest(40_000);
      await expectSums([...before, ...meanwhile, jobId]);
      const catalog = openDatabase(standby.url, 1);
      closings.push(() => catalog.close());
      expect(
        (await catalog.sql`select from inventory_items where location_id = 'store-1'`).length,
      ).toBeGreaterThan(0);
      expect(await worker.stop()).toEqual({ code: 0, signal: null });
    },
  );

  itOnServer(
    '[73] the name leads to a standby first: workers wait, and write once it is the primary',
    async () => {
      await start();
      name.pointAt(standby);
      const worker = await stand.startWorker(byName());
      const accepted = await stand.enqueue(makeSales(50));
      await worker.waitForLog(({ reason }) => String(reason).startsWith('READ_ONLY_DATABASE'));
      expect((await command(['doctor'])).said).toMatch(/^ {2}FIX {2}Postgres role +this is a standby/m);
      await standby.promote();
      await stand.untilAtRest(10_000);
      await expectSums(accepted);
    },
  );

  itOnServer(
    '[73] behind PgBouncer, which keeps its connections to the old primary: rows at the new one within seconds',
    async () => {
      await start();
      const bouncer = await startPgBouncer({ port: name.port, poolMode: 'transaction', poolSize: 2 });
      closings.push(() => bouncer.stop());
      const worker = await stand.startWorker({ DATABASE_URL: bouncer.url() });
      const before = await stand.enqueue(makeSales(50, 'before'));
      await stand.untilAtRest();
      await turnReadOnly();
      const meanwhile = await stand.enqueue(makeSales(50, 'meanwhile'));
      await worker.waitForLog(({ reason }) => String(reason).startsWith('READ_ONLY_DATABASE'));
      await failOver();
      await stand.untilAtRest(15_000);
      await expectSums([...before, ...meanwhile]);
    },
    NO_PGBOUNCER,
  );
});
