import type { Redis } from 'ioredis';
import { errorMessage } from '../../base/errors.ts';
import { tell } from '../../base/happenings.ts';
import { readRegister } from '../../circuit/register.ts';
import { eventStreamKey } from '../../events/event.ts';
import { differencesOf } from '../report/fleet-options.ts';
import { workerReports } from '../report/worker-report.ts';
import type { GatePicture } from './gate-script.ts';

const CLOCK_SKEW_MAX_MS = 5_000;

/** What a look at the fleet gives reason to warn of: once when it begins, not at each look. */
export function createWarnings(redis: Redis, namespace: string): (picture: GatePicture) => void {
  const warnOfSkew = skewWarner();
  const warnOfDifference = differenceWarner(redis, namespace);
  return ({ now, optionsDiffer }) => {
    warnOfSkew(now);
    warnOfDifference(optionsDiffer);
  };
}

/** BullMQ's delays use the process's clock, so a process far from Redis's runs delayed jobs at the wrong time. */
function skewWarner(): (redisNow: number) => void {
  let skewed = false;
  return (redisNow) => {
    const skewMs = Date.now() - redisNow;
    const isSkewed = Math.abs(skewMs) > CLOCK_SKEW_MAX_MS;
    if (isSkewed && !skewed) tell('clock-differs', { skewMs });
    skewed = isSkewed;
  };
}

/** The circuit decides by each worker's own configuration: during a rollout they may differ, not for ever. */
function differenceWarner(redis: Redis, namespace: string): (differ: boolean | null) => void {
  let differed = false;

  async function compare(): Promise<void> {
    const { workers } = await readRegister(redis, namespace, eventStreamKey(namespace));
    tell('workers-differ', { differences: differencesOf(workerReports(workers, [])) });
  }

  return (differ) => {
    if (differ === null) return;
    if (differ && !differed) {
      compare().catch((error: unknown) => tell('workers-not-compared', { error: errorMessage(error) }));
    }
    differed = differ;
  };
}
