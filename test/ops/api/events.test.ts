import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { eventLog, type NewEventRow } from '../../../src/events/schema.ts';
import { openTestDatabase, type TestDatabase } from '../../events/harness.ts';
import { type OpsHarness, startOps, VIEWER } from '../harness.ts';
import { get, refusal } from './harness.ts';

interface Page {
  readonly events: readonly { readonly id: string; readonly jobId: string; readonly at: string }[];
  readonly next: string | null;
}

let log: TestDatabase;
let ops: OpsHarness;
let written = 0;

beforeAll(async () => {
  log = await openTestDatabase();
  ops = await startOps({ database: log.database });
});

beforeEach(async () => {
  await log.database.sql`truncate event_log`;
});

afterAll(async () => {
  await ops.close();
  await log.close();
});

function row(fields: Partial<NewEventRow> = {}): NewEventRow {
  written += 1;
  return {
    eventType: 'conexxus.sync.succeeded.push_sales',
    aggregateId: `job-${written}`,
    locationId: 'store-7',
    timestamp: new Date(1_800_000_000_000 + written),
    payload: { outcome: 'delivered' },
    dedupeKey: `row-${written}`,
    ...fields,
  };
}

async function write(rows: readonly NewEventRow[]): Promise<void> {
  await log.database.db.insert(eventLog).values([...rows]);
}

async function page(query: string): Promise<Page> {
  const answer = await get(ops, `/api/events?${query}`);
  if (answer.status !== 200) throw new Error(answer.text);
  return JSON.parse(answer.text);
}

async function walk(query: string): Promise<Page['events']> {
  const found: Page['events'][number][] = [];
  let cursor: string | null = '';
  while (cursor !== null) {
    const { events, next }: Page = await page(`${query}${cursor && `&cursor=${cursor}`}`);
    found.push(...events);
    cursor = next;
  }
  return found;
}

describe('paging', () => {
  it('500 rows of one millisecond, each once, in whatever pages', async () => {
    const at = new Date(1_800_000_000_123);
    await write(Array.from({ length: 500 }, () => row({ timestamp: at })));
    await write([
      row({ timestamp: new Date(at.getTime() + 1) }),
      row({ timestamp: new Date(at.getTime() - 1) }),
    ]);
    for (const limit of [7, 100, 500]) {
      const found = await walk(`limit=${limit}`);
      expect(found).toHaveLength(502);
      expect(new Set(found.map(({ id }) => id)).size).toBe(502);
      expect(found[0]?.at).toBe('2027-01-15T08:00:00.124Z');
      expect(found.at(-1)?.at).toBe('2027-01-15T08:00:00.122Z');
    }
  });

  it('microseconds, which a number of milliseconds would lose, are kept in the cursor', async () => {
    await write(Array.from({ length: 9 }, () => row()));
    await log.database.sql`
      update event_log set "timestamp" = '2026-11-24 18:02:10.123+00'::timestamptz
        + (substr(dedupe_key, 5)::int % 9) * interval '1 microsecond'`;
    const found = await walk('limit=2');
    expect(new Set(found.map(({ id }) => id)).size).toBe(9);
  });

  it('rows that are written meanwhile shift no page', async () => {
    await write(Array.from({ length: 4 }, () => row()));
    const first = await page('limit=2');
    await write([row(), row()]);
    const second = await page(`limit=2&cursor=${first.next}`);
    expect(second.events).toHaveLength(2);
    expect(second.next).toBeNull();
    const ids = [...first.events, ...second.events].map(({ id }) => id);
    expect(new Set(ids).size).toBe(4);
  });

  it('the last page has no next, also where it is full', async () => {
    await write([row(), row()]);
    expect((await page('limit=2')).next).toBeNull();
    expect((await page('limit=1')).next).not.toBeNull();
  });

  it.each(['x', 'bm93', Buffer.from(`${crypto.randomUUID()} 9999-99-99`).toString('base64url')])(
    'a cursor made by hand is refused: %s',
    async (cursor) => {
      expect(refusal(await get(ops, `/api/events?cursor=${cursor}`))).toEqual({
        status: 422,
        kind: 'invalid-request',
        detail: expect.stringMatching(/^cursor is none: give `next`/),
      });
    },
  );
});

describe('filters', () => {
  it('by type and its beginning, location, job and time', async () => {
    await write([
      row({ aggregateId: 'a', eventType: 'conexxus.circuit.opened', locationId: null }),
      row({ aggregateId: 'b', eventType: 'conexxus.sync.failed.push_sales', locationId: 'store-8' }),
      row({ aggregateId: 'c', eventType: 'conexxus.sync.failed.fetch_inventory' }),
      row({ aggregateId: 'd', timestamp: new Date(Date.now() - 3_600_000) }),
    ]);
    const jobs = async (query: string) => (await page(query)).events.map(({ jobId }) => jobId).sort();
    expect(await jobs('')).toEqual(['a', 'b', 'c', 'd']);
    expect(await jobs('type=sync.failed.*')).toEqual(['b', 'c']);
    expect(await jobs('type=conexxus.circuit.opened')).toEqual(['a']);
    expect(await jobs('location=store-8')).toEqual(['b']);
    expect(await jobs('job=c&location=store-7')).toEqual(['c']);
    expect(await jobs('until=30m')).toEqual(['d']);
    expect(await jobs('since=2h&until=30m&type=sync.*')).toEqual(['d']);
    expect(await jobs('since=2026-12-31T23:00:00-06:00')).toEqual(['a', 'b', 'c']);
  });

  it.each([
    ['type=sync.*.push', 'type has its * at the end, or none'],
    ['location=', 'location must be the id of a location: a text, and not empty'],
    ['limit=0', 'limit must be at least 1'],
    ['limit=501', 'limit must be at most 500'],
    ['limit=ten', 'limit must be a whole number from 1 to 500'],
    ['since=yesterday', expect.stringMatching(/^since must be a time with its offset/)],
    ['since=1h&until=2h', 'until is earlier than since'],
    ['locatoin=store-7', 'locatoin is not known here: leave it out'],
    ['job=a&job=b', 'job is given more than once: give one'],
  ])('%s is refused with the field and the fix', async (query, detail) => {
    expect(refusal(await get(ops, `/api/events?${query}`))).toEqual({
      status: 422,
      kind: 'invalid-request',
      detail,
    });
  });

  it('a viewer may look, and no secret that got into a row is shown', async () => {
    const careful = await startOps({ database: log.database, secrets: ['canary-secret'] });
    try {
      await write([row({ payload: { answer: 'you sent canary-secret' } })]);
      const { status, text } = await careful.call('GET', '/api/events', { as: VIEWER });
      expect(status).toBe(200);
      expect(text).toContain('you sent [redacted]');
    } finally {
      await careful.close();
    }
  });
});

describe('without its tables, or without Postgres', () => {
  it('says so, and what to do', async () => {
    const away = await startOps();
    try {
      const answer = await get(away, '/api/events');
      expect(refusal(answer)).toMatchObject({ status: 503, kind: 'event-log-away' });
      expect(answer.headers['retry-after']).toBe('5');
    } finally {
      await away.close();
    }
    const bare = await openTestDatabase({ migrated: false });
    const empty = await startOps({ database: bare.database });
    try {
      expect(refusal(await get(empty, '/api/events'))).toMatchObject({
        status: 503,
        detail: expect.stringContaining('node dist/cli.js migrate'),
      });
    } finally {
      await empty.close();
      await bare.close();
    }
  });
});
