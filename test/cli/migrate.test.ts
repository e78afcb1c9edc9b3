import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { GRANTS } from '../../src/outbox/grants.ts';
import { checkOutboxSchema } from '../../src/outbox/migrate.ts';
import { type FreshDatabase, freshDatabase, type OpenDatabase, openDatabase } from '../support/postgres.ts';
import { runCommand } from './command.ts';

let fresh: FreshDatabase;
let database: OpenDatabase;

beforeAll(async () => {
  fresh = await freshDatabase();
  database = openDatabase(fresh.url, 1);
});

afterEach(async () => {
  await database.sql`drop view if exists public.conexxus_sales`;
  await database.sql`drop function if exists public.conexxus_enqueue(text, jsonb)`;
  await database.sql`drop schema if exists conexxus cascade`;
});

afterAll(async () => {
  await database.close();
  await fresh.close();
});

const hasEventLog = async () => {
  const [row] = await database.sql`select to_regclass('event_log') is not null as there`;
  return row?.['there'];
};

describe('migrate --outbox', () => {
  it('makes the outbox alone, and prints the rights as SQL', async () => {
    const { code, out, err } = await runCommand(['migrate', '--outbox'], { OUTBOX_DATABASE_URL: fresh.url });
    expect({ code, err }).toEqual({ code: 0, err: '' });
    expect(out).toMatch(/^Applied \d+ migrations?\.\n/);
    expect(await checkOutboxSchema(database)).toMatchObject({ kind: 'current' });
    expect(await hasEventLog()).toBe(false);
    const printed = out.split('\n').filter((line) => /^(grant|revoke)/.test(line));
    const known = Object.values(GRANTS).flatMap(({ outbox, eventLog }) => [...outbox, ...eventLog]);
    expect(printed.toSorted()).toEqual(known.toSorted());
  });

  it('takes DATABASE_URL where the outbox has no database of its own, and says when all is done', async () => {
    await runCommand(['migrate', '--outbox'], { DATABASE_URL: fresh.url });
    const { code, out } = await runCommand(['migrate', '--outbox'], { DATABASE_URL: fresh.url });
    expect(code).toBe(0);
    expect(out).toMatch(/^The database is up to date\.\n/);
    expect(out).toContain('to till;');
  });

  it('says what it needs, and what went wrong, in one line', async () => {
    const nothing = await runCommand(['migrate', '--outbox'], {});
    expect(nothing).toMatchObject({
      code: 1,
      err: expect.stringContaining('DATABASE_URL is not configured'),
    });
    const away = 'postgres://somebody:of-a-test@127.0.0.1:1/pos';
    const { code, out, err } = await runCommand(['migrate', '--outbox'], { OUTBOX_DATABASE_URL: away });
    expect({ code, out }).toEqual({ code: 1, out: '' });
    expect(err).toMatch(/^The database could not be migrated: .*\n$/);
    expect(err).not.toContain('of-a-test');
  });
});

describe('migrate', () => {
  it('makes the tables of the event log, and no outbox', async () => {
    const { code, out } = await runCommand(['migrate'], { DATABASE_URL: fresh.url });
    expect({ code, out }).toEqual({ code: 0, out: expect.stringMatching(/^Applied \d+ migrations\.\n$/) });
    expect(await hasEventLog()).toBe(true);
    expect(await checkOutboxSchema(database)).toMatchObject({ kind: 'missing' });
  });
});
