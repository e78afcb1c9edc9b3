import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { sql } from 'drizzle-orm';
import { type Fate, fatesQuery, readFates, type Standing, standingOf } from '../../src/events/fates.ts';
import { eventLog, type NewEventRow } from '../../src/events/schema.ts';
import { openTestDatabase, type TestDatabase } from './harness.ts';

let open: TestDatabase;

beforeAll(async () => {
  open = await openTestDatabase();
});

afterEach(async () => {
  await open.database.db.delete(eventLog);
});

afterAll(async () => {
  await open.close();
});

const START = Date.UTC(2026, 0, 31);
let rows = 0;

interface Told {
  readonly what: string;
  /** Seconds. */
  readonly at: number;
  readonly payload?: Readonly<Record<string, unknown>>;
  readonly jobId?: string;
}

async function log(...told: Told[]): Promise<void> {
  const values = told.map(({ what, at, payload = {}, jobId = 'ps-1' }): NewEventRow => {
    rows += 1;
    return {
      eventType: `conexxus.sync.${what}.push_sales`,
      aggregateId: jobId,
      timestamp: new Date(START + 1_000 * at),
      payload: { operation: 'push_sales', syncKey: jobId, data: 'x'.repeat(1_000), ...payload },
      dedupeKey: `row-${rows}`,
    };
  });
  await open.database.db.insert(eventLog).values(values);
}

const second = (at: number) => new Date(START + 1_000 * at);

async function fate(jobId = 'ps-1'): Promise<Fate> {
  const found = (await readFates(open.database, [jobId])).get(jobId);
  if (found === undefined) throw new Error(`The log knows nothing of ${jobId}.`);
  return found;
}

const standing = async (): Promise<Standing> => standingOf(await fate());

const DIED = { outcome: 'rejected', attempt: 3, error: { code: 'http_422', message: 'HTTP 422' } };

describe('the fate of a job', () => {
  it('is its rows, oldest first, and its failed attempts together', async () => {
    await log(
      { what: 'dead_lettered', at: 4, payload: DIED },
      { what: 'failed', at: 1, payload: { outcome: 'transient', httpStatus: 500, attempt: 1 } },
      { what: 'failed', at: 2, payload: { outcome: 'transient', httpStatus: 500, attempt: 2 } },
      { what: 'failed', at: 3, payload: { outcome: 'rejected', httpStatus: 422, attempt: 3 } },
      { what: 'replayed', at: 5, payload: { actor: 'olga', reason: 'the store was unknown' } },
      { what: 'succeeded', at: 6, payload: { outcome: 'delivered', httpStatus: 200, attempt: 1 } },
    );
    const { turns, failures } = await fate();
    expect(failures).toEqual({ lastAt: second(3), inDoubt: false });
    expect(turns).toEqual([
      expect.objectContaining({ what: 'dead_lettered', at: second(4), error: DIED.error, refused: [] }),
      expect.objectContaining({ what: 'replayed', at: second(5), reason: 'the store was unknown' }),
      expect.objectContaining({ what: 'succeeded', at: second(6), outcome: 'delivered' }),
    ]);
    for (const turn of turns) expect(turn).not.toHaveProperty('data');
  });

  it('is told of many jobs at once; of what the log does not know there is none', async () => {
    await log(
      { what: 'succeeded', at: 1, jobId: 'ps-1' },
      { what: 'failed', at: 1, jobId: 'ps-2' },
      { what: 'succeeded', at: 1, jobId: 'ps-of-somebody-else' },
    );
    const fates = await readFates(open.database, ['ps-1', 'ps-2', 'ps-3']);
    expect([...fates.keys()].sort()).toEqual(['ps-1', 'ps-2']);
    expect(fates.get('ps-2')).toMatchObject({ turns: [], failures: { lastAt: second(1) } });
    expect(await readFates(open.database, [])).toEqual(new Map());
  });

  it('is in doubt where any failed row says so, or comes from a version that does not say', async () => {
    await log(
      { what: 'failed', at: 1, payload: { inDoubt: true } },
      { what: 'failed', at: 2 },
      { what: 'failed', at: 1, jobId: 'ps-2' },
      { what: 'failed', at: 1, jobId: 'ps-3', payload: { syncKey: undefined } },
    );
    const inDoubt = async (jobId: string) => (await fate(jobId)).failures.inDoubt;
    expect(await Promise.all(['ps-1', 'ps-2', 'ps-3'].map(inDoubt))).toEqual([true, false, true]);
  });

  it('can be read whatever a row holds', async () => {
    await log(
      { what: 'failed', at: 1, payload: { attempt: 'first', inDoubt: 'perhaps' } },
      { what: 'succeeded', at: 2, payload: { flagged: 'yes', refused: 't-1', error: 7, attempt: null } },
      { what: 'something_of_a_later_version', at: 3 },
    );
    expect(await fate()).toMatchObject({
      turns: [{ what: 'succeeded', flagged: false, refused: [] }],
      failures: { lastAt: second(1), inDoubt: false },
    });
  });

  it('comes from the index, also for a few hundred jobs, and where the table was never analyzed', async () => {
    const { sql: admin } = open.database;
    await admin`alter table event_log set (autovacuum_enabled = false)`;
    await admin`
      insert into event_log (event_type, aggregate_id, "timestamp", payload, dedupe_key)
      select 'conexxus.sync.succeeded.push_sales', 'ps-' || n, now(),
        jsonb_build_object('data', repeat(md5(n::text), 30)), 'key-' || n
      from generate_series(1, 20000) n`;
    const ids = Array.from({ length: 300 }, (_, n) => `ps-${n * 50}`);
    const fresh = await planOf(ids);
    await admin`analyze event_log`;
    for (const plan of [fresh, await planOf(ids)]) {
      expect(plan).toContain('event_log_aggregate');
      expect(plan).not.toContain('Seq Scan');
    }
  });
});

async function planOf(ids: readonly string[]): Promise<string> {
  const lines = await open.database.read((tx) => tx.execute(sql`explain ${fatesQuery(ids)}`));
  return lines.map((line) => line['QUERY PLAN']).join('\n');
}

describe('how a job stands', () => {
  it.each<[string, Told[], Standing]>([
    ['open while it only failed', [{ what: 'failed', at: 1 }], { kind: 'open' }],
    [
      'dead, of what it died of',
      [
        { what: 'failed', at: 1 },
        { what: 'dead_lettered', at: 1, payload: DIED },
      ],
      { kind: 'dead', at: second(1), outcome: 'rejected', reason: 'http_422: HTTP 422' },
    ],
    [
      'open when it was brought back, though at the very millisecond',
      [
        { what: 'replayed', at: 1 },
        { what: 'dead_lettered', at: 1, payload: DIED },
      ],
      { kind: 'open' },
    ],
    [
      'open when it fails again after it died and left the queue',
      [
        { what: 'dead_lettered', at: 1, payload: DIED },
        { what: 'failed', at: 2 },
      ],
      { kind: 'open' },
    ],
    [
      'discarded, with the reason',
      [
        { what: 'dead_lettered', at: 1, payload: DIED },
        { what: 'discarded', at: 2, payload: { actor: 'olga', reason: 'a test sale' } },
      ],
      { kind: 'discarded', at: second(2), reason: 'a test sale' },
    ],
    [
      'replaced, by which job and why',
      [
        { what: 'replaced', at: 1, payload: { actor: 'olga', reason: 'a typo', replacedBy: 'ps-b' } },
        { what: 'dead_lettered', at: 1, payload: DIED },
      ],
      { kind: 'replaced', at: second(1), reason: 'a typo', by: 'ps-b' },
    ],
    [
      'open where it is what another was edited into',
      [{ what: 'replaces', at: 1, payload: { actor: 'olga', reason: 'a typo', replaces: 'ps-a' } }],
      { kind: 'open' },
    ],
    [
      'split, with its halves',
      [
        { what: 'dead_lettered', at: 1, payload: DIED },
        { what: 'split', at: 1, payload: { halves: ['ps-a', 'ps-b'] } },
      ],
      { kind: 'split', at: second(1), halves: ['ps-a', 'ps-b'] },
    ],
    [
      'delivered, whatever came before or after',
      [
        { what: 'dead_lettered', at: 1, payload: DIED },
        { what: 'succeeded', at: 2 },
        { what: 'split', at: 3, payload: { halves: ['ps-a', 'ps-b'] } },
      ],
      { kind: 'delivered', at: second(2), flagged: false, refused: [] },
    ],
    [
      'delivered where it is known to be',
      [{ what: 'known', at: 1 }],
      { kind: 'delivered', at: second(1), flagged: false, refused: [] },
    ],
    [
      'flagged, with what was refused, also where it was only known later',
      [
        { what: 'succeeded', at: 1, payload: { flagged: true, refused: ['t-2'] } },
        { what: 'succeeded', at: 2, payload: { duplicate: true } },
        { what: 'known', at: 3 },
      ],
      { kind: 'delivered', at: second(1), flagged: true, refused: ['t-2'] },
    ],
    [
      'as the newest answer says, where it was sent again on purpose',
      [
        { what: 'succeeded', at: 1, payload: { flagged: true, refused: ['t-2'] } },
        { what: 'succeeded', at: 2, payload: {} },
      ],
      { kind: 'delivered', at: second(1), flagged: false, refused: [] },
    ],
  ])('is %s', async (_what, told, expected) => {
    await log(...told);
    expect(await standing()).toEqual(expected);
  });
});
