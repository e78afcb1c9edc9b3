import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { migrateDatabase } from '../../src/events/migrate.ts';
import { runDue, type Work } from '../../src/schedules/runner.ts';
import { readSchedules, setSchedule, writeNext } from '../../src/schedules/table.ts';
import { firstRun, type Schedule, storeTime } from '../../src/schedules/times.ts';
import { type FreshDatabase, freshDatabase, type OpenDatabase, openDatabase } from '../support/postgres.ts';

const CHICAGO = 'America/Chicago';
const MINUTE_MS = 60_000;
const PROCESSES = 8;
const hourly: Schedule = { locationId: 'a', job: 'fetch_inventory', zone: CHICAGO, at: null };
const daily: Schedule = { locationId: 'a', job: 'end_of_day', zone: CHICAGO, at: '01:30' };

let fresh: FreshDatabase;
let databases: OpenDatabase[];

beforeAll(async () => {
  fresh = await freshDatabase();
  databases = Array.from({ length: fresh.embedded ? 1 : PROCESSES }, () => openDatabase(fresh.url, 1));
  await migrateDatabase(first());
});

afterEach(async () => {
  await first().sql`truncate schedules`;
});

afterAll(async () => {
  await Promise.all(databases.map((database) => database.close()));
  await fresh.close();
});

function first(): OpenDatabase {
  const [database] = databases;
  if (database === undefined) throw new Error('there is no database');
  return database;
}

/** As it would have been set at that time. */
async function setAt(schedule: Schedule, nowMs: number): Promise<void> {
  await first().write(async (tx) => {
    await setSchedule(tx, schedule, 30);
    await writeNext(tx, schedule, firstRun(schedule, nowMs, 30));
  });
}

/** All processes look at once, every quarter of an hour; what they ran, by the store's clock. */
async function watched(from: string, to: string): Promise<string[]> {
  const ran: string[] = [];
  const work: Work = { fetch_inventory: () => Promise.resolve(), end_of_day: () => Promise.resolve() };
  const failures: string[] = [];
  for (let nowMs = Date.parse(from); nowMs <= Date.parse(to); nowMs += 15 * MINUTE_MS) {
    await Promise.all(
      databases.map((database) =>
        runDue(
          {
            database,
            work,
            onRun: ({ job }, run) => ran.push(`${job} ${storeTime(run, CHICAGO)}`),
            onFailure: (reason) => failures.push(reason),
          },
          nowMs,
        ),
      ),
    );
  }
  expect(failures).toEqual([]);
  return ran;
}

describe('schedules, with eight processes at once', () => {
  it('[89] run once for each real hour and each date on the night in autumn', async () => {
    const begin = Date.parse('2026-11-01T05:00:00Z');
    await setAt(hourly, begin);
    await setAt(daily, begin);
    expect(await watched('2026-11-01T05:00:00Z', '2026-11-01T09:00:00Z')).toEqual(
      [
        'fetch_inventory 2026-11-01 00:30 -05:00',
        ...['fetch_inventory 2026-11-01 01:30 -05:00', 'end_of_day 2026-11-01 01:30 -05:00'].toSorted(),
        'fetch_inventory 2026-11-01 01:30 -06:00',
        'fetch_inventory 2026-11-01 02:30 -06:00',
      ].map((line) => expect.stringMatching(new RegExp(line.replace(/^\S+/, '\\S+')))),
    );
    const planned = await first().read((tx) => readSchedules(tx, undefined));
    expect(planned.map(({ schedule, next }) => [schedule.job, storeTime(next, CHICAGO)])).toEqual([
      ['end_of_day', '2026-11-02 01:30 -06:00'],
      ['fetch_inventory', '2026-11-01 03:30 -06:00'],
    ]);
  }, 60_000);

  it('[89] run once for each real hour and each date on the night in spring', async () => {
    const begin = Date.parse('2026-03-08T07:00:00Z');
    const missing = { ...daily, at: '02:30' };
    await setAt(hourly, begin);
    await setAt(missing, begin);
    const ran = await watched('2026-03-08T07:00:00Z', '2026-03-08T10:00:00Z');
    expect(ran.toSorted()).toEqual([
      'end_of_day 2026-03-08 03:30 -05:00',
      'fetch_inventory 2026-03-08 01:30 -06:00',
      'fetch_inventory 2026-03-08 03:30 -05:00',
      'fetch_inventory 2026-03-08 04:30 -05:00',
    ]);
  }, 60_000);
});

describe('a schedule', () => {
  it('that nobody ran for days: one catalog, and each of the days', async () => {
    await setAt(hourly, Date.parse('2026-06-01T12:00:00Z'));
    await setAt(daily, Date.parse('2026-06-01T12:00:00Z'));
    const ran = await watched('2026-06-04T12:00:00Z', '2026-06-04T12:00:00Z');
    expect(ran.toSorted()).toEqual([
      'end_of_day 2026-06-02 01:30 -05:00',
      'end_of_day 2026-06-03 01:30 -05:00',
      'end_of_day 2026-06-04 01:30 -05:00',
      'fetch_inventory 2026-06-01 07:30 -05:00',
    ]);
  });

  it('that fails stays due, and keeps no other from its run', async () => {
    const nowMs = Date.parse('2026-06-01T12:45:00Z');
    for (const locationId of ['a', 'b', 'c']) await setAt({ ...hourly, locationId }, nowMs - 60 * MINUTE_MS);
    const ran: string[] = [];
    const failures: unknown[] = [];
    let broken = true;
    const deps = {
      database: first(),
      work: {
        fetch_inventory: ({ locationId }: Schedule) =>
          broken && locationId === 'a' ? Promise.reject(new Error('Redis is away')) : Promise.resolve(),
      },
      onRun: ({ locationId }: Schedule) => ran.push(locationId),
      onFailure: (reason: string, schedule: Schedule | undefined) =>
        failures.push([schedule?.locationId, reason]),
    };
    expect(await runDue(deps, nowMs)).toBe(2);
    expect(ran.toSorted()).toEqual(['b', 'c']);
    expect(failures).toEqual([['a', 'Redis is away']]);
    broken = false;
    expect(await runDue(deps, nowMs)).toBe(1);
    expect(ran.at(-1)).toBe('a');
    expect(await runDue(deps, nowMs)).toBe(0);
  });

  it('of a job that this process cannot do is left to others', async () => {
    await setAt(daily, Date.parse('2026-06-01T00:00:00Z'));
    const never = () => undefined;
    const deps = { database: first(), work: {}, onRun: never, onFailure: never };
    expect(await runDue(deps, Date.parse('2026-06-02T00:00:00Z'))).toBe(0);
  });
});
