import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { openShelf, type Shelf } from '../../sync/shelf.ts';
import { OPERATOR, type OpsHarness, startOps, VIEWER } from '../harness.ts';
import { get, post, refusal } from './harness.ts';

const LIST = '/api/dead-letters';
const REPLAY = '/api/dead-letters/replay';
const DISCARD = '/api/dead-letters/discard';

let shelf: Shelf;
let ops: OpsHarness;

beforeEach(async () => {
  shelf = openShelf();
  ops = await startOps({ namespace: shelf.namespace });
});

afterEach(async () => {
  await ops.close();
  shelf.close();
});

interface Group {
  readonly key: string;
  readonly count: number;
  readonly reason: string;
}

const groupsOf = async (): Promise<Group[]> => JSON.parse((await get(ops, LIST)).text).groups;

describe('the list', () => {
  it('counts all by what they died of, and shows the newest', async () => {
    await shelf.died(
      { id: 'a', reason: 'rejected: unknown item 17' },
      { id: 'b', reason: 'rejected: unknown item 18' },
      { id: 'c', reason: 'crashed: boom' },
    );
    const list = (await get(ops, `${LIST}?limit=1`)).json();
    expect(list).toMatchObject({ more: true, total: 3, toBeSplit: 0, missed: [] });
    expect(list['deadLetters']).toHaveLength(1);
    expect(list['groups']).toMatchObject([{ count: 2 }, { count: 1, reason: 'crashed: boom' }]);
    expect(JSON.stringify(list)).not.toContain('16676');
  });

  it('is filtered, and says which ids were given in vain', async () => {
    await shelf.died({ id: 'a' }, { id: 'b', reason: 'crashed: boom' });
    const list = await get(ops, `${LIST}?id=a&id=nobody&job=push_sales&location=store-1`);
    expect(list.json()).toMatchObject({
      total: 1,
      deadLetters: [{ id: 'a', job: 'push_sales', locationId: 'store-1', reason: 'rejected: 422' }],
      missed: [{ id: 'nobody', result: 'unknown' }],
    });
    expect((await get(ops, `${LIST}?error=BOOM&since=1h`)).json()).toMatchObject({ total: 1 });
    expect((await get(ops, `${LIST}?until=1h`)).json()).toMatchObject({ total: 0 });
  });

  it('an unknown parameter is refused, which would else have left none out', async () => {
    expect(refusal(await get(ops, `${LIST}?locaton=store-1`))).toMatchObject({
      status: 422,
      detail: 'locaton is not known here: leave it out',
    });
  });
});

describe('replay', () => {
  it('only counts them on a dry run', async () => {
    await shelf.died({ id: 'a' }, { id: 'b', reason: 'crashed: boom' });
    const counted = await post(ops, REPLAY, { ids: ['a', 'x'], dryRun: true });
    expect(counted.json()).toMatchObject({
      dryRun: true,
      matched: 1,
      missed: [{ id: 'x', result: 'unknown' }],
      groups: [{ count: 1, reason: 'rejected: 422' }],
    });
    expect(await shelf.waiting()).toEqual([]);
    expect(await ops.audited()).toEqual([]);
  });

  it('puts a group back, each with its result, and who did it why in the audit trail', async () => {
    await shelf.died({ id: 'a' }, { id: 'b' }, { id: 'c', reason: 'crashed: boom' });
    const group = (await groupsOf()).find(({ count }) => count === 2)?.key;
    const done = await post(ops, REPLAY, { group, reason: 'item created' });
    expect(done.json()).toMatchObject({
      results: expect.arrayContaining([
        { id: 'a', result: 'replayed' },
        { id: 'b', result: 'replayed' },
      ]),
      counts: { replayed: 2, taken: 0, refused: 0 },
      more: false,
    });
    expect((await shelf.waiting()).sort()).toEqual(['a', 'b']);
    expect(await ops.audited()).toMatchObject([
      {
        type: 'conexxus.operator.replay',
        payload: { actor: OPERATOR.user, reason: 'item created', filter: { group } },
      },
      { type: 'conexxus.sync.replayed.push_sales', payload: { actor: OPERATOR.user } },
      { type: 'conexxus.sync.replayed.push_sales' },
    ]);
  });

  it('two people at once: each dead letter goes back once', async () => {
    const ids = await shelf.shelve(300);
    const answers = await Promise.all(
      [1, 2].map((n) => post(ops, REPLAY, { all: true, reason: `person ${n}` })),
    );
    const results: { id: string; result: string }[] = answers.flatMap(({ text }) => JSON.parse(text).results);
    const replayed = results.filter(({ result }) => result === 'replayed').map(({ id }) => id);
    expect(replayed.sort()).toEqual([...ids].sort());
    expect(new Set(results.map(({ result }) => result))).toEqual(new Set(['replayed', 'taken']));
    const waiting = await shelf.waiting();
    expect(waiting).toHaveLength(300);
    expect(new Set(waiting).size).toBe(300);
  });

  it('takes the oldest so many, and says that there are more', async () => {
    await shelf.shelve(5);
    const first = await post(ops, REPLAY, { all: true, max: 3, reason: 'a few' });
    expect(first.json()).toMatchObject({ counts: { replayed: 3 }, more: true });
    expect((await shelf.waiting()).sort()).toEqual(['letter-0', 'letter-1', 'letter-2']);
    const second = await post(ops, REPLAY, { all: true, max: 3, reason: 'the rest' });
    expect(second.json()).toMatchObject({ counts: { replayed: 2 }, more: false });
  });

  it('says of each id that is in vain why', async () => {
    await shelf.died({ id: 'a' }, { id: 'b', reason: 'crashed: boom' });
    await shelf.queue.add('push_sales', {}, { jobId: 'waits' });
    const body = { ids: ['a', 'b', 'waits', 'nobody'], error: 'boom', reason: 'mended' };
    expect((await post(ops, REPLAY, body)).json()['results']).toEqual([
      { id: 'b', result: 'replayed' },
      { id: 'a', result: 'left-out' },
      { id: 'waits', result: 'not-dead', state: 'waiting' },
      { id: 'nobody', result: 'unknown' },
    ]);
  });

  it.each<[object, string]>([
    [{ reason: 'x' }, 'say which: ids, job, location, since, until, error or group; or all: true'],
    [{ all: true }, 'reason must say why, for the audit trail; only a dryRun needs none'],
    [{ all: true, ids: ['a'], reason: 'x' }, 'all leaves none out: no filter goes with it'],
    [{ ids: [], reason: 'x' }, 'ids names none'],
    [{ ids: 'a', reason: 'x' }, 'ids must be a list of job ids'],
    [{ ids: ['a', ''], reason: 'x' }, 'ids[1] must be a job id: a text, and not empty'],
    [{ all: 'yes', reason: 'x' }, 'all must be true, or left out'],
    [{ all: true, dryRun: 'no', reason: 'x' }, 'dryRun must be true or false'],
    [{ all: true, max: 0, reason: 'x' }, 'max must be at least 1'],
    [{ since: '1h', until: '2h', reason: 'x' }, 'until is earlier than since'],
  ])('%j is refused with the field and the fix, and nothing is done', async (body, detail) => {
    await shelf.died({ id: 'a' });
    expect(refusal(await post(ops, REPLAY, body))).toEqual({ status: 422, kind: 'invalid-request', detail });
    expect(await ops.audited()).toEqual([]);
  });
});

describe('discard', () => {
  it('gives them up for good, with who and why', async () => {
    await shelf.died({ id: 'a' });
    expect((await post(ops, DISCARD, { ids: ['a'], dryRun: true })).json()).toMatchObject({ matched: 1 });
    const done = await post(ops, DISCARD, { ids: ['a'], reason: 'a test' });
    expect(done.json()).toMatchObject({
      results: [{ id: 'a', result: 'discarded' }],
      counts: { discarded: 1 },
    });
    expect(await shelf.hashOf('a')).toEqual({});
    expect(await ops.audited()).toMatchObject([
      { type: 'conexxus.operator.discard', aggregateId: 'a', payload: { actor: OPERATOR.user } },
      { type: 'conexxus.sync.discarded.push_sales', payload: { reason: 'a test' } },
    ]);
  });

  it('is nothing for viewers, nor for other sites', async () => {
    await shelf.died({ id: 'a' });
    const body = { ids: ['a'], reason: 'a test' };
    const cross = { 'content-type': 'application/json', 'sec-fetch-site': 'cross-site' };
    for (const path of [REPLAY, DISCARD]) {
      expect((await post(ops, path, body, { as: VIEWER })).status).toBe(403);
      expect((await post(ops, path, body, { headers: cross })).status).toBe(403);
    }
    expect(await shelf.idsOf({})).toEqual(['a']);
  });
});

it('2,000 dead letters of three causes: counted, and one cause replayed, as a group', async () => {
  await shelf.shelve(2_000);
  const reasons = ['rejected: item 7', 'not_found: store 7', 'transient: HTTP 503'];
  const pipeline = shelf.redis.pipeline();
  for (let index = 0; index < 2_000; index += 1) {
    pipeline.hset(shelf.queue.toKey(`letter-${index}`), 'failedReason', reasons[index % 3] ?? '');
  }
  await pipeline.exec();
  const groups = await groupsOf();
  expect(groups.map(({ count }) => count)).toEqual([667, 667, 666]);
  const group = groups.find(({ reason }) => reason.startsWith('not_found'))?.key;
  const done = await post(ops, REPLAY, { group, reason: 'the store is known now' });
  expect(done.json()).toMatchObject({ counts: { replayed: 667 }, more: false });
  expect((await groupsOf()).map(({ count }) => count)).toEqual([667, 666]);
});
