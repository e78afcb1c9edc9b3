import { readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, describe, expect, it } from '@jest/globals';
import type { PrivateServer } from '../../scripts/services/service.ts';
import { startPrivatePostgres, startPrivateRedis } from '../../scripts/services.ts';
import { eventually } from '../support/eventually.ts';
import { type HealthPages, healthPages } from '../support/health-pages.ts';
import { type RunningProcess, startProcess } from '../support/process.ts';
import { makeSales } from '../support/sales.ts';
import { type FaultStand, startFaultStand } from './fault-stand.ts';
import { type OutboxStand, startOutboxStand } from './outbox-stand.ts';
import { itOnServer } from './postgres-server.ts';

const closings: (() => Promise<unknown>)[] = [];

afterEach(async () => {
  for (const close of closings.splice(0).toReversed()) await close();
});

/** Longer than a container takes to be called unhealthy, were it asked as often as this. */
const WATCHED_MS = 15_000;
const BETWEEN_PROBES_MS = 500;
const RETURN_MS = 40_000;
const latencyMs = expect.any(Number);
const isFailing = { status: expect.stringMatching(/^(failed|timeout)$/), latencyMs };
const isOk = { status: 'ok', latencyMs };

interface Probed extends HealthPages {
  readonly process: RunningProcess;
}

type Way = 'worker' | 'relay' | 'dashboard';
const PORTS = { worker: 'WORKER_HEALTH_PORT', relay: 'RELAY_HEALTH_PORT', dashboard: 'DASHBOARD_PORT' };

async function start(way: Way, env: Readonly<Record<string, string>>): Promise<Probed> {
  const pages = await healthPages();
  const process = startProcess(`dist/${way}.js`, { ...env, [PORTS[way]]: String(pages.port) });
  closings.push(() => process.stop());
  return { ...pages, process };
}

const untilReady = (probed: HealthPages, body: object) =>
  eventually(async () => {
    expect(await probed.ready()).toMatchObject({ status: 200, body: { ready: true, ...body } });
  }, RETURN_MS);

const untilDown = (probed: HealthPages, checks: object) =>
  eventually(async () => {
    expect(await probed.ready()).toMatchObject({
      status: 503,
      body: { ready: false, status: 'down', checks },
    });
  }, RETURN_MS);

/** Each is alive and not ready, every time that it is asked. */
async function watchOutage(all: readonly Probed[], endsAt: number): Promise<void> {
  while (performance.now() < endsAt) {
    for (const probed of all) {
      expect(await probed.live()).toEqual({ status: 200, body: { live: true } });
      expect(await probed.ready()).toMatchObject({ status: 503, body: { checks: { redis: isFailing } } });
    }
    await delay(BETWEEN_PROBES_MS);
  }
}

interface Outage {
  readonly stand: OutboxStand;
  readonly redis: PrivateServer;
  readonly postgres: PrivateServer;
}

async function startOwnServers(): Promise<Outage> {
  const redis = await startPrivateRedis();
  closings.push(() => redis.stop());
  const postgres = await startPrivatePostgres();
  closings.push(() => postgres.stop());
  const stand = await startOutboxStand({ redisUrl: redis.url, databaseUrl: postgres.url });
  closings.push(() => stand.close());
  return { stand, redis, postgres };
}

describe('health of processes', () => {
  itOnServer(
    '[93] Redis and Postgres away: alive all along, not ready, and well again by themselves',
    async () => {
      const { stand, redis, postgres } = await startOwnServers();
      const worker = await start('worker', stand.env);
      const relay = await start('relay', stand.env);
      const dashboard = await start('dashboard', stand.env);
      for (const probed of [worker, relay, dashboard]) await untilReady(probed, { status: 'ok' });

      await postgres.halt('fast');
      const withoutRows = { status: 'degraded', checks: { redis: isOk, postgres: isFailing } };
      await untilReady(worker, withoutRows);
      await untilReady(dashboard, withoutRows);
      await untilDown(relay, { redis: isOk, outbox: isFailing, postgres: isFailing });

      await redis.halt('fast');
      for (const probed of [worker, relay, dashboard]) {
        await untilDown(probed, { redis: isFailing, postgres: isFailing });
      }
      const outageEndsAt = performance.now() + WATCHED_MS;
      // One that is started meanwhile waits too.
      const late = await start('worker', stand.env);
      await untilDown(late, {
        redis: isFailing,
        worker: { status: 'failed', reason: 'it has not begun yet' },
      });
      const all = [worker, relay, dashboard, late];
      await watchOutage(all, outageEndsAt);

      await redis.start();
      await postgres.start();
      for (const probed of all) await untilReady(probed, { status: 'ok' });
      await stand.enqueue(makeSales(5));
      await stand.untilAtRest();
      for (const { process } of all) expect(await process.stop()).toEqual({ code: 0, signal: null });
    },
  );

  it('[93] a container is called unhealthy by its liveness alone', () => {
    const compose = readFileSync(new URL('../../docker-compose.yml', import.meta.url), 'utf8');
    expect(compose.match(/\/health\/\w+/g)).toEqual(Array(4).fill('/health/live'));
  });
});

describe('health of a worker', () => {
  async function aStand(): Promise<FaultStand> {
    const stand = await startFaultStand();
    closings.push(() => stand.close());
    return stand;
  }

  it('not alive where its consumer has ended by itself', async () => {
    const stand = await aStand();
    const pages = await healthPages();
    const worker = await stand.startWorker(
      { WORKER_HEALTH_PORT: String(pages.port), STUCK: 'end' },
      'test/faults/worker-that-is-stuck.ts',
    );
    await worker.waitForLog('the worker stopped pulling jobs');
    const reason = 'the consumer has ended by itself';
    await eventually(async () =>
      expect(await pages.live()).toEqual({ status: 503, body: { live: false, reason } }),
    );
  });

  it('disabled, it is alive and ready, and says that it takes no jobs', async () => {
    const stand = await aStand();
    const probed = await start('worker', { ...stand.env, CONEXXUS_ENABLED: 'false' });
    const worker = { status: 'degraded', reason: expect.stringMatching(/^disabled/) };
    await untilReady(probed, { status: 'degraded', checks: { worker } });
    expect((await probed.live()).status).toBe(200);
  });

  it('while it drains: alive, and not ready', async () => {
    const stand = await aStand();
    await stand.simulator.setFaults([{ fault: { kind: 'hang' } }]);
    const probed = await start('worker', {
      ...stand.env,
      SHUTDOWN_TIMEOUT: '3000',
      CONEXXUS_TIMEOUT: '30000',
    });
    await stand.enqueue(makeSales(1));
    await stand.simulator.waitFor({ inFlight: 1 });
    probed.process.signal('SIGTERM');
    await untilDown(probed, { worker: { status: 'failed', reason: expect.stringMatching(/told to stop/) } });
    expect((await probed.live()).status).toBe(200);
    expect(await probed.process.exited).toEqual({ code: 0, signal: null });
  });
});
