import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { createSyncProducer } from '../../src/index.ts';
import { eventually } from '../support/eventually.ts';
import { type RunningProcess, startProcess } from '../support/process.ts';
import { makeSales } from '../support/sales.ts';
import { type FaultStand, SALES_PATH, startFaultStand } from './fault-stand.ts';

let stand: FaultStand;
let dashboard: RunningProcess;

beforeAll(async () => {
  stand = await startFaultStand();
  await stand.startWorkers(2);
  dashboard = startProcess('dist/dashboard.js', { ...stand.env, DASHBOARD_PORT: '0' });
}, 60_000);

afterAll(async () => {
  await dashboard.stop();
  await stand.close();
});

beforeEach(() => stand.calm());

describe('people and programs that do the same thing twice', () => {
  it('[50] the same sales enqueued many times at once: one job each', async () => {
    const { REDIS_URL: redisUrl = '', SYNC_NAMESPACE: namespace = '' } = stand.env;
    const producers = [1, 2, 3].map(() => createSyncProducer({ redisUrl, namespace }));
    const sales = makeSales(5, 'row-50');
    const answers = await Promise.all(
      [...producers, ...producers].flatMap((producer) => sales.map((sale) => producer.pushSales(sale))),
    );
    for (const { jobId } of answers) stand.accept(jobId);
    await stand.untilAtRest();

    expect(answers.filter(({ status }) => status === 'accepted')).toHaveLength(5);
    const jobIds = [...new Set(answers.map(({ jobId }) => jobId))];
    expect(jobIds).toHaveLength(5);
    for (const jobId of jobIds) expect(await stand.calls(jobId)).toHaveLength(1);
    await Promise.all(producers.map((producer) => producer.close()));
    await stand.expectSums();
  }, 40_000);

  it('[51] two people replay the same dead letters at once: each once', async () => {
    const { port } = await dashboard.waitForLog('dashboard is up');
    const replay = (path: string) =>
      fetch(`http://127.0.0.1:${String(port)}/queues/api/queues/sync/${path}`, { method: 'PUT' });

    await stand.simulator.setFaults([
      { match: { path: SALES_PATH, times: 6 }, fault: { kind: 'status', status: 422 } },
    ]);
    const jobIds = await stand.enqueue(makeSales(6, 'row-51'));
    await eventually(async () => expect(await stand.queue.getFailedCount()).toBe(6));

    const oneByOne = jobIds.slice(0, 3).flatMap((id) => [replay(`${id}/retry`), replay(`${id}/retry`)]);
    const statuses = (await Promise.all(oneByOne)).map(({ status }) => status);
    expect(statuses.filter((status) => status === 200)).toHaveLength(3);
    expect(statuses.filter((status) => status === 409)).toHaveLength(3);
    const all = await Promise.all([replay('retry/failed'), replay('retry/failed')]);
    expect(all.map(({ status }) => status)).toEqual([200, 200]);
    const counts: { retried: number }[] = JSON.parse(
      `[${(await Promise.all(all.map((answer) => answer.text()))).join(',')}]`,
    );
    expect(counts.reduce((total, { retried }) => total + retried, 0)).toBe(3);
    await stand.untilAtRest();

    for (const jobId of jobIds) {
      expect((await stand.calls(jobId)).map(({ status }) => status)).toEqual([422, 200]);
    }
    await stand.expectSums();
  }, 40_000);

  it('[51] on the page, by the API and twice on the command line at once: each once, with its row', async () => {
    const { port } = await dashboard.waitForLog('dashboard is up');
    await stand.simulator.setFaults([
      { match: { path: SALES_PATH, times: 12 }, fault: { kind: 'status', status: 422 } },
    ]);
    const jobIds = await stand.enqueue(makeSales(12, 'row-51-many'));
    await eventually(async () => expect(await stand.queue.getFailedCount()).toBe(12));

    const order = ['dead-letters', 'replay', '--yes', '--reason', 'row 51'];
    const people = [order, order].map((args) => startProcess('dist/cli.js', stand.env, args).exited);
    const page = `http://127.0.0.1:${String(port)}/queues/api/queues/sync/retry/failed`;
    const byApi = fetch(`http://127.0.0.1:${String(port)}/api/dead-letters/replay`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ ids: jobIds, reason: 'row 51' }),
    });
    expect((await fetch(page, { method: 'PUT' })).status).toBe(200);
    const told: { results: { id: string }[] } = JSON.parse(await (await byApi).text());
    expect(told.results.map(({ id }) => id).sort()).toEqual([...jobIds].sort());
    expect(await Promise.all(people)).toEqual([
      { code: 0, signal: null },
      { code: 0, signal: null },
    ]);
    await stand.untilAtRest();

    const rows = await stand.database.sql<{ id: string }[]>`
      select aggregate_id as id from event_log
      where event_type = 'conexxus.sync.replayed.push_sales' and aggregate_id in ${stand.database.sql(jobIds)}`;
    expect(rows.map(({ id }) => id).sort()).toEqual([...jobIds].sort());
    for (const jobId of jobIds) {
      expect((await stand.calls(jobId)).map(({ status }) => status)).toEqual([422, 200]);
    }
    await stand.expectSums();
  }, 40_000);
});
