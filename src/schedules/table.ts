import { sql } from 'drizzle-orm';
import type { Transaction } from '../base/database.ts';
import { firstRun, type Run, SCHEDULED_JOBS, type Schedule, type ScheduledJob } from './times.ts';

export interface Planned {
  readonly schedule: Schedule;
  readonly next: Run;
}

interface Row extends Record<string, unknown> {
  readonly locationId: string;
  readonly job: string;
  readonly zone: string;
  readonly at: string | null;
  readonly date: string | null;
  readonly atMs: number;
  readonly nowMs: number;
}

const COLUMNS = sql`location_id as "locationId", job, zone, at, next_date::text as date,
  floor(extract(epoch from next_run) * 1000)::float8 as "atMs", floor(extract(epoch from now()) * 1000)::float8 as "nowMs"`;

/** By store and job. */
export async function readSchedules(tx: Transaction, locationId: string | undefined): Promise<Planned[]> {
  const ofStore = locationId === undefined ? sql`` : sql`where location_id = ${locationId}`;
  const rows = await tx.execute<Row>(sql`
    select ${COLUMNS} from schedules ${ofStore} order by location_id, job`);
  return [...rows].flatMap((row) => plannedOf(row) ?? []);
}

/** A row of a version that knows more jobs is nobody's here. */
function plannedOf({ locationId, job, zone, at, date, atMs }: Row): Planned | undefined {
  const known = SCHEDULED_JOBS.find((name) => name === job);
  return known && { schedule: { locationId, job: known, zone, at }, next: { atMs, date } };
}

/** New, or in the place of the one that the store has. `minute`: in the hour, of an hourly one. */
export async function setSchedule(tx: Transaction, schedule: Schedule, minute: number): Promise<Planned> {
  const [clock] = await tx.execute<{ nowMs: number }>(
    sql`select floor(extract(epoch from now()) * 1000)::float8 as "nowMs"`,
  );
  const next = firstRun(schedule, clock?.nowMs ?? Date.now(), minute);
  const { locationId, job, zone, at } = schedule;
  await tx.execute(sql`
    insert into schedules (location_id, job, zone, at, next_date, next_run)
    values (${locationId}, ${job}, ${zone}, ${at}, ${next.date}::date, to_timestamp(${next.atMs}::float8 / 1000))
    on conflict (location_id, job) do update set
      zone = excluded.zone, at = excluded.at, next_date = excluded.next_date, next_run = excluded.next_run`);
  return { schedule, next };
}

/** Whether there was one. */
export async function removeSchedule(
  tx: Transaction,
  locationId: string,
  job: ScheduledJob,
): Promise<boolean> {
  const removed = await tx.execute(sql`
    delete from schedules where location_id = ${locationId} and job = ${job} returning 1`);
  return removed.length > 0;
}

export interface Due extends Planned {
  readonly nowMs: number;
}

/**
 * One that is due, for as long as the transaction lasts: whoever asks meanwhile is given another.
 * `nowMs`: instead of the time of Postgres. `skipped`: stores and jobs that failed, as `nameOf` has them.
 */
export async function claimDue(
  tx: Transaction,
  jobs: readonly ScheduledJob[],
  skipped: ReadonlySet<string>,
  nowMs?: number,
): Promise<Due | undefined> {
  const now = nowMs === undefined ? sql`now()` : sql`to_timestamp(${nowMs}::float8 / 1000)`;
  const [row] = await tx.execute<Row>(sql`
    select ${COLUMNS} from schedules
    where next_run <= ${now} and job in (select json_array_elements_text(${JSON.stringify(jobs)}::text::json))
      and job || ' ' || location_id not in (select json_array_elements_text(${JSON.stringify([...skipped])}::text::json))
    order by next_run limit 1 for update skip locked`);
  const planned = row && plannedOf(row);
  return planned && { ...planned, nowMs: nowMs ?? row.nowMs };
}

export function nameOf({ job, locationId }: Schedule): string {
  return `${job} ${locationId}`;
}

export async function writeNext(tx: Transaction, { locationId, job }: Schedule, next: Run): Promise<void> {
  await tx.execute(sql`
    update schedules set next_date = ${next.date}::date, next_run = to_timestamp(${next.atMs}::float8 / 1000)
    where location_id = ${locationId} and job = ${job}`);
}
