import type { Redis } from 'ioredis';
import { errorMessage } from '../../base/errors.ts';
import type { Logger } from '../../base/logger.ts';
import { readRegister } from '../../circuit/register.ts';
import { eventStreamKey } from '../../events/event.ts';
import { differencesOf } from '../report/fleet-options.ts';
import { workerReports } from '../report/worker-report.ts';
import type { GatePicture } from './gate-script.ts';

const CLOCK_SKEW_MAX_MS = 5_000;

/** What a look at the fleet gives reason to warn of: once when it begins, not at each look. */
export function createWarnings(
  redis: Redis,
  namespace: string,
  logger: Logger,
): (picture: GatePicture) => void {
  const warnOfSkew = skewWarner(logger);
  const warnOfDifference = differenceWarner(redis, namespace, logger);
  return ({ now, optionsDiffer }) => {
    warnOfSkew(now);
    warnOfDifference(optionsDiffer);
  };
}

/** BullMQ's delays use the process's clock, so a process far from Redis's runs delayed jobs at the wrong time. */
function skewWarner(logger: Logger): (redisNow: number) => void {
  let skewed = false;
  return (redisNow) => {
    const skewMs = Date.now() - redisNow;
    const isSkewed = Math.abs(skewMs) > CLOCK_SKEW_MAX_MS;
    if (isSkewed && !skewed) {
      logger.warn(
        { skewMs },
        "this machine's clock differs from Redis's: delayed jobs run at the wrong time",
      );
    }
    skewed = isSkewed;
  };
}

/** The circuit decides by each worker's own configuration: during a rollout they may differ, not for ever. */
function differenceWarner(redis: Redis, namespace: string, logger: Logger): (differ: boolean | null) => void {
  let differed = false;

  async function tell(): Promise<void> {
    const { workers } = await readRegister(redis, namespace, eventStreamKey(namespace));
    logger.warn(
      { differences: differencesOf(workerReports(workers, [])) },
      'the workers are configured differently',
    );
  }

  return (differ) => {
    if (differ === null) return;
    if (differ && !differed) {
      tell().catch((error: unknown) =>
        logger.warn({ error: errorMessage(error) }, 'could not compare workers'),
      );
    }
    differed = differ;
  };
}
