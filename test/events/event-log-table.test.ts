import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { pruneEvents, startPruning } from '../../src/events/retention.ts';
import { eventLog } from '../../src/events/schema.ts';
import { describeOnServer, openTestDatabase, type TestDatabase, until } from './harness.ts';

const ROWS = 20_000;
const DAYS = 100;

let open: TestDatabase;

/** A store chain's history: one attempt in fifty fails, oldest row 100 days ago. */
beforeAll(async () => {
  open = await openTestDatabase();
  const { sql } = open.database;
  await sql`
    insert into event_log (event_type, aggregate_id, location_id, "timestamp", payload, transaction_ids, dedupe_key)
    select 'conexxus.sync.' || case when n % 50 = 0 then 'failed' else 'succeeded' end || '.push_sales',
      'ps-' || n, 'store-' || n % 400, now() - n * interval '1 day' * ${DAYS} / ${ROWS}, '{}', array['T-' || n], 'key-' || n
    from generate_series(1, ${ROWS}) n`;
  await sql`analyze event_log`;
});

afterAll(async () => {
  await open.close();
});

async function plan(query: string): Promise<string> {
  const lines = await open.database.sql.unsafe<{ 'QUERY PLAN': string }[]>(`explain ${query}`);
  return lines.map((line) => line['QUERY PLAN']).join('\n');
}

describe('indexes of event_log', () => {
  it.each([
    ['failures, newest first', `event_type like 'conexxus.sync.failed.%'`, /event_log_(type|timestamp)/],
    ['rare events, newest first', `event_type like 'conexxus.operator.%'`, /event_log_type/],
    [
      'one type, newest first',
      `event_type = 'conexxus.sync.failed.push_sales'`,
      /event_log_(type|timestamp)/,
    ],
    ['one store, newest first', `location_id = 'store-7'`, /event_log_location/],
    ['one job', `aggregate_id = 'ps-123'`, /event_log_aggregate/],
    ['one sale', `transaction_ids @> array['T-123']`, /event_log_transactions/],
    ['a time', `"timestamp" < now() - interval '99 days'`, /event_log_timestamp/],
  ])('serve %s', async (_, condition, index) => {
    const explained = await plan(
      `select * from event_log where ${condition} order by "timestamp" desc limit 50`,
    );
    expect(explained).toMatch(index);
    expect(explained).not.toContain('Seq Scan');
  });
});

describe('pruneEvents', () => {
  const older = async (days: number) => {
    const [row] = await open.database.sql<{ count: string }[]>`
      select count(*) from event_log where "timestamp" < now() - make_interval(days => ${days})`;
    return Number(row?.count);
  };

  describeOnServer('(two backends: not on PGlite)', () => {
    it('leaves the work to the process that is at it', async () => {
      await open.database.sql.begin(async (sql) => {
        await sql`select pg_advisory_xact_lock(hashtextextended('conexxus-sync prune', 0))`;
        expect(await pruneEvents(open.database, 90)).toBe(0);
      });
      expect(await older(90)).toBeGreaterThan(0);
    });
  });

  it('deletes what is past its retention and nothing else, in more than one batch', async () => {
    const due = await older(40);
    expect(due).toBeGreaterThan(10_000);
    expect(await pruneEvents(open.database, 40)).toBe(due);
    expect(await older(40)).toBe(0);
    expect(await open.database.db.$count(eventLog)).toBe(ROWS - due);
  });

  it('runs as soon as it is started', async () => {
    const pruning = startPruning({ database: open.database, retentionDays: 30 });
    await until('it is done', async () => (await older(30)) === 0);
    await pruning.stop();
    expect(await older(29)).toBeGreaterThan(0);
  });
});
