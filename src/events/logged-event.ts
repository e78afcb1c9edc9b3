import { type SQL, sql } from 'drizzle-orm';
import type { EventPayload } from './event.ts';

/** A row of the log, for whoever shows it. */
export interface LoggedEvent {
  readonly id: string;
  readonly type: string;
  /** The job id; for circuit events `circuit`. */
  readonly jobId: string;
  readonly locationId: string | null;
  readonly at: Date;
  readonly payload: EventPayload;
  readonly transactionIds: readonly string[];
}

/** As the columns below come. */
export type LoggedRow = Omit<LoggedEvent, 'at'> & { readonly at: string } & Record<string, unknown>;

/** Those of `event_log`, or of what was selected from it. */
export const LOGGED_COLUMNS: SQL = sql`id, event_type as "type", aggregate_id as "jobId", location_id as "locationId",
  "timestamp" as at, payload, transaction_ids as "transactionIds"`;

export function loggedEvent({
  id,
  type,
  jobId,
  locationId,
  at,
  payload,
  transactionIds,
}: LoggedRow): LoggedEvent {
  return { id, type, jobId, locationId, at: new Date(at), payload, transactionIds };
}
