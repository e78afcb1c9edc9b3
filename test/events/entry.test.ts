import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { parseEntry } from '../../src/events/entry.ts';
import { entrySchema, isEntry } from '../../src/events/entry-shape.ts';
import type { SyncEvent } from '../../src/events/event.ts';
import { insertEvents } from '../../src/events/insert.ts';
import { eventLog } from '../../src/events/schema.ts';
import { anEvent, openTestDatabase, type TestDatabase } from './harness.ts';

const AT = 1_700_000_000_123;

describe('isEntry', () => {
  const optional = (...values: unknown[]) => fc.constantFrom(undefined, null, 0, '', 'text', ...values);
  const record = optional({}, [], { constructor: 1 }, { deep: [{}] });
  const event = fc.record(
    {
      dedupeKey: optional('key'),
      type: optional('a.type'),
      aggregateId: optional('ps-1'),
      locationId: optional('store-1'),
      payload: record,
      metadata: record,
      transactionIds: optional([], ['T-1', ''], ['T-1', 1], [undefined], {}),
      other: optional({}),
    },
    { requiredKeys: [] },
  );
  const likelyEvent = fc.record({
    dedupeKey: fc.constantFrom('key', ''),
    type: fc.constant('a.type'),
    aggregateId: fc.constantFrom('ps-1', ''),
    payload: fc.constantFrom({}, { a: 1 }, []),
    transactionIds: fc.constantFrom([], ['T-1'], undefined),
  });
  const candidate = fc.record({
    at: fc.constantFrom(
      AT,
      1,
      0,
      -1,
      1.5,
      Number.NaN,
      Number.POSITIVE_INFINITY,
      8.64e15,
      8.64e15 + 2,
      '1',
      null,
    ),
    state: optional('open'),
    stale: optional('1'),
    event: fc.oneof(event, likelyEvent, fc.constantFrom(null, undefined, [], 'text', 1)),
  });

  it('says what the schema says', () => {
    let sound = 0;
    fc.assert(
      fc.property(candidate, (entry) => {
        const agreed = entrySchema.safeParse(entry).success;
        if (agreed) sound += 1;
        expect(isEntry(entry)).toBe(agreed);
      }),
      { numRuns: 2_000 },
    );
    expect(sound).toBeGreaterThan(10);
  });
});

describe('parseEntry', () => {
  const parse = (event: string, ...more: string[]) => parseEntry(['event', event, 'at', String(AT), ...more]);
  const nested = (levels: number) =>
    `{"dedupeKey":"d","type":"t","aggregateId":"a","payload":${'{"a":'.repeat(levels)}0${'}'.repeat(levels)}}`;

  it('lets the text of an event through as it is, and adds to its end', () => {
    const event = '{"dedupeKey":"d" ,"type":"t","aggregateId":"a","payload":{"n":1.50}}';
    expect(parse(event, 'state', 'open', 'stale', '1')).toMatchObject({
      row: `${event.slice(0, -1)},"at":"2023-11-14T22:13:20.123Z","added":{"circuitState":"open","stale":true}}`,
    });
  });

  it.each([
    ['', 200, 'row'],
    ['', 201, 'malformed'],
    [' ', 200, 'row'],
    [' ', 201, 'malformed'],
  ])('draws the line at 200 levels (event followed by "%s", %i levels)', (after, levels, kind) => {
    expect(parse(nested(levels) + after).kind).toBe(kind);
  });

  it.each([
    ['two events where one should be', '{"a":1},{"b":2}', /JSON/],
    ['a list', '[]', /expected object/],
    ['no payload', '{"dedupeKey":"d","type":"t","aggregateId":"a"}', /payload/],
    ['a nested value too deep', nested(300), /deeper than 200/],
  ])('says why it refuses %s', (_, event, reason) => {
    expect(parse(event)).toEqual({ kind: 'malformed', reason: expect.stringMatching(reason) });
  });
});

describe('an entry becomes a row', () => {
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

  async function write(...entries: (readonly string[])[]) {
    const insertions = entries.map((fields, index) => {
      const parsed = parseEntry(fields);
      if (parsed.kind === 'malformed') throw new Error(parsed.reason);
      return { id: `0-${index + 1}`, row: parsed.row };
    });
    expect(await insertEvents(open.database, insertions)).toEqual([]);
    return await open.database.db.select().from(eventLog).orderBy(eventLog.dedupeKey);
  }

  const entry = (event: SyncEvent | string, ...more: string[]) => [
    'event',
    typeof event === 'string' ? event : JSON.stringify(event),
    'at',
    String(AT),
    ...more,
  ];

  it('alike, whether its text stays or is made anew', async () => {
    const jsonObject = fc.dictionary(fc.string(), fc.jsonValue({ maxDepth: 3 }));
    await fc.assert(
      fc.asyncProperty(jsonObject, fc.array(fc.string()), async (payload, transactionIds) => {
        const event = anEvent({ dedupeKey: 'a', payload, transactionIds, metadata: payload });
        const other = JSON.stringify({ ...event, dedupeKey: 'b', at: 'mine', added: { by: 'me' } });
        const [stays, made] = await write(entry(event, 'state', 'open'), entry(`${other} `, 'state', 'open'));
        expect({ ...made, id: '', dedupeKey: '' }).toEqual({ ...stays, id: '', dedupeKey: '' });
        expect(stays).toMatchObject({ timestamp: new Date(AT), transactionIds });
        await open.database.db.delete(eventLog);
      }),
      { numRuns: 50 },
    );
  });

  it('once, where one batch has it twice', async () => {
    const event = anEvent();
    expect(await write(entry(event), entry(event), entry(anEvent()))).toHaveLength(2);
  });

  it('with null for what it has not, and an object for its payload', async () => {
    const [row] = await write(entry(anEvent({ payload: {} })));
    expect(row).toMatchObject({ locationId: null, metadata: null, transactionIds: [], payload: {} });
    const [types] = await open.database.sql`select jsonb_typeof(payload) as payload from event_log`;
    expect(types?.['payload']).toBe('object');
  });

  it('with its numbers, its quotes and its strange names as they were', async () => {
    const payload = String.raw`{"n":[0.1,1e21,-1.5e-7,9007199254740993,100],"q":"a\"b\\c\n'$1","__proto__":{"constructor":1}}`;
    const event = `{"dedupeKey":"d","type":"t","aggregateId":"a","payload":${payload}}`;
    await write(entry(event));
    const [row] = await open.database.sql`select payload = ${payload}::text::jsonb as same from event_log`;
    expect(row?.['same']).toBe(true);
  });

  it('where its state and its staleness are told twice, with those of the entry', async () => {
    const [row] = await write(
      entry(
        anEvent({ payload: { circuitState: 'mine', stale: 0, x: 1 } }),
        'state',
        'half_open',
        'stale',
        '1',
      ),
    );
    expect(row?.payload).toEqual({ circuitState: 'half_open', stale: true, x: 1 });
  });
});
