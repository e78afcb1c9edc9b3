import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { Sql } from 'postgres';
import { openPostgres } from '../../src/base/postgres.ts';
import { createLookout } from '../../src/outbox/look.ts';
import { aSale, type OutboxBench, outboxBench, ringUp } from '../support/outbox.ts';

/** PGlite has one backend for all connections. */
const itOnServer = process.env['TEST_DATABASE_URL'] ? it : it.skip;
let bench: OutboxBench;

beforeAll(async () => {
  bench = await outboxBench();
});
afterAll(() => bench.close());
beforeEach(() => bench.database.sql`truncate conexxus.outbox`);

/** One look, and what it saw taken out; null: it is seen and not taken for good. */
async function looked(lookout: ReturnType<typeof createLookout>, how: 'taken' | 'given-up' = 'taken') {
  const { database } = bench;
  const look = await database.write(async (tx) => lookout.look(tx));
  if (how === 'given-up') return look;
  for (const { xid, id } of look.rows) {
    await database.sql`delete from conexxus.outbox where xid = ${xid}::text::xid8 and id = ${id}`;
  }
  look.advance();
  return look;
}

const ids = ({ rows }: Awaited<ReturnType<typeof looked>>) =>
  rows.map(({ json }) => JSON.parse(json ?? 'null').transactions[0].id);

/** A till in the middle of its transaction, on a connection of its own. */
async function begun(id: string): Promise<Sql> {
  const till = openPostgres(bench.fresh.url, { max: 1 });
  await till.unsafe('begin');
  await ringUp(till, aSale(id));
  return till;
}

async function end(till: Sql, how: 'commit' | 'rollback'): Promise<void> {
  await till.unsafe(how);
  await till.end();
}

describe('a look at the outbox', () => {
  it('sees each row once, in the order in which the tills wrote', async () => {
    const lookout = createLookout();
    await ringUp(bench.database.sql, aSale('a'));
    await ringUp(bench.database.sql, aSale('b'));
    expect(ids(await looked(lookout))).toEqual(['a', 'b']);
    await ringUp(bench.database.sql, aSale('c'));
    expect(ids(await looked(lookout))).toEqual(['c']);
    expect(ids(await looked(lookout))).toEqual([]);
  });

  itOnServer(
    'waits for no transaction that took a number before, and sees its row when it commits',
    async () => {
      const lookout = createLookout();
      const slow = await begun('slow');
      const rolledBack = await begun('never');
      await ringUp(bench.database.sql, aSale('quick'));
      expect(ids(await looked(lookout))).toEqual(['quick']);
      await end(rolledBack, 'rollback');
      await ringUp(bench.database.sql, aSale('next'));
      expect(ids(await looked(lookout))).toEqual(['next']);
      await end(slow, 'commit');
      expect(ids(await looked(lookout))).toEqual(['slow']);
      expect(ids(await looked(lookout))).toEqual([]);
    },
  );

  itOnServer('sees a late row also while it passes through many new ones in several looks', async () => {
    const lookout = createLookout();
    expect(ids(await looked(lookout))).toEqual([]);
    const slow = await begun('slow');
    await bench.database.sql.unsafe(
      `select conexxus_enqueue('push_sales', $1::text::jsonb) from generate_series(1, 1200)`,
      [JSON.stringify(aSale('x'))],
    );
    const first = await looked(lookout);
    expect([first.more, first.rows.length]).toEqual([true, 500]);
    await end(slow, 'commit');
    const seen = new Set<string>();
    for (let more = true; more; ) {
      const look = await looked(lookout);
      ({ more } = look);
      for (const id of ids(look)) seen.add(id);
    }
    for (const id of ids(await looked(lookout))) seen.add(id);
    expect(seen).toEqual(new Set(['x', 'slow']));
    const [left] = await bench.database.sql`select count(*)::int as count from conexxus.outbox`;
    expect(left).toEqual({ count: 0 });
  });

  itOnServer('may be made before the rows of the last one are taken, and sees the others', async () => {
    const { database } = bench;
    const [lookout, till] = [createLookout(), await begun('late-0')];
    const ring = (name: string, count: number) => `
      select conexxus_enqueue('push_sales', jsonb_build_object('name', '${name}-' || n)) from generate_series(1, ${count}) n`;
    await till.unsafe(ring('late', 700));
    expect((await looked(lookout)).rows).toEqual([]);
    await end(till, 'commit');
    await database.sql.unsafe(ring('new', 700));
    const looks = await database.write(async (tx) => {
      const looks = [await lookout.look(tx)];
      while (looks.at(-1)?.more) looks.push(await lookout.look(tx, looks.at(-1)));
      return looks;
    });
    expect(looks.map(({ rows }) => rows.length)).toEqual([500, 500, 401]);
    const seen = looks.flatMap(({ rows }) => rows.map(({ id }) => id));
    const written = await database.sql`select id::int from conexxus.outbox order by xid, id`;
    expect(seen).toEqual(written.map(({ id }) => id));
  });

  it('that came to nothing is made again', async () => {
    const lookout = createLookout();
    await ringUp(bench.database.sql, aSale('a'));
    expect(ids(await looked(lookout, 'given-up'))).toEqual(['a']);
    expect(ids(await looked(lookout))).toEqual(['a']);
  });

  it('takes no more than 8 MB, and always at least one row', async () => {
    const lookout = createLookout();
    const note = 'abcdefghij'.repeat(300_000);
    for (const id of ['a', 'b', 'c']) await ringUp(bench.database.sql, { ...aSale(id), note });
    expect(ids(await looked(lookout))).toEqual(['a', 'b']);
    expect(ids(await looked(lookout))).toEqual(['c']);
  });

  it('leaves what is larger than a payload may be where it is, and says so', async () => {
    const lookout = createLookout();
    await ringUp(bench.database.sql, { ...aSale('a'), note: 'x'.repeat(21_000_000) });
    const { rows } = await looked(lookout);
    expect(rows).toEqual([expect.objectContaining({ json: null, jobName: 'push_sales' })]);
  });

  it('passes on the digits that were written', async () => {
    const lookout = createLookout();
    await bench.database.sql.unsafe(
      `select conexxus_enqueue('push_sales', '{"loyaltyCard": 6035710012345678901, "total": 1.50}')`,
    );
    const { rows } = await looked(lookout);
    expect(rows[0]?.json).toBe('{"total": 1.50, "loyaltyCard": 6035710012345678901}');
  });
});

describe('what was not taken yet, by the view', () => {
  const told = async () => {
    const rows = await bench.database
      .sql`select id from public.conexxus_sales where line is null order by id`;
    return rows.map(({ id }) => id);
  };
  /** It is written down how far a lookout came. */
  async function marked(): Promise<void> {
    const lookout = createLookout();
    await looked(lookout);
    await bench.database.write((tx) => lookout.writeDown(tx));
  }

  itOnServer('is what the looks could not see, however late it was committed', async () => {
    const [slow, rolledBack] = [await begun('slow'), await begun('never')];
    await ringUp(bench.database.sql, aSale('taken'));
    await marked();
    await ringUp(bench.database.sql, aSale('new'));
    expect(await told()).toEqual(['new']);
    await end(slow, 'commit');
    await end(rolledBack, 'rollback');
    expect(await told()).toEqual(['new', 'slow']);
    await marked();
    expect(await told()).toEqual([]);
  });

  it('is all there is where another Postgres wrote down how far they came: in a restored one numbers begin anew', async () => {
    await marked();
    await ringUp(bench.database.sql, aSale('a'));
    expect(await told()).toEqual(['a']);
    const far = '999999999:999999999:';
    await bench.database.sql`update conexxus.taken set snapshot = ${far}::text::pg_snapshot`;
    expect(await told()).toEqual([]);
    await bench.database.sql`update conexxus.taken set started = started - interval '1 second'`;
    expect(await told()).toEqual(['a']);
  });
});
