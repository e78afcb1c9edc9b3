import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
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

describe('discard', () => {
  it('gives up what waits and what was set apart, and says why, once and for all', async () => {
    await aLine(desk.database.sql, { id: 'T-1' });
    await aLine(desk.database.sql, { id: 'T-2', fate: 'apart', reason: 'bad total' });
    await aLine(desk.database.sql, { id: 'T-3', location: 'store-8' });
    const outcome = await desk.acts.discard({ locationId: 'store-7' }, WORD);
    expect(outcome).toEqual({ done: { waiting: 1, apart: 1, dead: 0 }, alongside: 0, refused: [] });
    expect(await desk.states()).toEqual({ 'T-1': 'discarded', 'T-2': 'discarded', 'T-3': 'waiting' });
    const rows = await desk.database
      .sql`select reason from conexxus.sale where fate = 'discarded' order by id`;
    expect(rows.map(({ reason }) => reason)).toEqual([
      'olga: the store was unknown',
      'olga: the store was unknown (set apart: bad total)',
    ]);
    expect(
      (await desk.audited()).map(({ transactionIds, locationId, payload }) => [
        transactionIds,
        locationId,
        payload,
      ]),
    ).toEqual(
      [['T-1'], ['T-2']].map((ids) => [
        ids,
        'store-7',
        { action: 'outbox.discard', ...WORD, filter: { locationId: 'store-7' }, sales: 1, lines: [] },
      ]),
    );
  });

  it('takes a dead sale out of the queue, with its row in the log', async () => {
    await desk.aDeadLetter('T-1', 'ps-a');
    await desk.aDeadLetter('T-2', 'ps-b');
    expect((await desk.acts.discard({ sales: ['T-1'] }, WORD)).done.dead).toBe(1);
    expect(await desk.states()).toEqual({ 'T-1': 'discarded', 'T-2': 'dead' });
    expect(await desk.shelf.idsOf({})).toEqual(['ps-b']);
    expect(await desk.shelf.typesOf('conexxus.sync.discarded.')).toHaveLength(1);
    expect(await desk.audited()).toMatchObject([{ aggregateId: 'T-1', transactionIds: ['T-1'] }]);
  });

  it('of a dead sale whose job is gone changes the outbox alone', async () => {
    await aSale(desk.database.sql, { id: 'T-1' }, { state: 'dead' });
    expect((await desk.acts.discard({ sales: ['T-1'] }, WORD)).done.dead).toBe(1);
    expect(await desk.states()).toEqual({ 'T-1': 'discarded' });
  });

  it('refuses a dead sale that somebody replayed, or that was delivered since', async () => {
    const { syncKey } = await desk.aDeadLetter('T-1', 'ps-a');
    await desk.shelf.queue.retryJobs({ state: 'failed' });
    await aSale(desk.database.sql, { id: 'T-2' }, { state: 'dead', syncKey: 'ps-b' });
    await desk.shelf.redis.set(`{${desk.shelf.namespace}}:circuit:delivered:ps-b`, '1');
    const outcome = await desk.acts.discard({ locationId: 'store-7', state: 'dead' }, WORD);
    expect(refusals(outcome)).toEqual({ 'in-the-queue': ['T-1'], delivered: ['T-2'] });
    expect(await desk.states()).toEqual({ 'T-1': 'dead', 'T-2': 'dead' });
    expect(await desk.shelf.waiting()).toEqual([syncKey]);
    expect(await desk.audited()).toEqual([]);
  });

  it('refuses what is under way, being split, delivered, given up, or nowhere', async () => {
    for (const state of ['open', 'planned', 'splitting', 'delivered', 'flagged', 'discarded']) {
      await aSale(desk.database.sql, { id: state }, { state });
    }
    const lines = await someLines(desk.database.sql, ['A', 'B']);
    await aPayload(desk.database.sql, lines, { state: 'dead' });
    const data = { date: DATE, locationId: 'store-7', transactions: [{ id: 'new', total: 1 }] };
    await desk.database
      .sql`select public.conexxus_enqueue('push_sales', ${JSON.stringify(data)}::text::jsonb)`;
    const before = await desk.states();
    const sales = ['open', 'planned', 'splitting', 'delivered', 'flagged', 'discarded', 'A', 'new', 'nobody'];
    const outcome = await desk.acts.discard({ sales, lines: ['999'] }, WORD);
    expect(refusals(outcome)).toEqual({
      'under-way': ['open', 'planned', 'splitting'],
      'being-split': ['A'],
      delivered: ['delivered'],
      flagged: ['flagged'],
      discarded: ['discarded'],
      untaken: ['new'],
      unknown: ['nobody', 'line 999'],
    });
    expect(outcome.done).toEqual({ waiting: 0, apart: 0, dead: 0 });
    expect(await desk.states()).toEqual(before);
    expect(await desk.shelf.events()).toEqual([]);
  });

  it('takes a payload of unknown fate whole, or not at all, naming who else is in it', async () => {
    const lines = await someLines(desk.database.sql, ['A', 'B', 'C']);
    await aPayload(desk.database.sql, lines, { state: 'apart' });
    const some = await desk.acts.discard({ sales: ['A', 'C'] }, WORD);
    expect(some.refused).toEqual([{ why: 'shares-a-payload', detail: 'B', count: 2, first: ['A', 'C'] }]);
    const all = await desk.acts.discard({ sales: ['A', 'B', 'C'] }, WORD);
    expect(all).toMatchObject({ done: { apart: 3 }, refused: [] });
    expect(await desk.states()).toEqual({ A: 'discarded', B: 'discarded', C: 'discarded' });
  });

  it('asks which, where one name is the sale of two stores', async () => {
    await aLine(desk.database.sql, { id: '1', location: 'store-7' });
    await aLine(desk.database.sql, { id: '1', location: 'store-8' });
    await expect(desk.acts.discard({ sales: ['1'] }, WORD)).rejects.toThrow(
      '1 is more than one sale (store-7, 2026-11-24; store-8, 2026-11-24): say which, with --location or --date',
    );
    expect((await desk.acts.discard({ sales: ['1'], locationId: 'store-8' }, WORD)).done.waiting).toBe(1);
  });

  it('finds a line by its number where it has no name', async () => {
    const line = await aLine(desk.database.sql, { id: null, location: null, date: null, fate: 'apart' });
    await aLine(desk.database.sql, { id: null, location: null, date: null, fate: 'apart' });
    expect((await desk.acts.discard({ lines: [line] }, WORD)).done.apart).toBe(1);
    expect(await desk.audited()).toMatchObject([{ aggregateId: `line ${line}`, payload: { lines: [line] } }]);
  });

  it('goes through many in pages', async () => {
    await desk.database.sql`
      insert into conexxus.sale (row_id, location_id, date, transaction_id, bytes, created_at)
      select n, 'store-7', ${DATE}, 'T-' || n, 1, now() from generate_series(1, 1201) n`;
    expect((await desk.acts.discard({}, WORD)).done.waiting).toBe(1_201);
    const events = await desk.audited();
    expect(events.map(({ transactionIds }) => transactionIds?.length)).toEqual([500, 500, 201]);
  });

  it('does nothing where Redis is away', async () => {
    await aLine(desk.database.sql, { id: 'T-1' });
    await aSale(desk.database.sql, { id: 'T-2' }, { state: 'dead' });
    desk.shelf.redis.disconnect();
    await expect(desk.acts.discard({}, WORD)).rejects.toThrow('Connection is closed');
    expect(await desk.states()).toEqual({ 'T-1': 'waiting', 'T-2': 'dead' });
  });
});
