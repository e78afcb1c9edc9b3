import { afterEach, describe, expect, it } from '@jest/globals';
import { freePort } from '../../../scripts/services/machine.ts';
import { eventually } from '../../support/eventually.ts';
import { type Scrape, scrape } from '../../support/prometheus.ts';
import { testRedisUrl } from '../../support/redis.ts';
import { makeSales } from '../../support/sales.ts';
import { type Stand, startStand } from '../../support/stand.ts';
import { startTcpProxy } from '../../support/tcp-proxy.ts';

let stand: Stand;

afterEach(() => stand.close());

/** A worker, and what its metrics say. */
async function startWorker(env: Readonly<Record<string, string>> = {}): Promise<() => Promise<Scrape>> {
  const port = await freePort();
  await stand.startWorker({ WORKER_HEALTH_PORT: String(port), ...env });
  return () => scrape(`http://127.0.0.1:${port}/metrics`);
}

const ATTEMPTS = 'conexxus_sync_attempts_total';
const CALLS = 'conexxus_sync_call_duration_seconds_count';
const ROWS = 'conexxus_sync_event_rows_written_total';
const attempts = (seen: Scrape, outcome: string) =>
  seen.value(ATTEMPTS, { operation: 'push_sales', outcome });

describe("a worker's metrics", () => {
  it('are all there before the first sale, at 0', async () => {
    stand = await startStand();
    const look = await startWorker();
    const seen = await eventually(async () => {
      const now = await look();
      expect(now.series('conexxus_sync_circuit_state')).toEqual({ closed: 1, open: 0, 'half-open': 0 });
      // The circuit's own, that it was made.
      expect(now.value(ROWS)).toBe(1);
      return now;
    });
    expect(Object.keys(seen.series(ATTEMPTS))).toHaveLength(3 * 11);
    const counters = seen.families.filter(
      ({ name, type }) => type === 'counter' && !name.startsWith('process_'),
    );
    const counted = counters.flatMap(({ samples }) => samples).filter(({ value }) => value !== 0);
    expect(counted.map(({ name }) => name)).toEqual([ROWS]);
    expect(seen.series('conexxus_sync_queue_paused')).toEqual({
      open: 0,
      health: 0,
      hold: 0,
      cooldown: 0,
      events: 0,
      operator: 0,
    });
    expect(seen.series('conexxus_sync_up')).toEqual({ redis: 1, postgres: 1 });
    expect(seen.value('conexxus_sync_worker_slots')).toBe(10);
    expect(seen.value('conexxus_sync_worker_busy')).toBe(0);
    expect(seen.value('conexxus_sync_worker_benched')).toBe(0);
  });

  it('count each attempt by what came of it, and name no store and no job of another client', async () => {
    stand = await startStand();
    await stand.simulator.setFaults([{ match: { times: 1 }, fault: { kind: 'status', status: 500 } }]);
    const look = await startWorker();
    await stand.enqueue(makeSales(5));
    await stand.queue.add('canary_job', { locationId: 'canary-store' }, { jobId: 'canary-id' });
    const seen = await eventually(async () => {
      const now = await look();
      expect(attempts(now, 'delivered')).toBe(5);
      expect(
        now.value('conexxus_sync_dead_lettered_total', { operation: 'other', outcome: 'rejected' }),
      ).toBe(1);
      expect(now.value(ROWS)).toBeGreaterThanOrEqual(7);
      return now;
    });
    expect(attempts(seen, 'transient')).toBe(1);
    expect(seen.value(CALLS, { operation: 'push_sales', delivered: 'yes' })).toBe(5);
    expect(seen.value(CALLS, { operation: 'push_sales', delivered: 'no' })).toBe(1);
    const labels = seen.families.flatMap(({ samples }) =>
      samples.map((sample) => Object.values(sample.labels)),
    );
    expect(JSON.stringify(labels)).not.toMatch(/canary|store-|ps-/);
  }, 30_000);

  it('tell of the circuit what its gate learns, trials among it', async () => {
    stand = await startStand({ env: { CIRCUIT_OPEN: '1000', CIRCUIT_OPEN_MAX: '1000' } });
    await stand.simulator.setMode(503);
    const look = await startWorker();
    await stand.enqueue(makeSales(12));
    await eventually(async () => {
      const now = await look();
      expect(now.value('conexxus_sync_circuit_state', { state: 'open' })).toBe(1);
      expect(now.value('conexxus_sync_queue_paused', { reason: 'open' })).toBe(1);
      expect(now.value('conexxus_sync_concurrency_limit')).toBe(2);
    });
    await stand.simulator.setMode('ok');
    const seen = await eventually(async () => {
      const now = await look();
      expect(now.value('conexxus_sync_circuit_state', { state: 'closed' })).toBe(1);
      expect(now.value('conexxus_sync_concurrency_limit')).toBe(0);
      expect(attempts(now, 'delivered')).toBe(12);
      return now;
    }, 20_000);
    expect(seen.value('conexxus_sync_trials_total', { outcome: 'delivered' })).toBeGreaterThanOrEqual(2);
    expect(seen.value('conexxus_sync_health_calls_total', { answer: 'ok' })).toBe(1);
  }, 40_000);

  it('tell that Postgres is away, also where no row waits to be written', async () => {
    stand = await startStand();
    const proxy = await startTcpProxy({ port: Number(new URL(stand.databaseUrl).port) });
    const look = await startWorker({ DATABASE_URL: proxy.through(stand.databaseUrl) });
    const tells = (postgres: number) =>
      eventually(async () =>
        expect((await look()).series('conexxus_sync_up')).toEqual({ redis: 1, postgres }),
      );
    await tells(1);
    await eventually(async () => expect((await look()).value(ROWS)).toBe(1));
    await proxy.listen(false);
    proxy.reset();
    await tells(0);
    await stand.enqueue(makeSales(1));
    await eventually(async () =>
      expect((await look()).value('conexxus_sync_event_write_failures_total')).toBeGreaterThan(0),
    );
    await tells(0);
    await proxy.listen(true);
    await tells(1);
    await Promise.all(stand.workers.map((worker) => worker.stop()));
    await proxy.stop();
  }, 60_000);

  it('are answered while Redis is away and does not even say so', async () => {
    const proxy = await startTcpProxy({ port: Number(new URL(testRedisUrl()).port) });
    stand = await startStand();
    const look = await startWorker({ REDIS_URL: proxy.through(testRedisUrl()) });
    proxy.blackHole();
    const startedAt = performance.now();
    const seen = await look();
    expect(performance.now() - startedAt).toBeLessThan(10_000);
    expect(seen.series('conexxus_sync_up')).toEqual({ redis: 0, postgres: 1 });
    expect(attempts(seen, 'delivered')).toBe(0);
    proxy.heal();
    proxy.reset();
    await eventually(async () =>
      expect((await look()).series('conexxus_sync_up')).toEqual({ redis: 1, postgres: 1 }),
    );
    await Promise.all(stand.workers.map((worker) => worker.stop()));
    await proxy.stop();
  }, 60_000);
});
