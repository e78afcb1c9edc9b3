import { afterEach, beforeEach, expect } from '@jest/globals';
import { eventStreamKey } from '../../src/events/event.ts';
import { readSchedules, setSchedule, writeNext } from '../../src/schedules/table.ts';
import { firstRun, type Schedule, storeTime } from '../../src/schedules/times.ts';
import { eventually } from '../support/eventually.ts';
import { type OutboxStand, startOutboxStand } from './outbox-stand.ts';
import { holdPostgresClock } from './postgres-clock.ts';
import { itOnServer } from './postgres-server.ts';

const RELAYS = 8;
const STEP_MS = 15 * 60_000;
const MINUTE = 30;
const CHICAGO = 'America/Chicago';
/** Its clocks go back from one o'clock to midnight, an hour before those of Chicago. */
const HAVANA = 'America/Havana';
const SCHEDULES: readonly Schedule[] = [
  { locationId: 'a', job: 'end_of_day', zone: CHICAGO, at: '01:30' },
  { locationId: 'a', job: 'fetch_inventory', zone: CHICAGO, at: null },
  { locationId: 'b', job: 'fetch_inventory', zone: CHICAGO, at: null },
  { locationId: 'h', job: 'end_of_day', zone: HAVANA, at: '00:30' },
];
const HOURLY = [
  '2026-10-31 23:30 -05:00',
  '2026-11-01 00:30 -05:00',
  '2026-11-01 01:30 -05:00',
  '2026-11-01 01:30 -06:00',
  '2026-11-01 02:30 -06:00',
];
/** Of the night in autumn: in Chicago it is one o'clock from 06:00 and again from 07:00. */
const utc = (time: string) => Date.parse(`2026-11-01T${time}:00Z`);
const BEGIN = utc('04:00');

let stand: OutboxStand;

beforeEach(async () => {
  stand = await startOutboxStand();
}, 120_000);
afterEach(() => stand.close());

const startRelay = () => stand.startRelay({}, 'test/faults/relay-that-looks-often.ts');

/** As they would have been set then; and from now on each run is written down as it is committed. */
async function setAll(): Promise<void> {
  await stand.database.write(async (tx) => {
    for (const schedule of SCHEDULES) {
      await setSchedule(tx, schedule, MINUTE);
      await writeNext(tx, schedule, firstRun(schedule, BEGIN, MINUTE));
    }
  });
  await stand.database.sql.unsafe(`
    create table runs (n int generated always as identity, store text, job text, zone text, at_ms float8);
    create function written_down() returns trigger language plpgsql as $$ begin
      insert into public.runs (store, job, zone, at_ms)
      values (old.location_id, old.job, old.zone, extract(epoch from old.next_run) * 1000);
      return null;
    end $$;
    create trigger written_down after update on schedules for each row execute function written_down()`);
}

async function runs(): Promise<Record<string, string[]>> {
  const rows = await stand.database.sql<{ store: string; job: string; zone: string; at_ms: number }[]>`
    select store, job, zone, at_ms from public.runs order by n`;
  const told = rows.map(({ store, job, zone, at_ms: atMs }) => ({
    schedule: `${store} ${job}`,
    time: storeTime({ atMs, date: null }, zone),
  }));
  const names = new Set(told.map(({ schedule }) => schedule));
  return Object.fromEntries(
    [...names].map((name) => [name, told.filter((run) => run.schedule === name).map(({ time }) => time)]),
  );
}

const untilNoneIsDue = () =>
  eventually(async () => {
    const due = await stand.database.sql`select from schedules, clock.hand where next_run <= clock.hand.at`;
    expect(due).toHaveLength(0);
  }, 60_000);

itOnServer(
  '[89] eight relays run each schedule once for each real hour and each date, with Redis wiped and relays killed and started in the hour that comes twice',
  async () => {
    const clock = await holdPostgresClock(stand.database.sql, BEGIN);
    await setAll();
    await stand.startWorkers(1);
    await Promise.all(Array.from({ length: RELAYS }, startRelay));
    for (let nowMs = BEGIN; nowMs <= utc('09:00'); nowMs += STEP_MS) {
      await clock.set(nowMs);
      // In the midst of the runs of the hour, whichever of them are whose.
      if (nowMs === utc('06:30')) stand.relays[0]?.signal('SIGKILL');
      if (nowMs === utc('07:30')) await stand.wipeRedis();
      await untilNoneIsDue();
      if (nowMs === utc('07:00')) await Promise.all([stand.relays[1]?.stop(), startRelay(), startRelay()]);
      // What Redis alone has of a day goes with it.
      await eventually(async () => expect(await stand.redis.xlen(eventStreamKey(stand.namespace))).toBe(0));
    }

    expect(await runs()).toEqual({
      'a fetch_inventory': HOURLY,
      'b fetch_inventory': HOURLY,
      'a end_of_day': ['2026-11-01 01:30 -05:00'],
      'h end_of_day': ['2026-11-01 00:30 -04:00'],
    });
    const next = await stand.database.read((tx) => readSchedules(tx, undefined));
    expect(next.map(({ schedule, next: run }) => storeTime(run, schedule.zone))).toEqual([
      '2026-11-02 01:30 -06:00',
      '2026-11-01 03:30 -06:00',
      '2026-11-01 03:30 -06:00',
      '2026-11-02 00:30 -05:00',
    ]);
    const days = await stand.database.sql`
      select aggregate_id as day from event_log where event_type = 'conexxus.schedule.end_of_day' order by 1`;
    expect(days.map(({ day }) => String(day))).toEqual([
      'end_of_day-a-2026-10-31',
      'end_of_day-h-2026-10-31',
    ]);
    // One relay may have done what it could not commit; its store was asked for once all the same.
    const catalogs = await stand.simulator.ledger({ path: '/api/v1/inventory/items' });
    expect(catalogs.length).toBeLessThanOrEqual(2 * HOURLY.length);
    expect(catalogs.length).toBeGreaterThan(0);
  },
);
