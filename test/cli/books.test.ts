import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { migrateOutbox } from '../../src/outbox/migrate.ts';
import { aLine, aSale, DATE } from '../outbox/tables.ts';
import { type FreshDatabase, freshDatabase, type OpenDatabase, openDatabase } from '../support/postgres.ts';
import { runCommand } from './command.ts';

let fresh: FreshDatabase;
let database: OpenDatabase;
let folder: string;

beforeAll(async () => {
  fresh = await freshDatabase();
  database = openDatabase(fresh.url, 1);
  await migrateOutbox(database);
  folder = await mkdtemp(join(tmpdir(), 'books-'));
});

afterEach(async () => {
  await database.sql`truncate conexxus.outbox, conexxus.sale, conexxus.payload`;
});

afterAll(async () => {
  await database.close();
  await fresh.close();
  await rm(folder, { recursive: true });
});

/** With nothing but the outbox's address, and no Redis. */
const books = (...args: string[]) =>
  runCommand(['books', '--date', DATE, ...args], {
    OUTBOX_DATABASE_URL: fresh.url,
    REDIS_URL: 'redis://127.0.0.1:1',
  });

async function listed(...lines: string[]): Promise<string> {
  const file = join(folder, 'z.csv');
  await writeFile(file, ['transaction_id,total', ...lines].join('\n'));
  return file;
}

describe('books', () => {
  it('shows each store and all, what waits, and what to do about the rest', async () => {
    await aSale(database.sql, { id: 'T-1', total: '10.5' }, { state: 'delivered' });
    const { line } = await aSale(database.sql, { id: 'T-2', total: '2' }, { state: 'delivered' });
    await aSale(database.sql, { id: 'T-2', total: '3', corrects: line }, { state: 'delivered' });
    await aLine(database.sql, { id: 'T-3', total: '0.009' });
    for (let index = 0; index < 7; index += 1) {
      const dead = { state: 'dead', reason: 'http_422: no such item' };
      await aSale(database.sql, { id: `D-${index}`, total: '1', location: "Joe's" }, dead);
    }
    await aSale(database.sql, { id: null, total: null, location: "Joe's" }, { state: 'delivered' });
    await aSale(database.sql, { id: 'T-1', location: 'store-9', date: '2026-11-23' }, { state: 'delivered' });
    const { code, out, err } = await books('--limit', '2');
    expect(err).toBe('');
    expect(out.split('\n')).toEqual([
      'Books of 2026-11-24',
      '',
      '           sold   money  delivered  money',
      "  Joe's       7    7.00          0   0.00  7 dead (7.00), 1 payload without a transaction delivered",
      '  store-7     3  12.509          2  12.50  1 waiting (0.009), 1 correction (3.00) delivered',
      '  all        10  19.509          2  12.50  1 waiting (0.009), 7 dead (7.00), ' +
        '1 correction (3.00) delivered, 1 payload without a transaction delivered',
      '  store-9: no books',
      '',
      '1 is waiting, which is not wrong. It goes by itself; how it stands: node dist/cli.js outbox status',
      '',
      "Joe's: 7 dead: given up after what stands beside them",
      '  D-0  1.00  http_422: no such item',
      '  D-1  1.00  http_422: no such item',
      `  and 5 more: node dist/cli.js books --date 2026-11-24 --location 'Joe'\\''s' --limit 7`,
      `  Once that is put right: node dist/cli.js outbox release --date 2026-11-24 --location 'Joe'\\''s' --state dead`,
      `  To give them up:        node dist/cli.js outbox discard --date 2026-11-24 --location 'Joe'\\''s' --state dead`,
      '',
    ]);
    expect(code).toBe(1);
  });

  it('exits 0 where all is delivered, or waits', async () => {
    await aSale(database.sql, { id: 'T-1', total: '10.5' }, { state: 'delivered' });
    expect(await books('--location', 'store-7')).toEqual({
      code: 0,
      out:
        'Books of 2026-11-24\n\n' +
        '           sold  money  delivered  money\n' +
        '  store-7     1  10.50          1  10.50\n',
      err: '',
    });
    await aLine(database.sql, { id: 'T-2' });
    expect(await books()).toMatchObject({ code: 0, out: expect.stringContaining('1 is waiting') });
  });

  it.each(['flagged', 'apart'])('exits 1 where one is %s', async (state) => {
    await aSale(database.sql, { id: 'T-1' }, { state });
    const { code, out } = await books();
    expect(code).toBe(1);
    expect(out).toContain('T-1  1.50  -');
  });

  it('of a store without sales are no books, and never 0', async () => {
    const { code, out } = await books('--location', 'store-99');
    expect([code, out]).toEqual([0, 'Books of 2026-11-24\n\n  store-99: no books\n']);
    expect((await books()).out).toContain('No store has books of this day.');
  });

  it('point to what was set apart and may be theirs', async () => {
    await aLine(database.sql, { id: null, date: null, location: null, fate: 'apart', reason: 'no date' });
    await database.sql`update conexxus.sale set since = '2026-11-24 12:00Z'`;
    const { code, out } = await books('--location', 'store-7');
    expect(code).toBe(1);
    expect(out).toContain('1 row is set apart of which no store or date can be read');
  });

  it('as JSON have all of it', async () => {
    await aSale(database.sql, { id: 'T-1', total: '10.50' }, { state: 'dead', reason: 'why' });
    const { code, out } = await books('--json', '--compare', await listed('T-1,10.5', 'T-2,x'));
    expect(code).toBe(1);
    const record = JSON.parse(out);
    expect(record).toMatchObject({
      date: DATE,
      total: { sales: { sold: { count: 1, money: '10.5' }, dead: { count: 1 } } },
      problems: [{ locationId: 'store-7', state: 'dead', first: [{ transactionId: 'T-1', reason: 'why' }] }],
      compared: { difference: '0', missing: { count: 0 }, badLines: { count: 1, first: [{ line: 3 }] } },
    });
    expect(record.stores).toHaveLength(1);
  });
});

describe('books --compare', () => {
  it('exits 0 where till and books agree', async () => {
    await aSale(database.sql, { id: 'T-1', total: '1.5' }, { state: 'delivered' });
    const { code, out } = await books('--compare', await listed('T-1,1.50'));
    expect(code).toBe(0);
    expect(out).toContain('\nThe till lists 1 sale (1.50), the books have 1 (1.50): they agree.\n');
  });

  it('exits 1 where they do not, and names each', async () => {
    await aSale(database.sql, { id: 'T-1', total: '1.5' }, { state: 'delivered' });
    await aSale(database.sql, { id: 'T-2', total: '2' }, { state: 'delivered' });
    const file = await listed('T-1,1.51', 'T-3,3', 'T-4,4', 'T-5,five');
    const { code, out } = await books('--location', 'store-7', '--compare', file, '--limit', '1');
    expect(code).toBe(1);
    expect(out.split('\n').slice(4)).toEqual([
      '',
      'The till lists 3 sales (8.51), the books have 2 (3.50): 5.01 apart.',
      '',
      '2 the till has, and the books have not',
      '  T-3  3.00',
      '  and 1 more: node dist/cli.js books --date 2026-11-24 --location store-7 --compare FILE --limit 2',
      '',
      '1 the books have, and the till has not',
      '  T-2  2.00',
      '',
      '1 with another total in the books',
      '  T-1  till 1.51  books 1.50',
      '',
      "1 line of the till's list cannot be read, and took no part:",
      '  line 5: its total is no decimal number like 12.50: T-5,five',
      '',
    ]);
  });
});

describe('books, used wrongly', () => {
  it.each([
    ['without a date', ['books'], /required option '--date <date>'/],
    ['of a date that is none', ['books', '--date', '2026-02-30'], /no date like/],
    ['of a list that is none', ['books', '--date', DATE, '--compare', 'README.md'], /must name the columns/],
    [
      'where Postgres is away',
      ['books', '--date', DATE],
      /^The outbox cannot be used \(connect ECONNREFUSED/,
    ],
  ])('is refused in one line %s', async (_how, args, message) => {
    const { code, err } = await runCommand(args, { DATABASE_URL: 'postgres://127.0.0.1:1/none' });
    expect(code).toBe(1);
    expect(err).toMatch(message);
    expect(err.trim().split('\n')).toHaveLength(1);
  });

  it('says what is missing where the outbox is not migrated', async () => {
    await database.sql`alter view public.conexxus_sales rename to elsewhere`;
    const { code, err } = await books();
    await database.sql`alter view public.elsewhere rename to conexxus_sales`;
    expect([code, err]).toEqual([1, expect.stringMatching(/run `node dist\/cli\.js migrate --outbox`/)]);
  });
});
