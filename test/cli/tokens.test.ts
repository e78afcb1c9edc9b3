import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { migrateDatabase } from '../../src/events/migrate.ts';
import { hashOf } from '../../src/tokens/tokens.ts';
import { type FreshDatabase, freshDatabase, type OpenDatabase, openDatabase } from '../support/postgres.ts';
import { runCommand } from './command.ts';

let fresh: FreshDatabase;
let database: OpenDatabase;

beforeAll(async () => {
  fresh = await freshDatabase();
  database = openDatabase(fresh.url, 1);
  await migrateDatabase(database);
});

afterEach(async () => {
  await database.sql`truncate intake_tokens, event_log`;
});

afterAll(async () => {
  await database.close();
  await fresh.close();
});

const tokens = (args: readonly string[], url = fresh.url) =>
  runCommand(['tokens', ...args], { DATABASE_URL: url });
const WORD = ['--reason', 'a new till', '--actor', 'Ana'];

async function created(name: string, ...more: string[]): Promise<string> {
  const { code, out } = await tokens(['create', name, '--location', 'store-7', ...more, ...WORD]);
  expect(code).toBe(0);
  return out.trim();
}

const audit = () => database.sql`select event_type, aggregate_id, payload from event_log order by timestamp`;

describe('tokens create', () => {
  it('prints the token alone on the standard output, and keeps only its hash', async () => {
    const { code, out, err } = await tokens(['create', 'till-2', '--location', 'store-7', ...WORD]);
    expect([code, err]).toEqual([
      0,
      'The token till-2, for store-7. It is shown this once: keep it as a password.\n',
    ]);
    expect(out).toMatch(/^cxs_[\w-]{43}\n$/);
    const rows = await database.sql`select to_jsonb(t) as row from intake_tokens t`;
    expect(rows).toMatchObject([
      { row: { name: 'till-2', hash: hashOf(out.trim()), location_ids: ['store-7'], created_by: 'Ana' } },
    ]);
    expect(JSON.stringify([rows, await audit()])).not.toContain(out.trim());
  });

  it('is in the audit trail with who, what and why', async () => {
    await created('till-2', '--location', 'store-8');
    expect(await audit()).toMatchObject([
      {
        event_type: 'conexxus.operator.tokens.create',
        aggregate_id: 'till-2',
        payload: {
          actor: 'Ana',
          reason: 'a new till',
          token: 'till-2',
          locationIds: ['store-7', 'store-8'],
        },
      },
    ]);
  });

  it('refuses the name of a token in force, and writes nothing', async () => {
    await created('till-2');
    const { code, out, err } = await tokens(['create', 'till-2', '--location', 'store-9', ...WORD]);
    expect([code, out]).toEqual([1, '']);
    expect(err).toBe(
      'There is a token of the name till-2 already: choose another, or revoke that one first\n',
    );
    expect(await audit()).toHaveLength(1);
  });

  it.each([
    ['a name', ['create', '-', '--location', 's', ...WORD], /name/],
    ['a store', ['create', 'till', ...WORD], /--location/],
    ['a reason', ['create', 'till', '--location', 's'], /--reason/],
  ])('needs %s', async (_what, args, said) => {
    const { code, err } = await tokens(args);
    expect(code).toBe(1);
    expect(err).toMatch(said);
  });

  it('says what to do where the database was not migrated, or is away', async () => {
    const bare = await freshDatabase();
    const without = await tokens(['list'], bare.url);
    await bare.close();
    expect(without.err).toBe('The database has no tokens yet: run `node dist/cli.js migrate`.\n');
    const away = await tokens(['list'], 'postgres://nobody@127.0.0.1:1/none');
    expect(away.code).toBe(1);
    expect(away.err).toMatch(/^Postgres could not be asked \(.*ECONNREFUSED.*\): is it at DATABASE_URL\?\n$/);
  });
});

describe('tokens list', () => {
  it('shows names, stores and who made them, and never a token or its hash', async () => {
    const token = await created('till-2', '--location', 'store-8');
    const { out } = await tokens(['list']);
    expect(out).toMatch(/^ {2}till-2 {2}store-7, store-8 {2}\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC by Ana\n$/);
    const { out: json } = await tokens(['list', '--json']);
    expect(JSON.parse(json)).toMatchObject({ tokens: [{ name: 'till-2', revokedAt: null }] });
    for (const text of [out, json]) {
      expect(text).not.toContain(token);
      expect(text).not.toContain(hashOf(token));
    }
  });

  it('leaves out what was revoked, unless asked for all', async () => {
    await created('till-2');
    await tokens(['revoke', 'till-2', ...WORD]);
    expect((await tokens(['list'])).out).toBe('There is no token.\n');
    expect((await tokens(['list', '--all'])).out).toMatch(/till-2 .* revoked .* by Ana\n$/);
  });
});

describe('tokens revoke', () => {
  it('ends a token, says so, and its name is free again', async () => {
    await created('till-2');
    const { code, out } = await tokens(['revoke', 'till-2', ...WORD]);
    expect([code, out]).toEqual([0, 'The token till-2 is revoked: within two seconds it is refused.\n']);
    expect(await audit()).toMatchObject([
      {},
      {
        event_type: 'conexxus.operator.tokens.revoke',
        payload: { actor: 'Ana', reason: 'a new till', token: 'till-2', locationIds: ['store-7'] },
      },
    ]);
    await created('till-2');
  });

  it('of a name that no token has exits 1, and is in no trail', async () => {
    const { code, out } = await tokens(['revoke', 'till-3', ...WORD]);
    expect([code, out]).toEqual([1, 'No token in force has the name till-3.\n']);
    expect(await audit()).toEqual([]);
  });
});
