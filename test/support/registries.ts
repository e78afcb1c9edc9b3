import { pino } from 'pino';
import { tell } from '../../src/base/happenings.ts';
import { connectRedis } from '../../src/base/redis.ts';
import { createFleetMetrics } from '../../src/ops/metrics/fleet-metrics.ts';
import { createIntakeMetrics } from '../../src/ops/metrics/intake-metrics.ts';
import type { Metrics } from '../../src/ops/metrics/process-metrics.ts';
import { createRelayMetrics } from '../../src/ops/metrics/relay-metrics.ts';
import { createWorkerMetrics } from '../../src/ops/metrics/worker-metrics.ts';
import { writeReport } from '../../src/outbox/counts.ts';
import { createFleet } from '../../src/sync/report/fleet.ts';
import { createWorkerSelf } from '../../src/sync/worker-self.ts';
import { OPTIONS } from '../circuit/harness.ts';
import { testRedisUrl, uniqueNamespace } from './redis.ts';

/** Kinds of processes that tell metrics. */
export const PROCESSES = ['worker', 'relay', 'intake', 'dashboard'] as const;
export type MetricsProcess = (typeof PROCESSES)[number];

const yes = async () => true;
const dependencies = { redis: yes, postgres: yes };
const NO_SALES = { waiting: 0, enqueued: 0, dead: 0, apart: 0, oldestAt: null };

/** What each kind of process tells at `/metrics` while all is well: every series that it can have. */
export async function metricsWhileWell(): Promise<Record<MetricsProcess, string>> {
  const worker = createWorkerMetrics({ self: createWorkerSelf('w', '0', 1), dependencies });
  const relay = createRelayMetrics({ isWell: () => true, dependencies });
  tell('gate-followed', { state: 'closed', pausedBy: [], concurrency: 0, standing: 'full' });
  return {
    worker: await textOf(worker),
    relay: await textOf(relay),
    intake: await textOf(createIntakeMetrics({ dependencies })),
    dashboard: await dashboardText(),
  };
}

/** Over an empty queue, with an outbox. */
async function dashboardText(): Promise<string> {
  const redis = connectRedis(testRedisUrl(), 'patient', () => undefined);
  const namespace = uniqueNamespace();
  const ownOptions = { circuit: OPTIONS, eventBacklogMax: 100, fleetConcurrency: 0, rampStepMs: 0 };
  const fleet = createFleet({ redis, namespace, ownOptions });
  const relay = { name: 'pos-1', workingMs: 0, held: null, untaken: 0, now: 0 };
  await writeReport(redis, namespace, { relay, total: NO_SALES, stores: new Map() }, true);
  const logger = pino({ level: 'silent' });
  const text = await textOf(createFleetMetrics({ redis, namespace, fleet, dependencies, logger }));
  redis.disconnect();
  return text;
}

async function textOf(metrics: Metrics): Promise<string> {
  const text = await metrics.text();
  metrics.stop();
  return text;
}
