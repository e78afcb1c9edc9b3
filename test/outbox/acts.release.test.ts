import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { rehearse } from '../../src/outbox/acts.ts';
import { WORD } from '../sync/shelf.ts';
import { aDesk, type Desk, refusals } from './desk.ts';
import { aLine, aPayload, aSale, DATE, someLines } from './tables.ts';

let desk: Desk;

beforeAll(async () => {
  desk = await aDesk();
});

beforeEach(() => desk.open());

afterEach(() => desk.clear());

afterAll(() => desk.close());

describe('release', () => {
  it('puts what was set apart back into the outbox, as it was written', async () => {
    const data = { date: DATE, locationId: 'store-7', transactions: [{ id: 'T-1', total: 1.5 }] };
    await aLine(desk.database.sql, { id: 'T-1', fate: 'apart', data: JSON.stringify(data), agoMs: 60_000 });
    await aLine(desk.database.sql, { id: null, fate: 'apart', data: '{"a":1}', jobName: 'push_sale' });
    await aLine(desk.database.sql, { id: 'T-3', fate: 'discarded' });
    const outcome = await desk.acts.release({ date: DATE }, WORD);
    expect(outcome).toMatchObject({ done: { apart: 2 }, refused: [] });
    const rows = await desk.database.sql`
      select job_name, data, extract(epoch from now() - created_at) > 50 as is_old from conexxus.outbox order by id`;
    expect([...rows]).toEqual([
      { job_name: 'push_sales', data, is_old: true },
      { job_name: 'push_sale', data: { a: 1 }, is_old: false },
    ]);
    expect(await desk.database.sql`select id from conexxus.sale`).toHaveLength(1);
    const named = await desk.acts.release({ sales: ['T-1'] }, WORD);
    expect(refusals(named)).toEqual({ untaken: ['T-1'] });
  });

  it('says of a named one that it was released, not that nobody has taken it', async () => {
    const data = { date: DATE, locationId: 'store-7', transactions: [{ id: 'T-1', total: 1.5 }] };
    await aLine(desk.database.sql, { id: 'T-1', fate: 'apart', data: JSON.stringify(data) });
    expect(await desk.acts.release({ sales: ['T-1'] }, WORD)).toMatchObject({
      done: { apart: 1 },
      refused: [],
    });
  });

  it('leaves what no outbox could hold, and takes the others', async () => {
    await aLine(desk.database.sql, { id: 'T-1', fate: 'apart', data: '{"a":' });
    await aLine(desk.database.sql, { id: 'T-2', fate: 'apart', data: '{"a":1}' });
    await aLine(desk.database.sql, { id: 'T-3', fate: 'apart', data: '{"a":"\\u0000"}' });
    const outcome = await desk.acts.release({ state: 'apart' }, WORD);
    expect(outcome.done.apart).toBe(1);
    expect(refusals(outcome)).toEqual({ unreadable: ['T-1', 'T-3'] });
    expect(await desk.states()).toMatchObject({ 'T-1': 'apart', 'T-3': 'apart' });
    expect(await desk.audited()).toMatchObject([{ transactionIds: ['T-2'] }]);
  });

  it('opens a payload of unknown fate again as a whole, under its key', async () => {
    const lines = await someLines(desk.database.sql, ['A', 'B']);
    const { id, syncKey } = await aPayload(desk.database.sql, lines, {
      state: 'apart',
      reason: 'fate unknown',
    });
    await desk.database.sql`update conexxus.payload set created_at = now() - interval '9 days'`;
    const rehearsed = await rehearse(desk.database, 'release', { sales: ['A'] });
    expect(rehearsed).toMatchObject({ done: { apart: 2 }, alongside: 1, refused: [] });
    expect(await desk.acts.release({ sales: ['A'] }, WORD)).toEqual(rehearsed);
    const [row] = await desk.database.sql`
      select id, sync_key, state, reason, created_at > now() - interval '1 minute' as fresh from conexxus.payload`;
    expect(row).toEqual({ id, sync_key: syncKey, state: 'open', reason: null, fresh: true });
    expect(await desk.audited()).toMatchObject([{ transactionIds: ['A', 'B'] }]);
  });

  it('replays a dead letter, and leaves what comes of it to the relay', async () => {
    const { syncKey } = await desk.aDeadLetter('T-1', 'ps-a');
    expect((await desk.acts.release({ sales: ['T-1'] }, WORD)).done.dead).toBe(1);
    expect(await desk.shelf.waiting()).toEqual([syncKey]);
    expect(await desk.states()).toEqual({ 'T-1': 'dead' });
    expect(await desk.shelf.typesOf('conexxus.sync.replayed.')).toHaveLength(1);
  });

  it('opens a dead payload whose job is gone, also one of several, but not where the queue has it', async () => {
    await aSale(desk.database.sql, { id: 'T-1' }, { state: 'dead' });
    const pairs = [
      ['A', 'B'],
      ['C', 'D'],
    ];
    for (const [index, ids] of pairs.entries()) {
      const lines = await someLines(desk.database.sql, ids);
      await aPayload(desk.database.sql, lines, { state: 'dead', syncKey: `ps-pair-${index}` });
    }
    await desk.shelf.died({ id: 'ps-pair-1' });
    const outcome = await desk.acts.release({}, WORD);
    expect(outcome).toMatchObject({ done: { dead: 3 } });
    expect(refusals(outcome)).toEqual({ 'being-split': ['C', 'D'] });
    expect(await desk.states()).toEqual({
      'T-1': 'enqueued',
      A: 'enqueued',
      B: 'enqueued',
      C: 'dead',
      D: 'dead',
    });
  });

  it('refuses a delivered sale, one that waits, and one whose correction was delivered', async () => {
    await aSale(desk.database.sql, { id: 'T-1' }, { state: 'delivered' });
    await aLine(desk.database.sql, { id: 'T-2' });
    await aSale(desk.database.sql, { id: 'T-3' }, { state: 'dead' });
    await aSale(desk.database.sql, { id: 'T-3' }, { state: 'delivered' });
    await aLine(desk.database.sql, { id: 'T-4', fate: 'apart' });
    await aSale(desk.database.sql, { id: 'T-4' }, { state: 'delivered' });
    const outcome = await desk.acts.release({ sales: ['T-1', 'T-2', 'T-3', 'T-4'] }, WORD);
    expect(outcome.done).toEqual({ waiting: 0, apart: 0, dead: 0 });
    expect(refusals(outcome)).toEqual({
      replaced: ['T-4', 'T-3'],
      delivered: ['T-1', 'T-3', 'T-4'],
      waiting: ['T-2'],
    });
    expect(refusals(await rehearse(desk.database, 'release', { date: DATE }))).toEqual({
      replaced: ['T-4', 'T-3'],
    });
  });

  it('lets held relays go on, once, and logs who did', async () => {
    await desk.database.sql`update conexxus.relay set held = 'the event log is ahead'`;
    expect(await desk.acts.releaseRelays(WORD)).toBe('the event log is ahead');
    expect(await desk.acts.releaseRelays(WORD)).toBeNull();
    expect(await desk.audited()).toMatchObject([
      { aggregateId: 'outbox', payload: { ...WORD, held: 'the event log is ahead' } },
    ]);
  });
});

describe('a rehearsal', () => {
  it('counts, and changes nothing, with Redis away too', async () => {
    await aLine(desk.database.sql, { id: 'T-1' });
    await aLine(desk.database.sql, { id: 'T-2', fate: 'apart' });
    await aSale(desk.database.sql, { id: 'T-3' }, { state: 'dead' });
    await aSale(desk.database.sql, { id: 'T-4' }, { state: 'open' });
    const before = await desk.states();
    const outcome = await rehearse(desk.database, 'discard', {});
    expect(outcome.done).toEqual({ waiting: 1, apart: 1, dead: 1 });
    expect(refusals(outcome)).toEqual({ 'under-way': ['T-4'] });
    expect((await rehearse(desk.database, 'release', {})).done).toEqual({ waiting: 0, apart: 1, dead: 1 });
    expect(await desk.states()).toEqual(before);
  });
});
