import { expect } from '@jest/globals';
import { freePort } from '../../scripts/services/machine.ts';
import { differencesIn, type Target } from '../support/alert-rules.ts';
import { eventually } from '../support/eventually.ts';
import { type RunningProcess, startProcess } from '../support/process.ts';
import { type Scrape, scrape } from '../support/prometheus.ts';
import type { StandOptions } from '../support/stand.ts';
import { type OutboxStand, startOutboxStand } from './outbox-stand.ts';

export const VIEWER = { user: 'prometheus', password: 'only: scrapes' };

/** A process that Prometheus scrapes. */
export interface Watched {
  readonly process: RunningProcess;
  readonly instance: string;
  /** @throws where it does not answer */
  scrape(): Promise<Scrape>;
}

/** A stand that Prometheus watches. */
export interface AlertStand extends OutboxStand {
  watchDashboard(env?: Readonly<Record<string, string>>): Promise<Watched>;
  watchWorker(env?: Readonly<Record<string, string>>, entry?: string): Promise<Watched>;
  watchRelay(env?: Readonly<Record<string, string>>): Promise<Watched>;
  /** What all that are watched tell now, as Prometheus gets it; but not how busy the machine is that runs the tests. */
  look(): Promise<Target[]>;
}

/** Longer than any rule waits. */
const WELL_MINUTES = 65;

export async function startAlertStand(options: StandOptions = {}): Promise<AlertStand> {
  const stand = await startOutboxStand(options);
  const watched: (Watched & { readonly job: string })[] = [];
  const dashboards: RunningProcess[] = [];

  function watch(job: string, process: RunningProcess, port: number): Watched {
    const login = job.endsWith('dashboard') ? VIEWER : undefined;
    const url = `http://127.0.0.1:${port}/metrics`;
    const one = { job, process, instance: `127.0.0.1:${port}`, scrape: () => scrape(url, login) };
    watched.push(one);
    return one;
  }

  return {
    ...stand,
    async watchDashboard(env = {}) {
      const dashboard = startProcess('dist/dashboard.js', {
        ...stand.env,
        DASHBOARD_PORT: '0',
        DASHBOARD_USER: 'olga',
        DASHBOARD_PASSWORD: 'opens & closes',
        DASHBOARD_VIEWER_USER: VIEWER.user,
        DASHBOARD_VIEWER_PASSWORD: VIEWER.password,
        ...env,
      });
      dashboards.push(dashboard);
      const { port } = await dashboard.waitForLog('dashboard is up', 60_000);
      return watch('conexxus-sync-dashboard', dashboard, Number(port));
    },
    async watchWorker(env = {}, entry = 'dist/worker.js') {
      const port = await freePort();
      const worker = await stand.startWorker({ WORKER_HEALTH_PORT: String(port), ...env }, entry);
      return watch('conexxus-sync-workers', worker, port);
    },
    async watchRelay(env = {}) {
      const port = await freePort();
      const relay = await stand.startRelay({ RELAY_HEALTH_PORT: String(port), ...env });
      return watch('conexxus-sync-relays', relay, port);
    },
    look: () =>
      Promise.all(
        watched.map(async ({ job, instance, ...one }) => {
          const told = await one.scrape().catch(() => undefined);
          return { job, instance, scrape: told && withoutDelay(told) };
        }),
      ),
    async close() {
      await Promise.all(dashboards.map((dashboard) => dashboard.stop()));
      await stand.close();
    },
  };
}

const DELAY = 'conexxus_sync_event_loop_delay_seconds';

function withoutDelay(told: Scrape): Scrape {
  return { ...told, families: told.families.filter(({ name }) => name !== DELAY) };
}

/** Of the process that tells it; fails where none or several do. */
export function valueOf(
  targets: readonly Target[],
  name: string,
  labels: Readonly<Record<string, string>> = {},
): number | undefined {
  const values = targets
    .map((target) => target.scrape?.value(name, labels))
    .filter((one) => one !== undefined);
  expect(values.length).toBeLessThan(2);
  return values[0];
}

/** What all tell once `isSo`. */
export async function untilTold(
  stand: AlertStand,
  isSo: (targets: readonly Target[]) => void,
): Promise<Target[]> {
  return eventually(async () => {
    const targets = await stand.look();
    isSo(targets);
    return targets;
  }, 60_000);
}

/** What all tell once everybody is there and nothing is wrong. */
export async function untilWell(stand: AlertStand, { workers = 1, relays = 0 } = {}): Promise<Target[]> {
  return untilTold(stand, (targets) => {
    expect(targets.filter((target) => target.scrape === undefined)).toEqual([]);
    for (const { scrape: told } of targets)
      expect(told?.series('conexxus_sync_up')).toEqual({ redis: 1, postgres: 1 });
    for (const part of ['circuit', 'jobs', 'dead_letters', 'events', 'outbox'])
      expect(valueOf(targets, 'conexxus_sync_fleet_known', { part })).toBe(1);
    expect(valueOf(targets, 'conexxus_sync_fleet_workers', { state: 'alive' })).toBe(workers);
    if (relays > 0) expect(valueOf(targets, 'conexxus_sync_fleet_outbox_held')).toBe(0);
  });
}

interface Course {
  readonly well: readonly Target[];
  readonly fault: readonly Target[];
  readonly minutes: number;
  /** How many of each alert; no other may fire. */
  readonly firing: Readonly<Record<string, number>>;
  /** What fires in this installation all the time. */
  readonly always?: Readonly<Record<string, number>>;
  /** What follows on the fault. */
  readonly afterwards?: readonly Pick<Course, 'fault' | 'minutes' | 'firing'>[];
}

/** Has promtool say that these alerts, and no others, fire where the scrapes stay as they are for so long. */
export async function expectAlerts({ well, always = {}, afterwards = [], ...first }: Course): Promise<void> {
  const phases = [
    { minutes: WELL_MINUTES, targets: well, firing: always },
    ...[first, ...afterwards].map(({ fault, minutes, firing }) => ({
      minutes,
      targets: fault,
      firing: { ...always, ...firing },
    })),
  ];
  expect(await differencesIn([{ phases }])).toBe('');
}
