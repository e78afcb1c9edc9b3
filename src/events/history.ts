import { desc, eq } from 'drizzle-orm';
import type { Database } from '../base/database.ts';
import type { EventPayload } from './event.ts';
import { eventLog } from './schema.ts';

export interface PastEvent {
  readonly type: string;
  readonly at: Date;
  readonly payload: EventPayload;
}

const NEWEST = 200;

/** What the log knows of a job, oldest first; at most its newest 200 rows. */
export async function readHistory(database: Pick<Database, 'read'>, jobId: string): Promise<PastEvent[]> {
  const rows = await database.read((tx) =>
    tx
      .select({ type: eventLog.eventType, at: eventLog.timestamp, payload: eventLog.payload })
      .from(eventLog)
      .where(eq(eventLog.aggregateId, jobId))
      .orderBy(desc(eventLog.timestamp))
      .limit(NEWEST),
  );
  return rows.toReversed();
}
