import type { Database } from '../base/database.ts';
import type { Spool } from '../events/spool.ts';
import { type Books, readBooks } from '../outbox/books.ts';
import { businessDate, type Run, type Schedule } from './times.ts';

export interface EndOfDayDeps {
  /** Of the POS. */
  readonly outbox: Pick<Database, 'read'>;
  readonly spool: Pick<Spool, 'append'>;
}

/** None of them is told, but without one a kind is not counted. */
const NAMED = 1;

/** Writes the books of the store's business date into the event log, once for each date. */
export function endOfDayWith({ outbox, spool }: EndOfDayDeps) {
  return async ({ locationId, at }: Schedule, run: Run): Promise<void> => {
    if (run.date === null || at === null) throw new Error('the end of a day has no date');
    const date = businessDate(run.date, at);
    const books = await outbox.read((tx) => readBooks(tx, { date, locationId }, NAMED));
    await spool.append({
      dedupeKey: `schedule:end_of_day:${locationId}:${date}`,
      type: 'conexxus.schedule.end_of_day',
      aggregateId: `end_of_day-${locationId}-${date}`,
      locationId,
      payload: { date, ...summaryOf(books) },
    });
  };
}

function summaryOf({ total, unplaced, problems }: Books): object {
  return { books: total, unplaced, problems: problems.map(({ state, count }) => ({ state, count })) };
}
