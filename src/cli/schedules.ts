import { createHash } from 'node:crypto';
import { Argument, type Command, InvalidArgumentError } from 'commander';
import { loadConfig, secretsOf } from '../base/config/config.ts';
import { isClockTime } from '../base/config/formats.ts';
import { connectDatabase, type Transaction } from '../base/database.ts';
import { ConexxusSyncError } from '../base/errors.ts';
import { sqlStateOf } from '../base/postgres-errors.ts';
import { createRedactor } from '../base/redaction.ts';
import { zoneProblem } from '../base/zones.ts';
import { type Planned, readSchedules, removeSchedule, setSchedule } from '../schedules/table.ts';
import { nextRuns, SCHEDULED_JOBS, type ScheduledJob, storeTime } from '../schedules/times.ts';
import { notEmpty, UsageError } from './options.ts';
import { write } from './output.ts';
import { reasonOf } from './reason.ts';
import { oneLine, table } from './table.ts';

interface SetOptions {
  readonly location?: string;
  readonly zone?: string;
  readonly at?: string;
  readonly minute?: number;
}

/** Postgres is away, or has no such table. */
class SchedulesAwayError extends ConexxusSyncError {
  readonly code = 'SCHEDULES_AWAY';
  override readonly isClean = true;
}

const NO_SUCH_TABLE = '42P01';
const RUNS_SHOWN = 3;
const LOCATION = ['-l, --location <id>', 'of this store (default: LOCATION_ID)', notEmpty] as const;

const redact = createRedactor(secretsOf());

export function registerSchedules(program: Command): void {
  const group = program
    .command('schedules')
    .description('what is done for the stores by the clock: list, set, remove');
  group
    .command('list')
    .description("show them with their next runs, by the store's own clock")
    .option('-l, --location <id>', 'of this store alone', notEmpty)
    .option('--json', 'as JSON')
    .action(list);
  group
    .command('set')
    .description('fetch_inventory: every hour; end_of_day: log the books of the day, once a day')
    .addArgument(jobArgument())
    .option(...LOCATION)
    .option('--zone <name>', "the store's zone, like America/Chicago (default: SYNC_TIMEZONE)", zone)
    .option(
      '--at <time>',
      'end_of_day: HH:MM by its clock, before noon for the day before (default: EOD_SYNC_TIME)',
      clockTime,
    )
    .option('--minute <n>', 'fetch_inventory: in the hour (default: another one for each store)', minute)
    .action(set);
  group
    .command('remove')
    .description('do it no more; exits 1 where there was none')
    .addArgument(jobArgument())
    .option(...LOCATION)
    .action(remove);
}

function jobArgument(): Argument {
  return new Argument('<job>', 'what is done').choices(SCHEDULED_JOBS);
}

function zone(name: string): string {
  const problem = zoneProblem(name);
  if (problem !== undefined) throw new InvalidArgumentError(`It ${problem}`);
  return name;
}

function clockTime(value: string): string {
  if (!isClockTime(value)) throw new InvalidArgumentError('It is no time of day like 23:30.');
  return value;
}

function minute(value: string): number {
  if (!/^[1-5]?\d$/.test(value)) throw new InvalidArgumentError('It is no minute from 0 to 59.');
  return Number(value);
}

async function list({ location, json }: { location?: string; json?: true }): Promise<void> {
  const { databaseUrl } = loadConfig('migrate');
  const planned = await withTable(databaseUrl, 'read', (tx) => readSchedules(tx, location));
  await write(json ? `${redact(JSON.stringify({ schedules: planned.map(recordOf) }))}\n` : render(planned));
}

async function set(job: ScheduledJob, options: SetOptions): Promise<void> {
  const { databaseUrl, locationId, schedules } = loadConfig('schedules');
  const daily = job === 'end_of_day';
  if (daily && options.minute !== undefined) throw new UsageError('--minute is for fetch_inventory');
  if (!daily && options.at !== undefined) throw new UsageError('--at is for end_of_day');
  const schedule = {
    locationId: options.location ?? locationId,
    job,
    zone: options.zone ?? schedules.zone,
    at: daily ? (options.at ?? schedules.endOfDay) : null,
  };
  const inHour = options.minute ?? minuteOf(schedule.locationId);
  await write(render([await withTable(databaseUrl, 'write', (tx) => setSchedule(tx, schedule, inHour))]));
}

async function remove(job: ScheduledJob, { location }: { location?: string }): Promise<void> {
  const { databaseUrl, locationId } = loadConfig('schedules');
  const store = location ?? locationId;
  const removed = await withTable(databaseUrl, 'write', (tx) => removeSchedule(tx, store, job));
  const text = removed ? 'Removed.' : `${oneLine(store)} has no schedule for ${job}.`;
  await write(`${redact(text)}\n`);
  if (!removed) process.exitCode = 1;
}

/** Always the same for a store, and another for another: a chain must not fetch all catalogs in one minute. */
function minuteOf(locationId: string): number {
  return createHash('sha256').update(locationId).digest().readUInt32BE() % 60;
}

function render(planned: readonly Planned[]): string {
  if (planned.length === 0) return 'No schedules. `schedules set` makes one.\n';
  const rows = planned.map(({ schedule, next }) => [
    oneLine(schedule.locationId),
    schedule.job,
    schedule.zone,
    schedule.at === null ? 'hourly' : `daily ${schedule.at}`,
    ...nextRuns(schedule, next, RUNS_SHOWN).map((run) => storeTime(run, schedule.zone)),
  ]);
  const head = ['store', 'job', 'zone', 'when', 'next', 'then', 'then'];
  return `${redact(table([head, ...rows]).join('\n'))}\n`;
}

/** For scripts. */
function recordOf({ schedule, next }: Planned): object {
  const runs = nextRuns(schedule, next, RUNS_SHOWN);
  return { ...schedule, next: runs.map(({ atMs }) => new Date(atMs).toISOString()) };
}

async function withTable<Result>(
  url: string,
  how: 'read' | 'write',
  work: (tx: Transaction) => Promise<Result>,
): Promise<Result> {
  const database = connectDatabase(url, { max: 1 });
  try {
    return await database[how](work);
  } catch (error) {
    if (error instanceof ConexxusSyncError) throw error;
    const fix =
      sqlStateOf(error) === NO_SUCH_TABLE ? 'run `node dist/cli.js migrate`' : 'is Postgres at DATABASE_URL?';
    throw new SchedulesAwayError(`The schedules cannot be used (${reasonOf(error)}): ${fix}`, {
      cause: error,
    });
  } finally {
    await database.close();
  }
}
