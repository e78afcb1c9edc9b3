import { afterAll, afterEach, beforeAll, expect, it } from '@jest/globals';
import { migrateDatabase } from '../../src/events/migrate.ts';
import { setSchedule } from '../../src/schedules/table.ts';
import { createToken } from '../../src/tokens/tokens.ts';
import { describeOnServer } from '../events/harness.ts';
import { eventually } from '../support/eventually.ts';
import { aSale, ringUp } from '../support/outbox.ts';
import { type RunningProcess, startProcess } from '../support/process.ts';
import { testRedisUrl, uniqueNamespace } from '../support/redis.ts';
import { openPos, type PosDatabase } from './pos.ts';
import { createRole, type TestRole } from './roles.ts';

const STORE = 'store-1';

/** PGlite lets everybody in as its one superuser. */
describeOnServer('the rights that are printed, and no more, are enough', () => {
  let pos: PosDatabase;
  const roles: TestRole[] = [];
  let running: RunningProcess | undefined;

  beforeAll(async () => {
    pos = await openPos();
    await migrateDatabase(pos);
  });

  afterEach(async () => {
    await running?.stop();
  });

  afterAll(async () => {
    for (const one of roles) await one.drop();
    await pos.close();
  });

  async function startAs(kind: 'relay' | 'intake', more: Readonly<Record<string, string>> = {}) {
    const role = await createRole(pos.sql, pos.fresh.url, kind);
    roles.push(role);
    const env = { REDIS_URL: testRedisUrl(), DATABASE_URL: role.url, SYNC_NAMESPACE: uniqueNamespace() };
    running = startProcess(`dist/${kind}.js`, { ...env, ...more });
    return running;
  }

  async function setDue(job: 'fetch_inventory' | 'end_of_day'): Promise<void> {
    const at = job === 'end_of_day' ? '04:00' : null;
    await pos.write((tx) => setSchedule(tx, { locationId: STORE, job, zone: 'America/Chicago', at }, 0));
    await pos.sql`update schedules set next_run = now() - interval '1 minute' where job = ${job}`;
  }

  it('for a relay that has sales to move and schedules to run', async () => {
    await setDue('fetch_inventory');
    await setDue('end_of_day');
    await ringUp(pos.sql, aSale('T-1'));
    const relay = await startAs('relay');
    for (const job of ['fetch_inventory', 'end_of_day']) {
      await relay.waitForLog((line) => line.msg === 'schedule run' && line['job'] === job, 30_000);
    }
    await eventually(async () =>
      expect([...(await pos.sql`select state from conexxus_sales`)]).toEqual([{ state: 'enqueued' }]),
    );
    expect(await pos.sql`select from schedules where next_run > now()`).toHaveLength(2);
    expect(relay.logs.filter(({ level = 0 }) => level > 30)).toEqual([]);
  });

  it('for an intake that takes a sale and tells what became of it', async () => {
    const token = await pos.write((tx) =>
      createToken(tx, { name: 'till', locationIds: [STORE], actor: 'a test' }),
    );
    const intake = await startAs('intake', { INTAKE_PORT: '0' });
    const { port } = await intake.waitForLog('intake listens', 30_000);
    expect(await intake.waitForLog('intake started', 30_000)).toMatchObject({ writesTo: 'outbox' });
    const ask = async (path: string, body?: object) => {
      const answer = await fetch(`http://127.0.0.1:${String(port)}/v1/${path}`, {
        headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
        ...(body && { method: 'POST', body: JSON.stringify(body) }),
      });
      return { status: answer.status, text: await answer.text() };
    };
    const posted = await ask('jobs/push_sales', aSale('T-2'));
    expect(posted).toMatchObject({ status: 202 });
    const { jobId }: { jobId: string } = JSON.parse(posted.text);
    expect(await ask(`jobs/${jobId}`)).toMatchObject({ status: 200 });
    expect(await ask('sales/T-2')).toMatchObject({ status: 200, text: expect.stringContaining('waiting') });
    expect(await ask('pending')).toMatchObject({ status: 200, text: expect.stringContaining('T-2') });
    expect(await ask('jobs/fetch_inventory', { locationId: STORE })).toMatchObject({ status: 202 });
    expect(intake.logs.filter(({ level = 0 }) => level > 30)).toEqual([]);
  });
});
