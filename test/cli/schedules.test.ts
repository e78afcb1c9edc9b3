import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { migrateDatabase } from '../../src/events/migrate.ts';
import { type FreshDatabase, freshDatabase, type OpenDatabase, openDatabase } from '../support/postgres.ts';
import { runCommand } from './command.ts';

let fresh: FreshDatabase;
let database: OpenDatabase;

beforeAll(async () => {
  fresh = await freshDatabase();
  database = openDatabase(fresh.url, 1);
});

afterAll(async () => {
  await database.close();
  await fresh.close();
});

const schedules = (args: readonly string[], env: NodeJS.ProcessEnv = {}) =>
  runCommand(['schedules', ...args], { DATABASE_URL: fresh.url, ...env });

describe('schedules', () => {
  it('say what to do where there is no table yet', async () => {
    const ended = await schedules(['list']);
    expect(ended).toMatchObject({ code: 1, err: expect.stringContaining('node dist/cli.js migrate') });
    await migrateDatabase(database);
    expect(await schedules(['list'])).toMatchObject({
      code: 0,
      out: expect.stringContaining('No schedules'),
    });
  });

  it('are set, listed with their next three runs by the clock of the store, and removed', async () => {
    const set = await schedules([
      'set',
      'end_of_day',
      '--location',
      'store-7',
      '--zone',
      'Asia/Kolkata',
      '--at',
      '04:00',
    ]);
    expect(set).toMatchObject({ code: 0, err: '' });
    await schedules(['set', 'fetch_inventory', '-l', 'store-7', '--minute', '17'], {
      SYNC_TIMEZONE: 'Asia/Kolkata',
    });

    const { out } = await schedules(['list']);
    const [head, endOfDay, fetching] = out.split('\n').map((line) => line.trim().split(/ {2,}/));
    expect(head).toEqual(['store', 'job', 'zone', 'when', 'next', 'then', 'then']);
    expect(endOfDay?.slice(0, 4)).toEqual(['store-7', 'end_of_day', 'Asia/Kolkata', 'daily 04:00']);
    expect(endOfDay?.slice(4)).toEqual(
      Array(3).fill(expect.stringMatching(/^\d{4}-\d\d-\d\d 04:00 \+05:30$/)),
    );
    // By the clock of a zone with half an hour.
    expect(fetching?.slice(4)).toEqual(Array(3).fill(expect.stringMatching(/:47 \+05:30$/)));

    const listed: { schedules: { next: string[] }[] } = JSON.parse((await schedules(['list', '--json'])).out);
    expect(listed.schedules.map(({ next }) => next.length)).toEqual([3, 3]);
    expect(Date.parse(listed.schedules[0]?.next[0] ?? '')).toBeGreaterThan(Date.now());

    expect(await schedules(['remove', 'end_of_day', '-l', 'store-7'])).toMatchObject({
      code: 0,
      out: 'Removed.\n',
    });
    expect(await schedules(['remove', 'end_of_day', '-l', 'store-7'])).toMatchObject({ code: 1 });
  });

  it('are of LOCATION_ID, and by the environment, where nothing else is said', async () => {
    const { out } = await schedules(['set', 'end_of_day'], { LOCATION_ID: 'own', EOD_SYNC_TIME: '22:15' });
    expect(out).toMatch(/own +end_of_day +UTC +daily 22:15/);
  });

  it.each([
    [['set', 'end_of_day', '--zone', 'America/Chigaco'], 'America/Chicago'],
    [['set', 'end_of_day', '--at', '24:00'], '23:30'],
    [['set', 'end_of_day', '--minute', '5'], '--minute is for fetch_inventory'],
    [['set', 'fetch_inventory', '--at', '04:00'], '--at is for end_of_day'],
    [['set', 'fetch_inventory', '--minute', '60'], '0 to 59'],
    [['set', 'push_sales'], 'fetch_inventory'],
  ])('refuse %p', async (args, text) => {
    const { code, err } = await schedules(args);
    expect(code).toBe(1);
    expect(err).toContain(text);
  });

  it('refuse a zone of the environment by name, with near ones', async () => {
    const { code, err } = await schedules(['set', 'end_of_day'], { SYNC_TIMEZONE: 'Chicago' });
    expect(code).toBe(1);
    expect(err).toContain('SYNC_TIMEZONE is no time zone: "Chicago"; did you mean America/Chicago');
  });
});
