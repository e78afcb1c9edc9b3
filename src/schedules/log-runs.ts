import type { Logger } from '../base/logger.ts';
import type { RunnerDeps } from './runner.ts';

/** What a process logs of its runs; a failure that lasts is told once. */
export function logRuns(logger: Logger): Pick<RunnerDeps, 'onRun' | 'onFailure'> {
  const told = new Map<string, string>();
  return {
    onRun({ job, locationId }, { date }) {
      told.clear();
      logger.info({ job, location: locationId, date }, 'schedule run');
    },
    onFailure(reason, schedule) {
      const name = schedule === undefined ? '' : `${schedule.job} ${schedule.locationId}`;
      if (told.get(name) === reason) return;
      told.set(name, reason);
      if (schedule === undefined) {
        logger.warn({ reason }, 'the schedules cannot be read; trying again');
      } else {
        const { job, locationId } = schedule;
        logger.error({ job, location: locationId, reason }, 'a schedule could not be run; trying again');
      }
    },
  };
}
