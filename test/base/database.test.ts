import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { sql } from 'drizzle-orm';
import { connectDatabase, type Database, type Transaction } from '../../src/base/database.ts';
import { describeOnServer, type Proxy, startProxy, until } from '../events/harness.ts';
import { type FreshDatabase, freshDatabase, type OpenDatabase, openDatabase } from '../support/postgres.ts';

let fresh: FreshDatabase;
let person: OpenDatabase;
let proxy: Proxy;
let database: Database;

beforeAll(async () => {
  fresh = await freshDatabase();
  person = openDatabase(fresh.url, 1);
  await person.sql`create table notes (note text primary key)`;
});

afterAll(async () => {
  await person.close();
  await fresh.close();
});

beforeEach(async () => {
  proxy = await startProxy(fresh.url);
  database = connectDatabase(proxy.url, { max: 1 });
});

afterEach(async () => {
  await database.close();
  await proxy.close();
  await person.sql`delete from notes`;
});

const one = (tx: Transaction) => tx.execute(sql`select 1 as one`);
const note = (text: string) => (tx: Transaction) => tx.execute(sql`insert into notes values (${text})`);
const notes = async () =>
  (await person.sql`select note from notes order by 1`).map((row) => String(row['note']));
const backend = (tx: Transaction) => tx.execute(sql`select pg_backend_pid() as pid`);
const setting = (name: string) => async (tx: Transaction) => {
  const [row] = await tx.execute(sql`select current_setting(${name}) as value`);
  return row?.['value'];
};

describe('a transaction', () => {
  it('is kept whole, or not at all', async () => {
    await database.write(async (tx) => {
      await note('a')(tx);
      await note('b')(tx);
    });
    const failing = database.write(async (tx) => {
      await note('c')(tx);
      await note('a')(tx);
    });
    await expect(failing).rejects.toMatchObject({ cause: { code: '23505' } });
    const thrown = database.write(async (tx) => {
      await note('d')(tx);
      throw new Error('changed its mind');
    });
    await expect(thrown).rejects.toThrow('changed its mind');
    expect(await notes()).toEqual(['a', 'b']);
  });

  it('is no success where an error within it was passed over: nothing was kept', async () => {
    const careless = database.write(async (tx) => {
      await note('a')(tx);
      await tx.execute(sql`select 1 / 0`).catch(() => undefined);
    });
    await expect(careless).rejects.toThrow('ROLLBACK');
    expect(await notes()).toEqual([]);
  });

  it('has its limits, and leaves no setting behind for who has the session next', async () => {
    for (const way of ['write', 'read'] as const) {
      expect(await database[way](setting('statement_timeout'))).toBe('10s');
      expect(await database[way](setting('idle_in_transaction_session_timeout'))).toBe('30s');
    }
    expect(await database.read(setting('transaction_read_only'))).toBe('on');
    expect(await database.write(setting('transaction_read_only'))).toBe('off');
  });

  it('waits for its turn where all connections are in use', async () => {
    const order: number[] = [];
    const all = [0, 1, 2, 3].map((number) =>
      database.write(async (tx) => {
        await tx.execute(sql`select pg_sleep(0.05)`);
        order.push(number);
      }),
    );
    await Promise.all(all);
    expect(order).toEqual([0, 1, 2, 3]);
    expect(proxy.connections()).toBe(1);
  });

  it('is finished where the database is closed meanwhile, and none is begun after that', async () => {
    const slow = database.write(async (tx) => {
      await note('a')(tx);
      await delay(200);
      await note('b')(tx);
    });
    const waiting = database.write(note('c')).catch((error: unknown) => error);
    await until('it is under way', async () => proxy.connections() === 1);
    await database.close();
    await slow;
    expect(await waiting).toMatchObject({ code: 'DATABASE_CLOSED' });
    await expect(database.read(one)).rejects.toMatchObject({ code: 'DATABASE_CLOSED' });
    expect(await notes()).toEqual(['a', 'b']);
  });
});

describe('a connection', () => {
  it('is used again', async () => {
    for (let times = 0; times < 5; times += 1) await database.write(one);
    await expect(database.write(note('a')).then(() => database.write(note('a')))).rejects.toThrow(
      'Failed query',
    );
    await database.read(one);
    expect(proxy.connections()).toBe(1);
  });

  it('fails a query, and is not made again without pause, where a proxy hangs up on it', async () => {
    proxy.mode = 'cut';
    await expect(database.read(one)).rejects.toThrow('closed the connection');
    await Promise.allSettled(Array.from({ length: 3 }, () => database.read(one)));
    expect(proxy.connections()).toBeLessThanOrEqual(5);
  });

  it('works again when Postgres is back', async () => {
    proxy.mode = 'cut';
    await expect(database.write(one)).rejects.toThrow('closed the connection');
    proxy.mode = 'pass';
    expect([...(await database.write(one))]).toEqual([{ one: 1 }]);
  });

  it.each(['write', 'read'] as const)('that broke settles what was under way: %s', async (way) => {
    await database[way](one);
    const broken = database[way]((tx) => tx.execute(sql`select pg_sleep(1)`)).then(
      () => 'not broken',
      async () => [...(await database[way](one))],
    );
    await delay(100);
    proxy.drop();
    expect(await broken).toEqual([{ one: 1 }]);
  });

  it('that broke in the middle of a transaction takes it along: the rest is not done on another', async () => {
    const broken = database.write(async (tx) => {
      await note('a')(tx);
      proxy.drop();
      await note('b')(tx).catch(() => undefined);
      await delay(100);
      await note('c')(tx);
    });
    await expect(broken).rejects.toMatchObject({ cause: { code: expect.stringMatching(/^CONNECTION_/) } });
    expect(await notes()).toEqual([]);
    await database.write(note('d'));
    expect(await notes()).toEqual(['d']);
  });

  it('gives up on a Postgres that accepts and never speaks', async () => {
    proxy.mode = 'silent';
    await expect(database.read(one)).rejects.toMatchObject({ code: 'CONNECT_TIMEOUT' });
  });
});

describeOnServer('Postgres that takes no writes (not on PGlite: its one session would stay so)', () => {
  const readOnly = (value: 'on' | 'off') => {
    const name = new URL(fresh.url).pathname.slice(1);
    return person.sql.unsafe(`alter database ${name} set default_transaction_read_only = ${value}`);
  };

  afterEach(async () => {
    // The person's own session was there before, and writes still.
    await readOnly('off');
  });

  it('is told before any work; who only reads is served', async () => {
    await readOnly('on');
    await expect(database.write(note('a'))).rejects.toMatchObject({ code: 'READ_ONLY_DATABASE' });
    expect([...(await database.read(one))]).toEqual([{ one: 1 }]);
  });

  it('is asked again on a new connection, whose session is a new one', async () => {
    await readOnly('on');
    await expect(database.write(one)).rejects.toMatchObject({ code: 'READ_ONLY_DATABASE' });
    await readOnly('off');
    await database.write(note('a'));
    expect(await notes()).toEqual(['a']);
    expect(proxy.connections()).toBe(2);
  });

  it('is left, where it comes to be so in the middle of a transaction', async () => {
    const [before] = await database.read(backend);
    const turning = database.write(async (tx) => {
      await tx.execute(sql`set transaction read only`);
      await note('a')(tx);
    });
    await expect(turning).rejects.toMatchObject({ cause: { code: '25006' } });
    const [after] = await database.read(backend);
    expect(after?.['pid']).not.toBe(before?.['pid']);
    const pid = Number(before?.['pid']);
    await until('its session is gone', async () => {
      return (await person.sql`select from pg_stat_activity where pid = ${pid}`).length === 0;
    });
  });
});
