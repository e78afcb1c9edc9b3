import { afterEach, describe, expect, it } from '@jest/globals';
import { hasProgram, titleWith } from '../support/alert-rules.ts';
import { crashAt } from '../support/crash-points.ts';
import { eventually } from '../support/eventually.ts';
import { testRedisUrl } from '../support/redis.ts';
import { makeSales } from '../support/sales.ts';
import { startTcpProxy } from '../support/tcp-proxy.ts';
import {
  type AlertStand,
  expectAlerts,
  startAlertStand,
  untilTold,
  untilWell,
  valueOf,
} from './alert-stand.ts';
import { SALES_PATH } from './fault-stand.ts';

const WRONG_KEY = { CONEXXUS_API_KEY: 'revoked-key-0123456789' };

let stand: AlertStand;

afterEach(() => stand.close());

async function openings(): Promise<number> {
  const targets = await stand.look();
  const of = (cause: string) =>
    valueOf(targets, 'conexxus_sync_fleet_circuit_openings_total', { cause }) ?? 0;
  return of('streak') + of('rate');
}

(hasProgram('promtool') ? describe : describe.skip)(
  titleWith('promtool', 'alerts, by what real processes tell'),
  () => {
    it('Conexxus answers 503: the circuit is open', async () => {
      stand = await startAlertStand({ env: { CIRCUIT_OPEN: '60000', CIRCUIT_OPEN_MAX: '60000' } });
      await stand.watchDashboard();
      await stand.watchWorker();
      const well = await untilWell(stand);
      await stand.simulator.setMode(503);
      await stand.enqueue(makeSales(30));
      const fault = await untilTold(stand, (targets) =>
        expect(valueOf(targets, 'conexxus_sync_fleet_outage_seconds')).toBeGreaterThan(0),
      );
      await expectAlerts({ well, fault, minutes: 3, firing: { ConexxusSyncCircuitOpen: 1 } });
    });

    it('Conexxus comes and goes: the circuit flaps', async () => {
      stand = await startAlertStand({ env: { CIRCUIT_OPEN: '500', CIRCUIT_OPEN_MAX: '500' } });
      await stand.watchDashboard();
      await stand.watchWorker();
      const well = await untilWell(stand);
      for (let times = 1; times <= 4; times += 1) {
        await stand.simulator.setMode(503);
        await stand.enqueue(makeSales(10, `outage-${times}`));
        await eventually(async () => expect(await openings()).toBe(times), 30_000);
        await stand.simulator.setMode('ok');
        await stand.untilAtRest(30_000);
      }
      const fault = await untilTold(stand, (targets) => {
        expect(valueOf(targets, 'conexxus_sync_fleet_circuit_state', { state: 'closed' })).toBe(1);
        expect(valueOf(targets, 'conexxus_sync_fleet_outage_seconds')).toBe(0);
      });
      await expectAlerts({ well, fault, minutes: 3, firing: { ConexxusSyncCircuitFlaps: 1 } });
    });

    it('the key is revoked: the circuit is open, and it is no outage of Conexxus', async () => {
      stand = await startAlertStand({ env: { CIRCUIT_OPEN: '60000', CIRCUIT_OPEN_MAX: '60000' } });
      await stand.watchDashboard();
      await stand.watchWorker(WRONG_KEY);
      const well = await untilWell(stand);
      await stand.enqueue(makeSales(3));
      const fault = await untilTold(stand, (targets) =>
        expect(valueOf(targets, 'conexxus_sync_fleet_circuit_state', { state: 'open' })).toBe(1),
      );
      const firing = { ConexxusSyncCircuitOpen: 1, ConexxusSyncMisconfigured: 1 };
      await expectAlerts({ well, fault, minutes: 3, firing });
    });

    it('one worker of two has a stale key: it is benched', async () => {
      // It asks for itself after that time, and an API that checks no key at its health has it back.
      stand = await startAlertStand({ env: { CIRCUIT_OPEN: '60000', CIRCUIT_OPEN_MAX: '60000' } });
      await stand.watchDashboard();
      await stand.watchWorker();
      const sick = await stand.watchWorker(WRONG_KEY);
      const well = await untilWell(stand, { workers: 2 });
      let batch = 0;
      await eventually(async () => {
        batch += 1;
        // Until it draws one: more only once the other has delivered them all.
        if ((await stand.queue.getWaitingCount()) === 0) await stand.enqueue(makeSales(10, `batch-${batch}`));
        expect((await sick.scrape()).value('conexxus_sync_worker_benched')).toBe(1);
      }, 30_000);
      await stand.untilAtRest(60_000);
      const fault = await untilTold(stand, (targets) => {
        expect(valueOf(targets, 'conexxus_sync_fleet_workers', { state: 'benched' })).toBe(1);
        expect(valueOf(targets, 'conexxus_sync_fleet_jobs', { state: 'waiting' })).toBe(0);
      });
      await expectAlerts({ well, fault, minutes: 4, firing: { ConexxusSyncWorkerBenched: 1 } });
    });

    it('the last worker stops: nobody takes jobs, and its page does not answer', async () => {
      stand = await startAlertStand();
      await stand.watchDashboard();
      const worker = await stand.watchWorker();
      const well = await untilWell(stand);
      await worker.process.stop();
      const fault = await untilTold(stand, (targets) =>
        expect(valueOf(targets, 'conexxus_sync_fleet_workers', { state: 'alive' })).toBe(0),
      );
      const firing = { ConexxusSyncNoWorker: 1, ConexxusSyncTargetDown: 1 };
      await expectAlerts({ well, fault, minutes: 4, firing });
    });

    it('a worker dies with a job in its hands: another finds it', async () => {
      stand = await startAlertStand();
      await stand.watchDashboard();
      const [env, entry] = crashAt('before-call', { WORKER_CONCURRENCY: '1' });
      const dying = await stand.watchWorker(env, entry);
      await stand.watchWorker({ WORKER_CONCURRENCY: '1' });
      const well = await untilWell(stand, { workers: 2 });
      await stand.enqueue(makeSales(10));
      await dying.process.exited;
      await stand.untilAtRest(30_000);
      const fault = await untilTold(stand, (targets) => {
        expect(valueOf(targets, 'conexxus_sync_stalled_jobs_total')).toBe(1);
        expect(valueOf(targets, 'conexxus_sync_fleet_workers', { state: 'alive' })).toBe(1);
      });
      const firing = { ConexxusSyncJobsStalled: 1, ConexxusSyncTargetDown: 1 };
      await expectAlerts({ well, fault, minutes: 4, firing });
    });

    it('calls hang: nothing is delivered while jobs wait', async () => {
      stand = await startAlertStand({ env: { CONEXXUS_TIMEOUT: '60000' } });
      await stand.watchDashboard();
      await stand.watchWorker({ WORKER_CONCURRENCY: '2' });
      const well = await untilWell(stand);
      await stand.simulator.setFaults([{ match: { path: SALES_PATH }, fault: { kind: 'hang' } }]);
      await stand.enqueue(makeSales(6));
      const fault = await untilTold(stand, (targets) => {
        expect(valueOf(targets, 'conexxus_sync_worker_busy')).toBe(2);
        expect(valueOf(targets, 'conexxus_sync_fleet_jobs', { state: 'waiting' })).toBe(4);
      });
      await expectAlerts({ well, fault, minutes: 4, firing: { ConexxusSyncNothingCompletes: 1 } });
    });

    it('a person pauses the queue and forgets it: a sale waits, and later the pause itself is told', async () => {
      stand = await startAlertStand();
      await stand.watchDashboard();
      await stand.watchWorker();
      const well = await untilWell(stand);
      await stand.queue.pause();
      const [sale] = makeSales(1);
      await stand.queue.add('push_sales', sale, { jobId: 'old', timestamp: Date.now() - 1_200_000 });
      const fault = await untilTold(stand, (targets) => {
        expect(valueOf(targets, 'conexxus_sync_fleet_queue_paused', { reason: 'operator' })).toBe(1);
        expect(valueOf(targets, 'conexxus_sync_fleet_oldest_due_job_age_seconds')).toBeGreaterThan(1_000);
      });
      const firing = { ConexxusSyncSalesWait: 1 };
      const later = { fault, minutes: 60, firing: { ...firing, ConexxusSyncPausedByPerson: 1 } };
      await expectAlerts({ well, fault, minutes: 3, firing, afterwards: [later] });
    });

    it('Conexxus refuses a sale: dead letters grow', async () => {
      stand = await startAlertStand();
      await stand.watchDashboard();
      await stand.watchWorker();
      const well = await untilWell(stand);
      await stand.simulator.setFaults([
        { match: { path: SALES_PATH, times: 1 }, fault: { kind: 'status', status: 422 } },
      ]);
      await stand.enqueue(makeSales(1));
      const fault = await untilTold(stand, (targets) =>
        expect(valueOf(targets, 'conexxus_sync_fleet_dead_letters', { reason: 'rejected' })).toBe(1),
      );
      await expectAlerts({ well, fault, minutes: 4, firing: { ConexxusSyncDeadLettersGrow: 1 } });
    });

    it('the event loop of a worker lags', async () => {
      stand = await startAlertStand();
      await stand.watchDashboard();
      const worker = await stand.watchWorker({ BLOCK_MS: '400' }, 'test/faults/worker-that-blocks.ts');
      const well = await untilWell(stand);
      const lagging = await eventually(async () => {
        worker.process.signal('SIGUSR2');
        const told = await worker.scrape();
        const delay = told.value('conexxus_sync_event_loop_delay_seconds', { quantile: '0.99' });
        expect(delay).toBeGreaterThan(0.25);
        return told;
      }, 60_000);
      const fault = well.map((target) =>
        target.instance === worker.instance ? { ...target, scrape: lagging } : target,
      );
      await expectAlerts({ well, fault, minutes: 7, firing: { ConexxusSyncEventLoopDelay: 1 } });
    });

    it('the dashboard is gone', async () => {
      stand = await startAlertStand();
      const dashboard = await stand.watchDashboard();
      await stand.watchWorker();
      const well = await untilWell(stand);
      await dashboard.process.stop();
      const firing = { ConexxusSyncDashboardAbsent: 1, ConexxusSyncTargetDown: 1 };
      await expectAlerts({ well, fault: await stand.look(), minutes: 4, firing });
    });

    it('Redis is away: each process says so, and nothing is known of the fleet', async () => {
      const road = await startTcpProxy({ port: Number(new URL(testRedisUrl()).port) });
      stand = await startAlertStand();
      const through = { REDIS_URL: road.through(testRedisUrl()) };
      await stand.watchDashboard(through);
      await stand.watchWorker(through);
      const well = await untilWell(stand);
      await road.listen(false);
      road.reset();
      const fault = await untilTold(stand, (targets) => {
        for (const { scrape } of targets)
          expect(scrape?.value('conexxus_sync_up', { dependency: 'redis' })).toBe(0);
        expect(valueOf(targets, 'conexxus_sync_fleet_known', { part: 'jobs' })).toBe(0);
      });
      const firing = { ConexxusSyncRedisDown: 2, ConexxusSyncFleetUnknown: 5 };
      await expectAlerts({ well, fault, minutes: 4, firing });
      await road.listen(true);
      await Promise.all(stand.workers.map((worker) => worker.stop()));
      await road.stop();
    });
  },
);
