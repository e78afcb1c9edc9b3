import { afterEach, describe, expect } from '@jest/globals';
import { eventually } from '../support/eventually.ts';
import { type RunningProcess, startProcess } from '../support/process.ts';
import { makeSales } from '../support/sales.ts';
import { NO_PGBOUNCER, startPgBouncer } from './pgbouncer.ts';
import { type FailoverStand, startFailoverStand } from './postgres-failover.ts';
import { itOnServer } from './postgres-server.ts';

let stand: FailoverStand;
const closings: (() => Promise<unknown>)[] = [];

afterEach(async () => {
  for (const close of closings.splice(0).toReversed()) await close();
});

async function start(): Promise<void> {
  stand = await startFailoverStand();
  closings.push(() => stand.close());
}

const untilReadOnly = (worker: RunningProcess) =>
  worker.waitForLog(({ reason }) => String(reason).startsWith('READ_ONLY_DATABASE'));

const untilWritten = (timeoutMs: number) =>
  eventually(async () => expect(await stand.redis.xlen(`{${stand.namespace}}:events`)).toBe(0), timeoutMs);

/** `expected`: of the dashboard's readiness. */
async function untilReadiness(dashboard: RunningProcess, expected: object): Promise<void> {
  const { port } = await dashboard.waitForLog('dashboard is up');
  await eventually(async () => {
    const answer = await fetch(`http://127.0.0.1:${String(port)}/health/ready`);
    expect(await answer.json()).toMatchObject(expected);
  });
}

describe('Postgres fails over', () => {
  itOnServer('[73] read-only, its connections left open: rows at the new primary in seconds', async () => {
    await start();
    const worker = await stand.startWorker(stand.byName);
    const dashboard = startProcess('dist/dashboard.js', {
      ...stand.env,
      ...stand.byName,
      DASHBOARD_PORT: '0',
    });
    closings.push(() => dashboard.stop());
    const before = await stand.enqueue(makeSales(50, 'before'));
    await stand.untilAtRest();
    await untilReadiness(dashboard, { status: 'ok' });

    await stand.turnReadOnly();
    const meanwhile = await stand.enqueue(makeSales(50, 'meanwhile'));
    await untilReadOnly(worker);
    await eventually(async () => expect(await stand.queue.getCompletedCount()).toBe(100));
    const failing = { status: 'failed', reason: 'READ_ONLY_DATABASE' };
    await untilReadiness(dashboard, { ready: true, status: 'degraded', checks: { postgres: failing } });
    const migration = await stand.command(['migrate']);
    expect(migration.code).toBe(1);
    expect(migration.err).toMatch(/^Postgres takes no writes, .*must lead to the primary\n$/);
    const { said } = await stand.command(['doctor']);
    expect(said).toMatch(
      /^ {2}FIX +Postgres role +takes no writes, as default_transaction_read_only is on: /m,
    );

    await stand.failOver();
    await untilWritten(10_000);
    await untilReadiness(dashboard, { status: 'ok' });
    await stand.untilAtRest();
    await stand.expectRowsAtSecond([...before, ...meanwhile]);
    expect(await worker.stop()).toEqual({ code: 0, signal: null });
  });

  itOnServer('[73] the name leads to a standby at first: rows once it is the primary', async () => {
    await start();
    stand.name.pointAt(stand.standby);
    const worker = await stand.startWorker(stand.byName);
    const accepted = await stand.enqueue(makeSales(50));
    await untilReadOnly(worker);
    expect((await stand.command(['doctor'])).said).toMatch(/^ {2}FIX +Postgres role +this is a standby/m);
    await stand.standby.promote();
    await untilWritten(10_000);
    await stand.untilAtRest();
    await stand.expectRowsAtSecond(accepted);
  });

  const behindPgBouncer = async () => {
    await start();
    const bouncer = await startPgBouncer({ port: stand.name.port, poolMode: 'transaction' });
    closings.push(() => bouncer.stop());
    const worker = await stand.startWorker({ DATABASE_URL: bouncer.url() });
    const before = await stand.enqueue(makeSales(50, 'before'));
    await stand.untilAtRest();
    await stand.turnReadOnly();
    const meanwhile = await stand.enqueue(makeSales(50, 'meanwhile'));
    await untilReadOnly(worker);
    await stand.failOver();
    await untilWritten(15_000);
    await stand.untilAtRest();
    await stand.expectRowsAtSecond([...before, ...meanwhile]);
  };
  itOnServer('[73] behind PgBouncer, whose connections stay too', behindPgBouncer, NO_PGBOUNCER);
});
