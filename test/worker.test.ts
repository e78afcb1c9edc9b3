import { afterEach, describe, expect, it } from '@jest/globals';
import { Queue } from 'bullmq';
import { eventually } from './support/eventually.ts';
import { startProcess } from './support/process.ts';
import { makeSales } from './support/sales.ts';
import { type Stand, startStand } from './support/stand.ts';

let stand: Stand;

afterEach(async () => {
  await stand.close();
});

async function untilDelivered(jobs: number, timeoutMs = 15_000): Promise<void> {
  await eventually(async () => {
    expect(await stand.queue.getCompletedCount()).toBe(jobs);
    expect(await stand.redis.xlen(`{${stand.namespace}}:events`)).toBe(0);
  }, timeoutMs);
}

describe('a worker process', () => {
  it('delivers each sale once and records it once', async () => {
    stand = await startStand();
    await stand.startWorkers(2);
    await stand.enqueue(makeSales(60));
    await untilDelivered(60);
    await stand.enqueue(makeSales(60));
    const books = await stand.reconcile();
    expect(books).toMatchObject({
      accepted: 60,
      delivered: 60,
      succeededRows: 60,
      failedRows: 0,
      problems: [],
    });
    expect((await stand.simulator.summary()).requests).toBe(60);
  });

  it('survives an outage: the circuit opens, the queue is paused, all is delivered at the end', async () => {
    stand = await startStand({ simulator: { latency: { kind: 'fixed', ms: 5 } } });
    const workers = await stand.startWorkers(2);
    const sales = makeSales(100);
    await stand.enqueue(sales.slice(0, 20));
    await untilDelivered(20);
    // With nothing under way: a success recorded among the failures would begin their row anew.
    await stand.simulator.setMode(503);
    await stand.enqueue(sales.slice(20));
    await eventually(async () => {
      expect(await stand.queue.isPaused()).toBe(true);
      // What a killed writer holds would be another's after fifteen seconds only.
      expect(await stand.redis.xlen(`{${stand.namespace}}:events`)).toBe(0);
    });
    const calls = await stand.simulator.ledger({ path: '/api/v1/sales/push' });
    // Threshold, and what was in flight: ten calls a worker.
    expect(calls.filter(({ status }) => status === 503).length).toBeLessThanOrEqual(5 + 20);

    for (const worker of workers) worker.signal('SIGKILL');
    await Promise.all(workers.map(({ exited }) => exited));
    await stand.startWorkers(2);
    await stand.simulator.setMode('ok');
    await untilDelivered(100, 30_000);
    expect(await stand.reconcile()).toMatchObject({ delivered: 100, deadLettered: 0, problems: [] });
    expect(await stand.queue.isPaused()).toBe(false);
  }, 60_000);

  it("brings a killed worker's jobs to another one in under 10 seconds", async () => {
    stand = await startStand({ env: { CONEXXUS_TIMEOUT: '30000' } });
    await stand.simulator.setFaults([{ match: { times: 3 }, fault: { kind: 'hang' } }]);
    const first = await stand.startWorker();
    await stand.enqueue(makeSales(3));
    await stand.simulator.waitFor({ inFlight: 3 });
    await stand.startWorker();
    first.signal('SIGKILL');
    await first.exited;
    const killedAt = performance.now();
    await untilDelivered(3, 12_000);
    expect(performance.now() - killedAt).toBeLessThan(10_000);
    expect((await stand.reconcile()).problems).toEqual([]);
  }, 40_000);

  it("holds its own policy whatever a plain client set or forgot, and buries what can't be sent", async () => {
    stand = await startStand();
    await stand.simulator.setFaults([{ match: { times: 2 }, fault: { kind: 'status', status: 500 } }]);
    const plain = new Queue('sync', { connection: stand.redis, prefix: `{${stand.namespace}}` });
    const sales = makeSales(3);
    await plain.add('push_sales', sales[0], { jobId: 'mine-1', attempts: 1, removeOnFail: true });
    await plain.add('push_sales', sales[1]);
    await plain.add('push_sales', { date: '2026-02-30' }, { jobId: 'bad-1', removeOnFail: true });
    await plain.add('no_such_job', {}, { jobId: 'bad-2', removeOnFail: true });
    await stand.startWorker();
    await untilDelivered(2);
    await eventually(async () => expect(await stand.queue.getFailedCount()).toBe(2));
    const bad = await stand.queue.getJob('bad-1');
    expect(bad?.failedReason).toContain('date');
    const rows = await stand.database.sql`
      select aggregate_id, payload->'error'->>'code' as code from event_log
      where event_type like 'conexxus.sync.dead_lettered.%' order by 1`;
    expect([...rows]).toEqual([
      { aggregate_id: 'bad-1', code: 'invalid_data' },
      { aggregate_id: 'bad-2', code: 'invalid_data' },
    ]);
    await plain.close();
  }, 30_000);

  it('fetches the catalog, with exact prices', async () => {
    stand = await startStand();
    await stand.simulator.setCatalog(
      '[{"sku":"a","name":"A","price":0.1},{"sku":"b","name":"B","price":-1}]',
    );
    await stand.startWorker();
    await stand.producer.fetchInventory({ locationId: 'store-1' });
    await untilDelivered(1);
    const items = await stand.database.sql`select sku, price::text from inventory_items`;
    expect([...items]).toEqual([{ sku: 'a', price: '0.1000' }]);
    const [row] = await stand.database.sql`
      select payload from event_log where event_type = 'conexxus.sync.succeeded.fetch_inventory'`;
    expect(row?.['payload']).toMatchObject({ status: 'partial', processed: 2, succeeded: 1, failed: 1 });
  }, 30_000);

  it('takes no more on SIGTERM, finishes what is in flight and exits 0', async () => {
    stand = await startStand({ simulator: { latency: { kind: 'fixed', ms: 500 } } });
    const worker = await stand.startWorker({ WORKER_CONCURRENCY: '2' });
    await stand.enqueue(makeSales(10));
    await stand.simulator.waitFor({ inFlight: 2 });
    expect(await worker.stop()).toEqual({ code: 0, signal: null });
    expect(await stand.queue.getActiveCount()).toBe(0);
    expect(await stand.queue.getCompletedCount()).toBe(2);
    expect(await stand.queue.getWaitingCount()).toBe(8);
  }, 30_000);

  it('hands its jobs back at the deadline when the API hangs, and exits 0', async () => {
    stand = await startStand({ env: { SHUTDOWN_TIMEOUT: '300', CONEXXUS_TIMEOUT: '30000' } });
    await stand.simulator.setFaults([{ fault: { kind: 'hang' } }]);
    const worker = await stand.startWorker();
    await stand.enqueue(makeSales(2));
    await stand.simulator.waitFor({ inFlight: 2 });
    expect(await worker.stop()).toEqual({ code: 0, signal: null });
    expect(await stand.queue.getWaitingCount()).toBe(2);
    expect(await stand.queue.getJobs('waiting')).toMatchObject([{ attemptsMade: 0 }, { attemptsMade: 0 }]);
  }, 30_000);

  it('takes no job where it is disabled', async () => {
    stand = await startStand({ env: { CONEXXUS_ENABLED: 'false' } });
    const worker = await stand.startWorker();
    await stand.enqueue(makeSales(1));
    expect(worker.logs.some(({ msg }) => msg?.startsWith('disabled') === true)).toBe(true);
    expect(await worker.stop()).toEqual({ code: 0, signal: null });
    expect(await stand.queue.getWaitingCount()).toBe(1);
  }, 30_000);

  it('tells every problem of its environment at once, and exits 1 before it connects', async () => {
    stand = await startStand();
    const { REDIS_URL: _redis, ...env } = stand.env;
    const worker = startProcess('dist/worker.js', {
      ...env,
      CONEXXUS_API_URL: 'https://api.example.com',
      CONEXXUS_API_KEY: 'k3y-too',
      CIRCUIT_OPEN: 'soon',
    });
    expect(await worker.exited).toEqual({ code: 1, signal: null });
    expect(worker.stderr()).toContain('CONEXXUS_API_URL points to example domain');
    expect(worker.stderr()).toContain('CONEXXUS_API_KEY appears to be invalid (too short)');
    expect(worker.stderr()).toContain('CIRCUIT_OPEN');
  }, 30_000);
});
