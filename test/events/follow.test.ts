import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { sql } from 'drizzle-orm';
import type { Sql } from 'postgres';
import { createFollower, type Follower, newsQuery } from '../../src/events/follow.ts';
import { describeOnServer, openTestDatabase, type TestDatabase } from './harness.ts';

let open: TestDatabase;
let follower: Follower;

beforeAll(async () => {
  open = await openTestDatabase();
});

beforeEach(async () => {
  await open.database.sql`truncate event_log`;
  follower = createFollower({ type: 'conexxus.sync.*' });
});

afterAll(() => open.close());

async function append(
  on: Pick<Sql, 'unsafe'>,
  ids: readonly string[],
  agoMs = 0,
  type = 'conexxus.sync.failed.push_sales',
) {
  for (const id of ids) {
    await on.unsafe(
      `insert into event_log (event_type, aggregate_id, "timestamp", payload, dedupe_key)
       values ($1, $2, now() - $3::int * interval '1 ms', '{}', $2)`,
      [type, id, agoMs],
    );
  }
}

const begin = () => open.database.read((tx) => follower.begin(tx));

/** All there is now, in as many looks as it takes. */
async function given(): Promise<string[]> {
  const ids: string[] = [];
  for (let more = true; more; ) {
    const found = await open.database.read((tx) => follower.look(tx));
    ids.push(...found.events.map(({ jobId }) => jobId));
    ({ more } = found);
  }
  return ids;
}

describe('a follower of the event log', () => {
  it('gives what is written from its beginning on, each row once, and only what is asked for', async () => {
    const on = open.database.sql;
    await append(on, ['before']);
    await begin();
    expect(await given()).toEqual([]);
    await append(on, ['a', 'b']);
    await append(on, ['other'], 0, 'conexxus.circuit.opened');
    expect(await given()).toEqual(['a', 'b']);
    expect(await given()).toEqual([]);
  });

  it('gives nothing that was there before, also beside a transaction that has been open for longer', async () => {
    const on = open.database.sql;
    await on.begin(async (slow) => {
      await append(slow, ['slow']);
      await append(on, ['before']);
      await begin();
      expect(await given()).toEqual([]);
      await append(on, ['after']);
      expect(await given()).toEqual(['after']);
    });
    expect(await given()).toEqual(['slow']);
  });

  it('gives a row that is written nine minutes late', async () => {
    await begin();
    await append(open.database.sql, ['in time']);
    expect(await given()).toEqual(['in time']);
    await append(open.database.sql, ['late'], 9 * 60_000);
    expect(await given()).toEqual(['late']);
  });

  it('leaves out what was given by somebody else', async () => {
    await begin();
    await append(open.database.sql, ['listed', 'new']);
    const [row] = await open.database.sql<
      { id: string }[]
    >`select id from event_log where aggregate_id = 'listed'`;
    const rest = { type: '', jobId: '', locationId: null, payload: {}, transactionIds: [] };
    follower.skip([{ ...rest, id: row?.id ?? '', at: new Date() }]);
    expect(await given()).toEqual(['new']);
  });

  it('takes thousands in pages', async () => {
    await begin();
    await open.database.sql`
      insert into event_log (event_type, aggregate_id, "timestamp", payload, dedupe_key)
      select 'conexxus.sync.failed.push_sales', 'row-' || n, now() - n % 7 * interval '1 second', '{}', 'row-' || n
      from generate_series(1, 1600) n`;
    const ids = await given();
    expect(new Set(ids).size).toBe(1_600);
    expect(ids).toHaveLength(1_600);
    expect(await given()).toEqual([]);
  });

  describeOnServer('beside others who write (not on PGlite)', () => {
    it('misses none of a transaction that began earlier and commits later, and gives none twice', async () => {
      const on = open.database.sql;
      await begin();
      let commit = (): void => undefined;
      const mayCommit = new Promise<void>((resolve) => {
        commit = resolve;
      });
      let wrote = (): void => undefined;
      const hasWritten = new Promise<void>((resolve) => {
        wrote = resolve;
      });
      const slow = on.begin(async (tx) => {
        await tx.savepoint(async (inner) => append(inner, ['slow'], 1_000));
        wrote();
        await mayCommit;
      });
      await hasWritten;
      await append(on, ['fast']);
      expect(await given()).toEqual(['fast']);
      await append(on, ['faster']);
      expect(await given()).toEqual(['faster']);
      commit();
      await slow;
      expect(await given()).toEqual(['slow']);
      expect(await given()).toEqual([]);
    });

    it('looks by an index, over the last minutes alone', async () => {
      const on = open.database.sql;
      await on`
        insert into event_log (event_type, aggregate_id, "timestamp", payload, dedupe_key)
        select 'conexxus.sync.failed.push_sales', 'row-' || n, now() - n * interval '1 second', '{}', 'row-' || n
        from generate_series(1, 50000) n`;
      await on`analyze event_log`;
      const from = new Date(Date.now() - 600_000).toISOString();
      const query = newsQuery({}, { time: from, id: '00000000-0000-0000-0000-000000000000' }, 4_711n);
      const rows = await open.database.read((tx) => tx.execute(sql`explain (costs off) ${query}`));
      const plan = rows.map((row) => row['QUERY PLAN']).join('\n');
      expect(plan).toContain('Index Scan using event_log_timestamp on event_log');
      expect(plan).not.toContain('Seq Scan');
    });
  });
});
