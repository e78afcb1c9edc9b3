import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { sql } from 'drizzle-orm';
import { migrateDatabase } from '../../../src/events/migrate.ts';
import { migrateOutbox } from '../../../src/outbox/migrate.ts';
import { aSale, ringUp } from '../../support/outbox.ts';
import {
  type FreshDatabase,
  freshDatabase,
  type OpenDatabase,
  openDatabase,
} from '../../support/postgres.ts';
import { OPERATOR, type OpsHarness, startOps } from '../harness.ts';
import { KEY } from './seen.ts';

let fresh: FreshDatabase;
let database: OpenDatabase;
let ops: OpsHarness;
beforeAll(async () => {
  fresh = await freshDatabase();
  database = openDatabase(fresh.url, 1);
  await migrateDatabase(database);
  await migrateOutbox(database);
  ops = await startOps({ database, outboxDatabase: database });
  await logged('failed', { outcome: 'transient', httpStatus: 503, answer: 'back <soon>', durationMs: 1_200 });
  await logged('succeeded', { outcome: 'delivered', httpStatus: 200, answer: '{"receipt":"R-1"}' });
  const data = {
    date: '2026-11-24',
    locationId: 'store-9',
    transactions: [{ id: 'T-9' }],
    card: '411111111',
  };
  await ops.queue.add('push_sales', { ...data, password: 'canary-password' }, { jobId: 'job-9' });
  await ringUp(database.sql, aSale('T-5', { locationId: 'store-5' }));
});
afterAll(async () => {
  await ops.close();
  await database.close();
  await fresh.close();
});

async function logged(what: string, payload: object): Promise<void> {
  const type = `conexxus.sync.${what}.push_sales`;
  const whole = {
    operation: 'push_sales',
    syncKey: KEY,
    worker: 'till-1',
    attempt: 1,
    data: '{"date":"2026-11-24"',
    ...payload,
  };
  await database.db.execute(sql`
    insert into event_log (event_type, aggregate_id, location_id, "timestamp", payload, transaction_ids, dedupe_key)
    values (${type}, ${KEY}, 'store-7', clock_timestamp(), ${JSON.stringify(whole)}::jsonb, array['T-7'], ${type})`);
}

const get = (path: string) => ops.call('GET', path, { as: OPERATOR });

describe('the page of a sale', () => {
  it.each(['T-7', KEY])('tells its life by %s, with what Conexxus answered each time', async (id) => {
    const { status, text } = await get(`/sales/${id}`);
    expect(status).toBe(200);
    expect(text).toMatch(new RegExp(`<h1>${id} was delivered at <time.*HTTP 200, by till-1\\.</h1>`, 's'));
    expect(text).toMatch(
      /failed<\/strong> transient, attempt 1, HTTP 503.*back &lt;soon&gt;.*succeeded.*R-1/s,
    );
    expect(text).toContain('href="/stores/store-7"');
    expect(text).toContain('The beginning of its payload, from the event log');
  });

  it('finds one in the queue of which no row knows, and shows what it holds, without secrets', async () => {
    const { text } = await get('/sales/T-9');
    expect(text).toMatch(/<h1>T-9 waits in the queue, not tried yet; no worker is alive/);
    expect(text).toContain('411111111');
    expect(text).not.toContain('canary-password');
  });

  it('says what it has not looked through, and looks if told so', async () => {
    expect((await get('/sales/T-7')).text).toContain('href="/sales/T-7?search=all"');
    expect((await get('/sales/T-7?search=all')).text).not.toContain('was not looked through');
  });

  it('finds one that no relay has taken', async () => {
    expect((await get('/sales/T-5')).text).toMatch(/<h1>T-5 waits in the outbox since/);
  });

  it('says that nobody has heard of it', async () => {
    const { status, text } = await get('/sales/%3Cscript%3E');
    expect(status).toBe(404);
    expect(text).toContain('&lt;script&gt;: Nobody has heard of it.');
  });
});

describe('the page of a store', () => {
  it('tells when it sold last, and its last outcomes', async () => {
    const { text } = await get('/stores/store-7');
    expect(text).toMatch(/<dt>Last sale<\/dt><dd><time[^>]*>\d+ s ago/);
    expect(text).toContain('no books: it is on no outbox');
    expect(text).toContain('<dt>Last catalog</dt><dd>none among its last rows</dd>');
    expect(text).toContain(`href="/sales/${KEY}"`);
  });

  it('has the books of a day', async () => {
    const { text } = await get('/stores/store-5?date=2026-11-24');
    expect(text).toContain('Books of 2026-11-24');
    expect(text).toMatch(
      /sold<\/th><td class="n">1<\/td><td class="n">9\.99.*waiting<\/th><td class="n">1</s,
    );
    expect((await get('/stores/store-5?date=2026-11-23')).text).toContain('No books of this day.');
  });

  it('knows the store by what waits in the queue', async () => {
    expect((await get('/stores/store-9')).text).toContain('1 job next in turn');
  });
});

describe('a search', () => {
  it.each([
    ['store-7', '/stores/store-7'],
    [' T-7 ', '/sales/T-7'],
    ['a/b?c', '/sales/a%2Fb%3Fc'],
    ['', '/'],
  ])('for %j leads to %s', async (words, place) => {
    const { status, headers } = await get(`/search?q=${encodeURIComponent(words)}`);
    expect([status, headers.location]).toEqual([303, place]);
  });
});
