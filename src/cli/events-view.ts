import type { LoggedEvent } from '../events/logged-event.ts';
import { eventWords, shortType } from '../sync/report/event-words.ts';
import { instant } from '../sync/report/time-words.ts';
import { cut, oneLine } from './table.ts';

/** Of the longest of our own. */
const TYPE_WIDTH = 'sync.succeeded.fetch_inventory'.length;
const LOCATION_WIDTH = 10;
const JOB_WIDTH = 12;
const SYNC_KEY = /^ps-[0-9a-f]{64}$/;

/** A row in a line: when, what, where, which job, why. `columns`: of the terminal, infinite where it is none. */
export function renderEvent({ at, type, locationId, jobId, payload }: LoggedEvent, columns: number): string {
  const job = Number.isFinite(columns) && SYNC_KEY.test(jobId) ? `${jobId.slice(0, JOB_WIDTH - 1)}…` : jobId;
  const cells = [
    instant(at.getTime()),
    oneLine(shortType(type)).padEnd(TYPE_WIDTH),
    oneLine(locationId ?? '-').padEnd(LOCATION_WIDTH),
    oneLine(job).padEnd(JOB_WIDTH),
    oneLine(eventWords(type, payload)),
  ];
  return cut(cells.join('  ').trimEnd(), columns);
}
