import { readFileSync } from 'node:fs';
import { afterAll, describe, expect, it } from '@jest/globals';
import type { Redis } from 'ioredis';
import { pino } from 'pino';
import { connectRedis } from '../src/base/redis.ts';
import { createFleetMetrics } from '../src/ops/metrics/fleet-metrics.ts';
import { createIntakeMetrics } from '../src/ops/metrics/intake-metrics.ts';
import type { Metrics } from '../src/ops/metrics/process-metrics.ts';
import { createRelayMetrics } from '../src/ops/metrics/relay-metrics.ts';
import { createWorkerMetrics } from '../src/ops/metrics/worker-metrics.ts';
import { createFleet } from '../src/sync/report/fleet.ts';
import { createWorkerSelf } from '../src/sync/worker-self.ts';
import { OPTIONS } from './circuit/harness.ts';
import { parseScrape } from './support/prometheus.ts';
import { testRedisUrl, uniqueNamespace } from './support/redis.ts';

const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8');
const PROCESSES = ['worker', 'relay', 'intake', 'dashboard'];

let redis: Redis | undefined;

afterAll(() => redis?.disconnect());

/** Name, type, labels and process of each line. */
function documented(): string[] {
  const rows = readme.matchAll(/^\| `((?:conexxus_sync|process)_\w+)` \| (\w+) \| ([\w, ]*)\| (\w+) \|/gm);
  return [...rows].flatMap(([, name, type, labels = '', of = '']) =>
    (of === 'all' ? PROCESSES : [of]).map((process) => `${process} ${name} ${type} ${labels.trim()}`),
  );
}

const yes = async () => true;
const dependencies = { redis: yes, postgres: yes };

function metricsOf(process: string): Metrics {
  if (process === 'worker') return createWorkerMetrics({ self: createWorkerSelf('w', '0', 1), dependencies });
  if (process === 'intake') return createIntakeMetrics({ dependencies });
  if (process === 'relay') return createRelayMetrics({ isWell: () => true, dependencies });
  redis = connectRedis(testRedisUrl(), 'patient', () => undefined);
  const namespace = uniqueNamespace();
  const ownOptions = { circuit: OPTIONS, eventBacklogMax: 1, fleetConcurrency: 0, rampStepMs: 0 };
  const fleet = createFleet({ redis, namespace, ownOptions });
  return createFleetMetrics({ redis, namespace, fleet, dependencies, logger: pino({ level: 'silent' }) });
}

/** As the process itself tells them. */
async function told(process: string): Promise<string[]> {
  const metrics = metricsOf(process);
  const text = await metrics.text();
  metrics.stop();
  const labelsOf = [...text.matchAll(/^(\w+)\{(.*)\} /gm)].map(
    ([, name = '', inner = '']) => [name, [...inner.matchAll(/(\w+)="/g)].map(([, label]) => label)] as const,
  );
  return parseScrape(text).families.map(({ name, type }) => {
    const own = labelsOf
      .filter(([of]) => of === name || of === `${name}_count`)
      .flatMap(([, labels]) => labels);
    return `${process} ${name} ${type} ${[...new Set(own)].join(', ')}`;
  });
}

describe('the table of the metrics in the README', () => {
  it('has every metric of every process with its type and labels, and no other', async () => {
    const all = (await Promise.all(PROCESSES.map(told))).flat();
    // Known only where a worker, or a relay, was there before.
    const later: Readonly<Record<string, string>> = {
      conexxus_sync_circuit_state: 'state',
      conexxus_sync_queue_paused: 'reason',
      conexxus_sync_fleet_outbox_sales: 'state',
    };
    const lines = all.map((line) => {
      const [, name = ''] = line.split(' ');
      return line.endsWith(' ') && later[name] !== undefined ? `${line}${later[name]}` : line;
    });
    expect(lines.toSorted()).toEqual(documented().toSorted());
  });
});
