import { afterEach, describe, expect, it } from '@jest/globals';
import { writeReport } from '../../../src/outbox/counts.ts';
import { eventually } from '../../support/eventually.ts';
import { startProcess } from '../../support/process.ts';
import { type Scrape, scrape } from '../../support/prometheus.ts';
import { testRedisUrl } from '../../support/redis.ts';
import { makeSales } from '../../support/sales.ts';
import { type Stand, startStand } from '../../support/stand.ts';
import { startTcpProxy } from '../../support/tcp-proxy.ts';

const VIEWER = { user: 'prometheus', password: 'only: scrapes' };
const PARTS = ['circuit', 'jobs', 'dead_letters', 'events', 'outbox'];
const ALL_KNOWN = Object.fromEntries(PARTS.map((part) => [part, 1]));

let stand: Stand;
let stop: () => Promise<unknown>;

afterEach(async () => {
  await stop();
  await stand.close();
});

/** A dashboard with a login, and what its metrics say. */
async function startDashboard(env: Readonly<Record<string, string>> = {}): Promise<() => Promise<Scrape>> {
  const dashboard = startProcess('dist/dashboard.js', {
    ...stand.env,
    DASHBOARD_PORT: '0',
    DASHBOARD_USER: 'olga',
    DASHBOARD_PASSWORD: 'opens & closes',
    DASHBOARD_VIEWER_USER: VIEWER.user,
    DASHBOARD_VIEWER_PASSWORD: VIEWER.password,
    ...env,
  });
  stop = () => dashboard.stop();
  const { port } = await dashboard.waitForLog('dashboard is up', 30_000);
  const look = () => scrape(`http://127.0.0.1:${String(port)}/metrics`, VIEWER);
  await eventually(async () => expect((await look()).series('conexxus_sync_fleet_known')).toEqual(ALL_KNOWN));
  return look;
}

describe('the metrics of the fleet', () => {
  it('count what is in the queue, by state, and how long the oldest waits', async () => {
    stand = await startStand();
    const look = await startDashboard();
    await stand.queue.add('push_sales', {}, { jobId: 'old', timestamp: Date.now() - 90_000 });
    await stand.enqueue(makeSales(3));
    await stand.queue.add('push_sales', {}, { jobId: 'later', delay: 3_600_000 });
    // What was read is kept for a second.
    const seen = await eventually(async () => {
      const now = await look();
      expect(now.series('conexxus_sync_fleet_jobs')).toEqual({
        waiting: 4,
        active: 0,
        delayed: 1,
        completed: 0,
        failed: 0,
      });
      return now;
    });
    const age = seen.value('conexxus_sync_fleet_oldest_due_job_age_seconds') ?? 0;
    expect(age).toBeGreaterThanOrEqual(90);
    expect(age).toBeLessThan(120);
    expect(seen.series('conexxus_sync_fleet_known')).toEqual(ALL_KNOWN);
    expect(seen.series('conexxus_sync_fleet_workers')).toEqual({ alive: 0, benched: 0, idle: 0 });
    // Without an outbox there are no such sales, which is not 0.
    expect(seen.series('conexxus_sync_fleet_outbox_sales')).toEqual({});
  }, 30_000);

  it('tell of an outage: state, openings by cause, dead letters by what they died of', async () => {
    stand = await startStand({ env: { CIRCUIT_OPEN: '60000', CIRCUIT_OPEN_MAX: '60000' } });
    const look = await startDashboard();
    expect((await look()).series('conexxus_sync_fleet_circuit_openings_total')).toEqual({
      streak: 0,
      rate: 0,
      rejecting: 0,
      misconfigured: 0,
      'trial-failed': 0,
      'health-failed': 0,
      other: 0,
    });
    await stand.startWorkers(2, { EVENT_BACKLOG_MAX: '7000' });
    await stand.queue.add('push_sales', { date: '2026-02-30' }, { jobId: 'bad' });
    await eventually(async () => expect(await stand.queue.getFailedCount()).toBe(1));
    await stand.simulator.setMode(503);
    await stand.enqueue(makeSales(30));
    const seen = await eventually(async () => {
      const now = await look();
      expect(now.series('conexxus_sync_fleet_circuit_state')).toEqual({ closed: 0, open: 1, 'half-open': 0 });
      expect(now.value('conexxus_sync_fleet_event_backlog')).toBe(0);
      // Not the dashboard's own.
      expect(now.value('conexxus_sync_fleet_event_backlog_limit')).toBe(7_000);
      return now;
    });
    expect(seen.value('conexxus_sync_fleet_circuit_openings_total', { cause: 'streak' })).toBe(1);
    expect(seen.value('conexxus_sync_fleet_queue_paused', { reason: 'open' })).toBe(1);
    expect(seen.value('conexxus_sync_fleet_outage_seconds')).toBeGreaterThan(0);
    // The one that failed first may have been benched before the circuit opened.
    const { alive = 0, benched = 0 } = seen.series('conexxus_sync_fleet_workers');
    expect(alive + benched).toBe(2);
    expect(seen.series('conexxus_sync_fleet_dead_letters')).toEqual({
      rejected: 0,
      invalid_data: 1,
      forbidden: 0,
      not_found: 0,
      transient: 0,
      crashed: 0,
      other: 0,
      older: 0,
    });
    expect(JSON.stringify(seen.families)).not.toMatch(/simulator|ps-[0-9a-f]{8}|postgres:\/\//);
  }, 60_000);

  it('tell what waits for Postgres, and of the outbox what its relay counted', async () => {
    stand = await startStand();
    const look = await startDashboard();
    await stand.redis.xadd(`{${stand.namespace}}:events`, '*', 'event', '{}');
    const report = {
      relay: { name: 'pos-1', workingMs: 60_000, held: 'restored', untaken: 1, now: 5_000 },
      total: { waiting: 2, enqueued: 3, dead: 4, apart: 5, oldestAt: 3_500 },
      stores: new Map(),
    };
    await writeReport(stand.redis, stand.namespace, report, true);
    const seen = await eventually(async () => {
      const now = await look();
      expect(now.value('conexxus_sync_fleet_event_backlog')).toBe(1);
      return now;
    });
    expect(seen.value('conexxus_sync_fleet_event_backlog_age_seconds')).toBeGreaterThan(0);
    expect(seen.series('conexxus_sync_fleet_outbox_sales')).toEqual({
      untaken: 1,
      waiting: 2,
      enqueued: 3,
      dead: 4,
      apart: 5,
    });
    expect(seen.value('conexxus_sync_fleet_outbox_oldest_age_seconds')).toBe(1.5);
    expect(seen.value('conexxus_sync_fleet_outbox_held')).toBe(1);
    expect(seen.value('conexxus_sync_fleet_outbox_counted_age_seconds')).toBeLessThan(30);
  }, 30_000);

  it('are those that are known while Redis is away, whether it says so or not', async () => {
    const proxy = await startTcpProxy({ port: Number(new URL(testRedisUrl()).port) });
    stand = await startStand();
    const look = await startDashboard({ REDIS_URL: proxy.through(testRedisUrl()) });
    const isAway = async () => {
      const startedAt = performance.now();
      const seen = await look();
      expect(performance.now() - startedAt).toBeLessThan(10_000);
      expect(seen.series('conexxus_sync_up')).toEqual({ redis: 0, postgres: 1 });
      expect(seen.series('conexxus_sync_fleet_known')).toEqual(
        Object.fromEntries(PARTS.map((part) => [part, 0])),
      );
      expect(seen.series('conexxus_sync_fleet_jobs')).toEqual({});
    };
    proxy.blackHole();
    await eventually(isAway);
    await proxy.listen(false);
    proxy.reset();
    await eventually(isAway);
    proxy.heal();
    await proxy.listen(true);
    await eventually(async () =>
      expect((await look()).value('conexxus_sync_fleet_jobs', { state: 'waiting' })).toBe(0),
    );
    await stop();
    await proxy.stop();
  }, 60_000);
});
