import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { sql } from 'drizzle-orm';
import { drizzle as drizzleOnPglite } from 'drizzle-orm/pglite';
import {
  type CheckedSale,
  checkSale,
  enqueueInTransaction,
  type PushSales,
} from '../../src/outbox/enqueue.ts';
import { sales } from '../sync/sales.ts';
import { openPos, type PosDatabase } from './pos.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

let pos: PosDatabase;

beforeAll(async () => {
  pos = await openPos();
});

afterEach(async () => {
  await pos.empty();
});

afterAll(async () => {
  await pos.close();
});

/** Each kind of transaction that a POS may have: it keeps a receipt, and enqueues in the same one. */
type RingUp = (id: string, sale: CheckedSale | PushSales, then?: () => void) => Promise<unknown>;

const KINDS: [string, RingUp][] = [
  [
    'of Drizzle',
    (id, sale, then) =>
      pos.db.transaction(async (tx) => {
        await tx.execute(sql`insert into receipts values (${id})`);
        await enqueueInTransaction(tx, sale);
        then?.();
      }),
  ],
  [
    'of postgres',
    (id, sale, then) =>
      pos.sql.begin(async (tx) => {
        await tx`insert into receipts values (${id})`;
        await enqueueInTransaction(tx, sale);
        then?.();
      }),
  ],
];

describe.each(KINDS)('enqueueInTransaction in a transaction %s', (_kind, ringUp) => {
  it('is committed with it', async () => {
    const sale = sales('café ☕ 😀', { note: `it's "quoted" \\ $1 :name ?` });
    await ringUp('a', checkSale(sale));
    expect(await pos.receipts()).toEqual(['a']);
    expect(await pos.waiting()).toEqual([{ name: 'push_sales', data: sale }]);
  });

  it('is undone with it', async () => {
    const ringing = ringUp('b', checkSale(sales()), () => {
      throw new Error('the drawer is stuck');
    });
    await expect(ringing).rejects.toThrow('the drawer is stuck');
    expect(await pos.receipts()).toEqual([]);
    expect(await pos.waiting()).toEqual([]);
  });

  it('undoes it where Postgres refuses the row', async () => {
    await pos.sql`alter table conexxus.outbox add constraint closed check (false)`;
    try {
      await expect(ringUp('c', checkSale(sales()))).rejects.toThrow(/closed|conexxus_enqueue/);
    } finally {
      await pos.sql`alter table conexxus.outbox drop constraint closed`;
    }
    expect(await pos.receipts()).toEqual([]);
  });

  it('checks what was not checked, and touches nothing where it is refused', async () => {
    await ringUp('d', sales('unchecked'));
    expect(await pos.waiting()).toHaveLength(1);
    const refused = ringUp('e', { ...sales(), date: 'yesterday' }).catch((error: unknown) => error);
    expect(await refused).toMatchObject({ code: 'INVALID_PAYLOAD', problems: [{ path: 'date' }] });
    expect(await pos.receipts()).toEqual(['d']);
  });

  it('leaves a transaction usable that goes on after a refusal', async () => {
    const refused: unknown[] = [];
    await pos.sql.begin(async (tx) => {
      await tx`insert into receipts values ('f')`;
      await enqueueInTransaction(tx, { ...sales(), locationId: '' }).catch((error: unknown) =>
        refused.push(error),
      );
    });
    expect(refused).toHaveLength(1);
    expect(await pos.receipts()).toEqual(['f']);
  });

  it('writes many in one transaction', async () => {
    const list = Array.from({ length: 20 }, (_, n) => checkSale(sales(n)));
    await pos.sql.begin(async (tx) => {
      for (const sale of list) await enqueueInTransaction(tx, sale);
    });
    expect(await pos.waiting()).toHaveLength(20);
  });
});

describe('enqueueInTransaction', () => {
  it.each<[string, () => Promise<void>]>([
    // @ts-expect-error: so do the types.
    ['the database of Drizzle', () => enqueueInTransaction(pos.db, sales())],
    // @ts-expect-error: so do the types.
    ['the connection of postgres', () => enqueueInTransaction(pos.sql, sales())],
    // @ts-expect-error: so do the types.
    ['nothing', () => enqueueInTransaction({}, sales())],
  ])('refuses %s, which is no transaction', async (_what, enqueue) => {
    await expect(enqueue()).rejects.toMatchObject({ code: 'NO_TRANSACTION' });
    expect(await pos.waiting()).toEqual([]);
  });

  it('works with Drizzle on another driver', async () => {
    const { PGlite } = await import('@electric-sql/pglite');
    const embedded = await PGlite.create();
    try {
      await embedded.exec('create table written (name text, data jsonb)');
      await embedded.exec(`create function public.conexxus_enqueue(text, jsonb) returns bigint
        language sql as 'insert into written values ($1, $2) returning 1'`);
      await drizzleOnPglite(embedded).transaction((tx) => enqueueInTransaction(tx, sales('elsewhere')));
      const { rows } = await embedded.query('select name, data from written');
      expect(rows).toEqual([{ name: 'push_sales', data: sales('elsewhere') }]);
    } finally {
      await embedded.close();
    }
  });

  it('writes what was checked, whatever became of the object since', async () => {
    const sale = { ...sales('first'), locationId: 'store-1' };
    const checked = checkSale(sale);
    sale.locationId = 'store-2';
    await pos.sql.begin((tx) => enqueueInTransaction(tx, checked));
    expect(await pos.waiting()).toMatchObject([{ data: { locationId: 'store-1' } }]);
  });
});

describe('checkSale', () => {
  const problemsOf = (sale: PushSales) => {
    try {
      checkSale(sale);
    } catch (error) {
      return error;
    }
    return undefined;
  };

  it('names every problem with its path', () => {
    const transactions = [{ ...sales().transactions[0], total: Number.NaN }];
    expect(problemsOf(sales('', { date: 'x', transactions }))).toMatchObject({
      code: 'INVALID_PAYLOAD',
      problems: [{ path: 'transactions[0].total' }, { path: 'date' }],
    });
  });

  it('refuses what jsonb would, with its path and the cure', () => {
    expect(problemsOf(sales('\0', { '\ud83d': [{ note: 'cut \ud83d' }] }))).toMatchObject({
      problems: [
        { path: 'transactions[0].id', message: expect.stringMatching(/U\+0000.*leave it out/) },
        { path: '["\\ud83d"]', message: expect.stringMatching(/lone surrogate.*toWellFormed/) },
        { path: '["\\ud83d"][0].note' },
      ],
      more: 0,
    });
  });

  it('lists fifty of many', () => {
    const notes = Array.from({ length: 60 }, () => '\0');
    expect(problemsOf(sales('', { notes }))).toMatchObject({ problems: { length: 50 }, more: 10 });
  });

  it('refuses more than 10 MB', () => {
    expect(problemsOf(sales('', { note: 'x'.repeat(11 * 1024 * 1024) }))).toMatchObject({
      problems: [{ message: expect.stringContaining('too large') }],
    });
  });
});

describe('a POS that imports conexxus-sync/outbox', () => {
  it('loads no driver, no Drizzle, no queue and no HTTP code with it', async () => {
    const hook = `import { writeSync } from 'node:fs';
      export async function resolve(specifier, context, next) {
        const found = await next(specifier, context);
        writeSync(1, found.url + '\\n');
        return found;
      }`;
    const script = `
      import { createRequire, register } from 'node:module';
      register(${JSON.stringify(`data:text/javascript,${encodeURIComponent(hook)}`)});
      const { checkSale, enqueueInTransaction, InvalidPayloadError } = await import('conexxus-sync/outbox');
      checkSale(${JSON.stringify(sales())});
      console.log(Object.keys(createRequire(process.cwd() + '/').cache).join('\\n'));
      console.log(typeof enqueueInTransaction, new InvalidPayloadError([], 0).code);`;
    // The way to watch imports that Node 20 knows is deprecated from Node 26 on.
    const args = ['--disable-warning=DEP0205', '--input-type=module', '--eval', script];
    const { stdout, stderr } = await promisify(execFile)(process.execPath, args, { cwd: ROOT });
    expect(stderr).toBe('');
    expect(stdout).toMatch(/function INVALID_PAYLOAD\n$/);
    const foreign = /node_modules\/(postgres|drizzle-orm|bullmq|ioredis|hono|@hono|@bull-board|got|pino)\//;
    expect(stdout).not.toMatch(foreign);
    const ours = stdout.split('\n').filter((file) => !file.includes('node_modules'));
    expect(ours).toContainEqual(expect.stringMatching(/dist\/outbox\/enqueue\.js$/));
    const others = /dist\/(circuit|conexxus|events|inventory|ops|cli|base\/(config|database))/;
    expect(ours.filter((file) => others.test(file))).toEqual([]);
  });
});
