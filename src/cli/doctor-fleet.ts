import type { Redis } from 'ioredis';
import type { Slices } from '../base/config/config.ts';
import { readBacklog } from '../sync/report/backlog.ts';
import { createFleet } from '../sync/report/fleet.ts';
import { differencesOf } from '../sync/report/fleet-options.ts';
import type { WorkerReport } from '../sync/report/worker-report.ts';
import { onlookerOptionsOf } from '../sync/settings.ts';
import type { Finding } from './finding.ts';

type Settings = Readonly<Partial<Slices>>;

/** The workers that are there: whether any takes jobs, whether they are configured alike, and who is benched. */
export async function examineWorkers(
  redis: Redis,
  { namespace, circuit, events }: Settings,
): Promise<Finding[]> {
  if (namespace === undefined || !circuit || !events) return [];
  const ownOptions = onlookerOptionsOf(circuit, events.backlogMax);
  const { report, workers } = await createFleet({ redis, namespace, ownOptions }).look();
  const crew =
    workers.length === 0 ? await judgeNone(redis, namespace) : judgeCrew(workers, report.isAnyoneAlive);
  return [{ about: 'Workers', ...crew }, ...findDifferences(workers), ...findBenched(workers)];
}

type Judgement = Omit<Finding, 'about'>;

/** Before the first start of an installation there is none, and nothing is wrong; once sales wait for one, it is. */
async function judgeNone(redis: Redis, namespace: string): Promise<Judgement> {
  const { waiting, active, delayed } = (await readBacklog(redis, namespace)).jobs;
  const jobs = waiting + active + delayed;
  const fix = 'start one with `npm run worker`';
  if (jobs === 0) return { ok: true, text: `none is there: ${fix}` };
  return { ok: false, text: `none is there, and ${jobs} ${jobs === 1 ? 'job waits' : 'jobs wait'}: ${fix}` };
}

function judgeCrew(workers: readonly WorkerReport[], isAnyoneAlive: boolean): Judgement {
  const names = workers.map(({ name }) => name).join(', ');
  return isAnyoneAlive
    ? { ok: true, text: names }
    : { ok: false, text: `${names}: none of them takes jobs, see their logs` };
}

function findDifferences(workers: readonly WorkerReport[]): Finding[] {
  return differencesOf(workers).map((difference) => ({
    about: 'Workers',
    ok: false,
    text: `differ in ${difference}: give all workers of a namespace the same settings`,
  }));
}

function findBenched(workers: readonly WorkerReport[]): Finding[] {
  return workers.flatMap(({ name, benched }) =>
    benched === null
      ? []
      : [
          {
            about: 'Workers',
            ok: false,
            text: `${name} is benched (${benched.cause}): look at its network, its key and its log`,
          },
        ],
  );
}

/** Settings of this environment that are valid each by itself and can't work together. */
export function examineTogether({ circuit, conexxus, worker, alerts }: Settings): Finding[] {
  if (!circuit || !conexxus) return [];
  const { slowCallMs, windowMs, successThreshold } = circuit;
  const found = [
    slowCallMs > 0 && slowCallMs >= conexxus.timeoutMs
      ? 'CIRCUIT_SLOW_CALL is at least CONEXXUS_TIMEOUT: no call is ever that slow, set it lower or to 0'
      : '',
    conexxus.timeoutMs > windowMs
      ? 'CONEXXUS_TIMEOUT is above CIRCUIT_WINDOW: calls that hang hardly count for the rate, set the window to twice the timeout'
      : '',
    worker && worker.fleetConcurrency > 0 && worker.fleetConcurrency < successThreshold
      ? 'FLEET_CONCURRENCY is below CIRCUIT_SUCCESS_THRESHOLD: a closed circuit would let fewer calls through than its trials'
      : '',
    alerts?.webhookSecret !== undefined && alerts.webhookUrl === undefined
      ? 'ALERT_WEBHOOK_SECRET is set and ALERT_WEBHOOK_URL is not: nobody is told of an outage'
      : '',
  ];
  return found.filter(Boolean).map((text) => ({ about: 'Configuration', ok: false, text }));
}
