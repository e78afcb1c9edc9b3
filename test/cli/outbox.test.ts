import { once } from 'node:events';
import { createServer } from 'node:net';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { createJourney } from '../../src/outbox/journey.ts';
import { migrateOutbox } from '../../src/outbox/migrate.ts';
import { createReader } from '../../src/outbox/read-ahead.ts';
import { createReporter } from '../../src/outbox/reporter.ts';
import { createWaiting } from '../../src/outbox/waiting.ts';
import { aLine, aPayload, aSale, DATE, someLines } from '../outbox/tables.ts';
import { type FreshDatabase, freshDatabase, type OpenDatabase, openDatabase } from '../support/postgres.ts';
import { portOf } from '../support/tcp-proxy.ts';
import { openShelf, type Shelf } from '../sync/shelf.ts';
import { runCommand } from './command.ts';

const WHO = ['--yes', '--reason', 'a test sale', '--actor', 'olga'];

let fresh: FreshDatabase;
let database: OpenDatabase;
let shelf: Shelf;

beforeAll(async () => {
  fresh = await freshDatabase();
  database = openDatabase(fresh.url, 1);
  await migrateOutbox(database);
});

beforeEach(() => {
  shelf = openShelf();
});

afterEach(async () => {
  shelf.close();
  await database.sql`truncate conexxus.outbox, conexxus.sale, conexxus.payload`;
  await database.sql`update conexxus.relay set held = null`;
});

afterAll(async () => {
  await database.close();
  await fresh.close();
});

const outbox = (args: readonly string[], env: NodeJS.ProcessEnv = {}) =>
  runCommand(['outbox', ...args], {
    OUTBOX_DATABASE_URL: fresh.url,
    SYNC_NAMESPACE: shelf.namespace,
    ...env,
  });

const REDIS_AWAY = { REDIS_URL: 'redis://127.0.0.1:1' };

describe('outbox status', () => {
  it('shows by store what waits and since when, without Redis', async () => {
    await aLine(database.sql, { id: 'T-1', agoMs: 3 * 60_000 });
    await aSale(database.sql, { id: 'T-2' }, { state: 'delivered' });
    const { code, out } = await outbox(['status'], REDIS_AWAY);
    expect(code).toBe(0);
    expect(out).toMatch(/^Not taken by a relay yet: 0 rows\nSales per payload: 1\.0, of 1 payload delivered/);
    expect(out).toMatch(/ {2}store-7 +1 +3 min ago +0 +0 +0 +0 +0 +1 +0\n/);
  });

  it('names the relay at work, says that none is, or that Redis does not answer', async () => {
    const { redis, namespace } = shelf;
    const relayOf = async (env: NodeJS.ProcessEnv = {}) => {
      const { out } = await outbox(['status'], env);
      return /^Relay: .*$/m.exec(out)?.[0];
    };
    expect(await relayOf()).toBe('Relay: none is at work');
    expect(await relayOf(REDIS_AWAY)).toBe('Relay: not known, Redis does not answer');
    const reporter = createReporter({ redis, namespace, name: 'pos-1', outbox: database });
    const memory = { reader: createReader(), waiting: createWaiting(), journey: createJourney() };
    await reporter.report(memory, { workingMs: 180_000, held: null, more: false });
    expect(await relayOf()).toMatch(
      /^Relay: pos-1, at work since 3 min ago, told of itself (now|\d+ s ago)$/,
    );
    const json = await outbox(['status', '--json']);
    expect(JSON.parse(json.out).relay).toMatchObject({ name: 'pos-1', isAtWork: true });
    await redis.pexpire(`{${namespace}}:outbox:counts`, 86_400_000 - 300_000);
    expect(await relayOf()).toBe('Relay: none is at work; pos-1 was until 5 min ago');
  });

  it('shouts where the relays are held, and exits 1', async () => {
    await database.sql`update conexxus.relay set held = 'the event log is ahead'`;
    const { code, out } = await outbox(['status']);
    expect(code).toBe(1);
    expect(out).toMatch(/^HELD: .*\n {2}the event log is ahead\n {2}To let them go on: .*--held --reason/);
    const json = await outbox(['status', '--json']);
    expect(JSON.parse(json.out)).toMatchObject({
      held: 'the event log is ahead',
      stores: [],
      untaken: { rows: 0 },
    });
  });
});

describe('outbox discard', () => {
  it('only counts, until it is told to do it', async () => {
    await aLine(database.sql, { id: 'T-1' });
    await aSale(database.sql, { id: 'T-2' }, { state: 'dead' });
    await aSale(database.sql, { id: 'T-3' }, { state: 'open' });
    const args = ['discard', '--location', 'store-7', '--date', DATE];
    const counted = await outbox(args, REDIS_AWAY);
    expect(counted.code).toBe(1);
    expect(counted.out.split('\n')).toEqual([
      '2 sales would be discarded (1 waiting, 1 dead). Nothing was done: add --yes to do it.',
      '1 not: under way to Conexxus, in a payload whose fate is not known yet: T-3',
      '',
    ]);
    expect(await outbox([...args, '--yes'])).toMatchObject({
      code: 1,
      err: '--yes needs --reason TEXT, for the audit trail\n',
    });
    const done = await outbox([...args, ...WHO]);
    expect(done.code).toBe(1);
    expect(done.out.split('\n')[0]).toBe('2 sales discarded (1 waiting, 1 dead).');
    const again = await outbox([...args, '--state', 'waiting', ...WHO, '--json']);
    expect(JSON.parse(again.out)).toEqual({
      result: { done: { waiting: 0, apart: 0, dead: 0 }, alongside: 0, refused: [] },
    });
    const rows = (await shelf.events()).filter(({ type }) => type === 'conexxus.operator.outbox.discard');
    expect(rows).toMatchObject([
      { payload: { actor: 'olga', reason: 'a test sale' }, transactionIds: ['T-1'] },
      { transactionIds: ['T-2'] },
    ]);
  });

  it('names the sale that nobody has, does the others, and exits 1', async () => {
    await aLine(database.sql, { id: 'T-1' });
    const args = ['discard', '--sale', 'T-l', '--sale', 'T-1'];
    const unknown = '1 not: not in the outbox: T-l';
    const counted = await outbox(args);
    expect([counted.code, counted.out.split('\n')[1]]).toEqual([1, unknown]);
    const done = await outbox([...args, ...WHO]);
    expect([done.code, done.out]).toEqual([1, `1 sale discarded (1 waiting).\n${unknown}\n`]);
    expect((await outbox(['discard', '--location', 'nowhere'])).code).toBe(0);
  });

  it('does nothing while Redis is away, and says so', async () => {
    await aLine(database.sql, { id: 'T-1' });
    const { code, err } = await outbox(['discard', '--all', ...WHO], REDIS_AWAY);
    expect(code).toBe(1);
    expect(err).toMatch(/^Redis does not answer/);
    expect(await database.sql`select from conexxus.sale where fate is null`).toHaveLength(1);
  });
});

describe('outbox release', () => {
  it('says who goes along, and refuses what was delivered', async () => {
    const lines = await someLines(database.sql, ['A', 'B', 'C']);
    await aPayload(database.sql, lines, { state: 'apart' });
    await aSale(database.sql, { id: 'T-1' }, { state: 'delivered' });
    const { code, out } = await outbox(['release', '--sale', 'A', '--sale', 'T-1', ...WHO]);
    expect(code).toBe(1);
    expect(out.split('\n')).toEqual([
      '3 sales released (3 set apart).',
      '  2 of them only because they are in one payload with one that is meant, which goes as a whole.',
      '1 not: delivered already; `resend` sends it again on purpose: T-1',
      '',
    ]);
  });

  it('lets held relays go on', async () => {
    await database.sql`update conexxus.relay set held = 'the event log is ahead'`;
    const silent = await outbox(['release', '--held']);
    expect(silent).toMatchObject({ code: 1, err: '--held needs --reason TEXT, for the audit trail\n' });
    const { code, out } = await outbox(['release', '--held', '--reason', 'checked', '--actor', 'olga']);
    expect([code, out]).toEqual([0, 'The relays go on. They were held: the event log is ahead\n']);
    const again = await outbox(['release', '--held', '--reason', 'checked', '--json']);
    expect(JSON.parse(again.out)).toEqual({ released: null });
  });
});

describe('outbox, used wrongly', () => {
  it.each([
    [
      'no sales at all',
      ['discard', ...WHO],
      /^Say which sales: --sale, --line, --location, --date or --all$/m,
    ],
    ['a state alone', ['release', '--state', 'dead'], /^Say which sales/],
    ['all and some', ['release', '--all', '--sale', 'T-1'], /^--all leaves none out/],
    ['a state of a named one', ['release', '--sale', 'T-1', '--state', 'dead'], /^--state is for many sales/],
    [
      'a state that needs no release',
      ['release', '--all', '--state', 'waiting'],
      /Allowed choices are apart, dead/,
    ],
    ['a line that is none', ['release', '--line', '1e3'], /no whole number/],
    [
      'relays and sales',
      ['release', '--held', '--sale', 'T-1', '--reason', 'x'],
      /^--held is about the relays/,
    ],
  ])('refuses %s in one line', async (_what, args, message) => {
    const { code, err } = await outbox(args);
    expect(code).toBe(1);
    expect(err).toMatch(message);
    expect(err.trim().split('\n')).toHaveLength(1);
  });

  it('says in one line that what is at its address hangs up, as a proxy without its Postgres does', async () => {
    const proxy = createServer((socket) => socket.end()).listen(0, '127.0.0.1');
    await once(proxy, 'listening');
    const { code, err } = await outbox(['status'], {
      OUTBOX_DATABASE_URL: `postgres://a:b@127.0.0.1:${portOf(proxy)}/c`,
    });
    proxy.close();
    expect([code, err]).toEqual([
      1,
      'The outbox cannot be used (Postgres closed the connection): is it running at OUTBOX_DATABASE_URL?\n',
    ]);
  });
});
