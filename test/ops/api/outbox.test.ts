import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { openTestDatabase } from '../../events/harness.ts';
import { aDesk, type Desk } from '../../outbox/desk.ts';
import { aLine, aSale, DATE } from '../../outbox/tables.ts';
import { OPERATOR, type OpsHarness, startOps, VIEWER } from '../harness.ts';
import { post, refusal } from './harness.ts';

const RELEASE = '/api/outbox/release';
const DISCARD = '/api/outbox/discard';
const RELAYS = '/api/outbox/relays/release';

let desk: Desk;
let ops: OpsHarness;

beforeAll(async () => {
  desk = await aDesk();
});

beforeEach(async () => {
  desk.open();
  ops = await startOps({ namespace: desk.shelf.namespace, outboxDatabase: desk.database });
});

afterEach(async () => {
  await ops.close();
  await desk.clear();
});

afterAll(() => desk.close());

describe('discard', () => {
  it('only counts on a dry run, then gives up for good, with who and why', async () => {
    await aLine(desk.database.sql, { id: 'T-1' });
    await aSale(desk.database.sql, { id: 'T-2' }, { state: 'open' });
    const body = { location: 'store-7', date: DATE };
    const result = {
      done: { waiting: 1, apart: 0, dead: 0 },
      alongside: 0,
      refused: [{ why: 'under-way', count: 1, first: ['T-2'] }],
    };
    const counted = await post(ops, DISCARD, { ...body, dryRun: true });
    expect(counted.json()).toEqual({ dryRun: true, result });
    expect(await desk.states()).toMatchObject({ 'T-1': 'waiting' });
    const done = await post(ops, DISCARD, { ...body, reason: 'a test sale' });
    expect(done.json()).toEqual({ result });
    expect(await desk.states()).toEqual({ 'T-1': 'discarded', 'T-2': 'enqueued' });
    expect(await desk.audited()).toMatchObject([
      {
        type: 'conexxus.operator.outbox.discard',
        aggregateId: 'T-1',
        payload: { actor: OPERATOR.user, reason: 'a test sale' },
      },
    ]);
  });

  it('one id that is the sale of two stores is refused', async () => {
    await aLine(desk.database.sql, { id: 'T-1' });
    await aLine(desk.database.sql, { id: 'T-1', location: 'store-8' });
    expect(refusal(await post(ops, DISCARD, { sales: ['T-1'], reason: 'x' }))).toMatchObject({
      status: 409,
      kind: 'ambiguous-sale',
    });
  });
});

describe('release', () => {
  it('sends a dead letter again, by its sale', async () => {
    const { syncKey } = await desk.aDeadLetter('T-1', 'ps-dead');
    const done = await post(ops, RELEASE, { sales: ['T-1'], reason: 'item created' });
    expect(done.json()).toMatchObject({ result: { done: { dead: 1 }, refused: [] } });
    expect(await desk.shelf.waiting()).toEqual([syncKey]);
  });

  it('lets the relays go on that wait for a person, once', async () => {
    await desk.database.sql`update conexxus.relay set held = 'the event log is ahead'`;
    const body = { reason: 'the restored database is checked' };
    expect((await post(ops, RELAYS, body)).json()).toEqual({ released: 'the event log is ahead' });
    expect((await post(ops, RELAYS, body)).json()).toEqual({ released: null });
    expect(await desk.audited()).toMatchObject([{ payload: { actor: OPERATOR.user, ...body } }]);
  });
});

it.each<[object, string]>([
  [{ reason: 'x' }, 'say which: sales, lines, location or date; or all: true'],
  [{ all: true, location: 'store-7', reason: 'x' }, 'all leaves none out: nothing but state goes with it'],
  [{ sales: ['T-1'], state: 'dead', reason: 'x' }, 'state is for many sales: these are named'],
  [{ state: 'lost', all: true, reason: 'x' }, 'state must be one of waiting, apart, dead'],
  [{ date: '2026-02-30', reason: 'x' }, 'date must be a calendar date, YYYY-MM-DD'],
  [{ lines: ['x'], reason: 'x' }, 'lines[0] must be the number of a line, as text'],
  [{ all: true }, 'reason must say why, for the audit trail; only a dryRun needs none'],
])('%j is refused with the field and the fix', async (body, detail) => {
  expect(refusal(await post(ops, DISCARD, body))).toEqual({ status: 422, kind: 'invalid-request', detail });
});

it('is nothing for viewers', async () => {
  for (const path of [RELEASE, DISCARD, RELAYS]) {
    const answer = await post(ops, path, { all: true, reason: 'x' }, { as: VIEWER });
    expect(answer.status).toBe(403);
  }
});

it('without an outbox, or without its Postgres, it says so', async () => {
  const body = { all: true, dryRun: true };
  const bare = await openTestDatabase();
  const without = await startOps({ outboxDatabase: bare.database });
  const away = await startOps();
  try {
    expect(refusal(await post(without, RELEASE, body))).toMatchObject({
      status: 404,
      kind: 'no-outbox',
      detail: expect.stringContaining('migrate --outbox'),
    });
    expect(refusal(await post(away, RELEASE, body))).toMatchObject({ status: 503, kind: 'outbox-away' });
  } finally {
    await without.close();
    await away.close();
    await bare.close();
  }
});
