import { afterEach, describe, expect, it } from '@jest/globals';
import type { Sql } from 'postgres';
import { eventStreamKey } from '../../src/events/event.ts';
import { hasProgram, titleWith } from '../support/alert-rules.ts';
import { aSale, ringUp } from '../support/outbox.ts';
import { makeSales } from '../support/sales.ts';
import { startTcpProxy, type TcpProxy } from '../support/tcp-proxy.ts';
import {
  type AlertStand,
  expectAlerts,
  startAlertStand,
  untilTold,
  untilWell,
  valueOf,
} from './alert-stand.ts';

let stand: AlertStand;

afterEach(() => stand.close());

async function roadToPostgres(): Promise<TcpProxy> {
  return startTcpProxy({ port: Number(new URL(stand.databaseUrl).port) });
}

async function closeRoad(road: TcpProxy): Promise<void> {
  await road.listen(false);
  road.reset();
}

async function openRoad(road: TcpProxy): Promise<void> {
  await road.listen(true);
  await Promise.all([...stand.workers, ...stand.relays].map((process) => process.stop()));
  await road.stop();
}

/** As a till did it that long ago. */
async function rangUp(till: Sql, id: string, minutesAgo: number): Promise<void> {
  await till.begin(async (tx) => {
    await ringUp(tx, aSale(id));
    await tx`update conexxus.outbox set created_at = now() - make_interval(mins => ${minutesAgo})`;
  });
}

(hasProgram('promtool') ? describe : describe.skip)(
  titleWith('promtool', 'alerts over Postgres and the outbox, by what real processes tell'),
  () => {
    it('Postgres is away: its rows wait, half as many as there may be, then nearly all', async () => {
      stand = await startAlertStand({ env: { EVENT_BACKLOG_MAX: '40' } });
      const road = await roadToPostgres();
      const through = { DATABASE_URL: road.through(stand.databaseUrl) };
      await stand.watchDashboard(through);
      await stand.watchWorker(through);
      const well = await untilWell(stand);
      await closeRoad(road);
      const backlogAfter = async (sales: number, rows: number) => {
        await stand.enqueue(makeSales(sales, `until-${rows}`));
        return untilTold(stand, (targets) => {
          for (const { scrape } of targets)
            expect(scrape?.value('conexxus_sync_up', { dependency: 'postgres' })).toBe(0);
          expect(valueOf(targets, 'conexxus_sync_fleet_jobs', { state: 'active' })).toBe(0);
          expect(valueOf(targets, 'conexxus_sync_fleet_jobs', { state: 'waiting' })).toBe(0);
          expect(valueOf(targets, 'conexxus_sync_fleet_event_backlog')).toBeGreaterThanOrEqual(rows);
        });
      };
      const half = await backlogAfter(24, 24);
      const nearlyFull = await backlogAfter(14, 38);
      const firing = { ConexxusSyncPostgresDown: 2, ConexxusSyncEventBacklogHalf: 1 };
      await expectAlerts({
        well,
        fault: half,
        minutes: 4,
        firing,
        afterwards: [
          { fault: nearlyFull, minutes: 1, firing: { ...firing, ConexxusSyncEventBacklogNearlyFull: 1 } },
        ],
      });
      await openRoad(road);
    });

    it('no worker writes the rows of what people did', async () => {
      stand = await startAlertStand();
      await stand.watchDashboard();
      const well = await untilWell(stand, { workers: 0 });
      await stand.redis.xadd(eventStreamKey(stand.namespace), `${Date.now() - 400_000}-0`, 'event', '{}');
      const fault = await untilTold(stand, (targets) =>
        expect(valueOf(targets, 'conexxus_sync_fleet_event_backlog_age_seconds')).toBeGreaterThan(300),
      );
      const always = { ConexxusSyncNoWorker: 1 };
      await expectAlerts({ well, fault, minutes: 3, firing: { ConexxusSyncEventLogBehind: 1 }, always });
    });

    it('an event can never be a row', async () => {
      stand = await startAlertStand();
      await stand.watchDashboard();
      await stand.watchWorker();
      const well = await untilWell(stand);
      await stand.redis.xadd(eventStreamKey(stand.namespace), '*', 'event', '{}');
      const fault = await untilTold(stand, (targets) =>
        expect(valueOf(targets, 'conexxus_sync_fleet_events_set_apart')).toBe(1),
      );
      await expectAlerts({ well, fault, minutes: 3, firing: { ConexxusSyncEventSetApart: 1 } });
    });

    it('the only relay is killed: silent, also after a day, when its counts are forgotten', async () => {
      stand = await startAlertStand();
      await stand.watchDashboard();
      await stand.watchWorker();
      const relay = await stand.watchRelay();
      const well = await untilWell(stand, { relays: 1 });
      relay.process.signal('SIGKILL');
      await relay.process.exited;
      // Two minutes pass, then the day for which they are kept.
      const counts = `{${stand.namespace}}:outbox:counts`;
      await stand.redis.pexpire(counts, 86_400_000 - 120_000);
      const fault = await untilTold(stand, (targets) =>
        expect(valueOf(targets, 'conexxus_sync_fleet_outbox_counted_age_seconds')).toBeGreaterThan(60),
      );
      await stand.redis.del(counts);
      const forgotten = await untilTold(stand, (targets) =>
        expect(valueOf(targets, 'conexxus_sync_fleet_outbox_counted_age_seconds')).toBeUndefined(),
      );
      const firing = { ConexxusSyncRelaySilent: 1, ConexxusSyncTargetDown: 1 };
      const afterwards = [{ fault: forgotten, minutes: 600, firing }];
      await expectAlerts({ well, fault, minutes: 4, firing, afterwards });
    });

    it('the database of the POS was restored: the relays are held, and a sale waits in the outbox', async () => {
      stand = await startAlertStand();
      await stand.watchDashboard();
      await stand.watchWorker();
      await stand.watchRelay();
      const well = await untilWell(stand, { relays: 1 });
      await stand.till`update conexxus.relay set held = 'restored'`;
      await rangUp(stand.till, 'T-1', 20);
      const fault = await untilTold(stand, (targets) => {
        expect(valueOf(targets, 'conexxus_sync_fleet_outbox_held')).toBe(1);
        expect(valueOf(targets, 'conexxus_sync_fleet_outbox_oldest_age_seconds')).toBeGreaterThan(1_000);
      });
      const firing = { ConexxusSyncRelayHeld: 1, ConexxusSyncOutboxWaits: 1 };
      await expectAlerts({ well, fault, minutes: 3, firing });
    });

    it('a till writes what cannot be sent: it is set apart', async () => {
      stand = await startAlertStand();
      await stand.watchDashboard();
      await stand.watchWorker();
      await stand.watchRelay();
      const well = await untilWell(stand, { relays: 1 });
      await ringUp(stand.till, { date: 'none' });
      const fault = await untilTold(stand, (targets) =>
        expect(valueOf(targets, 'conexxus_sync_fleet_outbox_sales', { state: 'apart' })).toBe(1),
      );
      await expectAlerts({ well, fault, minutes: 3, firing: { ConexxusSyncSalesSetApart: 1 } });
    });

    it('the database of the POS is away for the relay: it is not well', async () => {
      stand = await startAlertStand();
      const road = await roadToPostgres();
      await stand.watchDashboard();
      await stand.watchWorker();
      await stand.watchRelay({ OUTBOX_DATABASE_URL: road.through(stand.databaseUrl) });
      const well = await untilWell(stand, { relays: 1 });
      await closeRoad(road);
      const fault = await untilTold(stand, (targets) =>
        expect(valueOf(targets, 'conexxus_sync_relay_well')).toBe(0),
      );
      const firing = { ConexxusSyncRelayNotWell: 1, ConexxusSyncPostgresDown: 1 };
      await expectAlerts({ well, fault, minutes: 4, firing });
      await openRoad(road);
    });
  },
);
