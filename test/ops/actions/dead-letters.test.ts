import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { openShelf, type Shelf } from '../../sync/shelf.ts';
import { type Answer, type OpsHarness, startOps } from '../harness.ts';
import { open, submit, textOf } from './harness.ts';

const REPLAY = '/act/dead-letters/replay';
const DISCARD = '/act/dead-letters/discard';

let shelf: Shelf;
let ops: OpsHarness;

beforeEach(async () => {
  shelf = openShelf();
  ops = await startOps({ namespace: shelf.namespace, secrets: ['canary-secret'] });
});

afterEach(async () => {
  await ops.close();
  shelf.close();
});

/** The page that a form leads to. */
async function followed(answer: Answer): Promise<Answer> {
  expect(answer.status).toBe(303);
  return open(ops, answer.headers.location ?? '');
}

const linksOf = ({ text }: Answer) =>
  [...text.matchAll(/href="([^"]*\?group=[^"]*)"/g)].map(([, to]) => to ?? '');

const endings = async () =>
  (await ops.audited())
    .filter(({ type }) => type.endsWith('.ended'))
    .map(({ type, payload }) => ({ type, ...payload }));

describe('a group of dead letters', () => {
  it('is on the page of actions, looked at, and replayed with a reason', async () => {
    await shelf.died({ id: 'a' }, { id: 'b' }, { id: 'c', reason: 'crashed: with canary-secret' });
    const actions = await open(ops, '/act');
    expect(textOf(actions)).toMatch(/2 now|2 \d+ s ago/);
    expect(actions.text).not.toContain('canary');
    const [largest = ''] = linksOf(actions);

    const preview = await open(ops, largest);
    expect(textOf(preview)).toMatch(/2 dead letters , which go back into the queue.*rejected: 422/);
    expect(textOf(preview)).toMatch(/ a .* b | b .* a /);
    expect(textOf(preview)).toContain('ends with it');
    expect(await shelf.waiting()).toEqual([]);

    const page = await followed(await submit(ops, largest, { reason: 'item created' }));
    expect(textOf(page)).toContain('2 dead letters replayed of 2. It is done.');
    expect((await shelf.waiting()).sort()).toEqual(['a', 'b']);
    expect(await shelf.idsOf({})).toEqual(['c']);
    expect(await endings()).toMatchObject([
      { type: 'conexxus.operator.replay.ended', actor: 'olga', ended: 'done', counts: { replayed: 2 } },
    ]);
  });

  it('what dies after the look is not touched', async () => {
    const died = Date.now() - 60_000;
    await shelf.shelve(3, () => died);
    const [largest = ''] = linksOf(await open(ops, '/act'));
    const preview = await open(ops, largest);
    await shelf.redis.hset(shelf.queue.toKey('late'), {
      name: 'push_sales',
      data: '{}',
      failedReason: 'transient: 500',
      finishedOn: Date.now(),
    });
    await shelf.redis.zadd(shelf.queue.toKey('failed'), Date.now(), 'late');
    const until = /name="until" value="([^"]*)"/.exec(preview.text)?.[1] ?? '';
    await followed(await submit(ops, largest, { reason: 'as I saw them', until }));
    expect(await shelf.idsOf({})).toEqual(['late']);
  });
});

describe('one dead letter, or some by a filter', () => {
  it('is discarded for good after a look', async () => {
    await shelf.died({ id: 'a' }, { id: 'b' });
    const path = `${DISCARD}?id=a&id=nobody`;
    expect(textOf(await open(ops, path))).toMatch(/1 dead letter , which are given up.*In vain: nobody/);
    const page = await followed(await submit(ops, path, { reason: 'a test' }));
    expect(textOf(page)).toMatch(
      /1 dead letter discarded of 1, 1 not\. It is done\..*nobody the queue has no such job/,
    );
    expect(await shelf.idsOf({})).toEqual(['b']);
  });

  it('without a filter asks which', async () => {
    const page = await open(ops, REPLAY);
    expect(page.text).toContain('<form method="get">');
    expect(page.text).not.toContain('method="post"');
  });

  it('with a filter that cannot be, says so and asks again', async () => {
    const page = await open(ops, `${REPLAY}?since=yesterday`);
    expect(page.status).toBe(422);
    expect(textOf(page)).toContain('since must be a time with its offset');
  });

  it('without a reason, or with a rate that is none, nothing is begun', async () => {
    await shelf.died({ id: 'a' });
    for (const typed of [{ reason: ' ' }, { reason: 'x', rate: '0' }]) {
      const page = await submit(ops, `${REPLAY}?id=a`, typed);
      expect(page.status).toBe(422);
      expect(page.text).toContain('role="alert"');
    }
    expect(ops.runs.list()).toEqual([]);
    expect(await shelf.idsOf({})).toEqual(['a']);
  });
});

describe('a run', () => {
  it('goes no faster than it is told, and is stopped by its button; the rest stays', async () => {
    await shelf.shelve(200);
    const answer = await submit(ops, `${REPLAY}?all=true`, { reason: 'slowly', rate: '20' });
    const page = await followed(answer);
    expect(textOf(page)).toMatch(/ of 200\. It goes on in this dashboard, and ends with it/);
    expect(page.text).toContain('http-equiv="refresh"');
    const stopped = await followed(await submit(ops, `${answer.headers.location}/stop`));
    expect(textOf(stopped)).toMatch(/It was stopped\. What is not replayed is a dead letter still\./);
    expect(stopped.text).not.toContain('http-equiv="refresh"');
    const replayed = (await shelf.waiting()).length;
    expect(replayed).toBeGreaterThan(0);
    expect(replayed).toBeLessThan(150);
    expect((await shelf.idsOf({})).length).toBe(200 - replayed);
    expect(await endings()).toMatchObject([{ ended: 'stopped', counts: { replayed } }]);
  });

  it('ends with its dashboard, which is in the audit trail', async () => {
    await shelf.shelve(100);
    await followed(await submit(ops, `${REPLAY}?all=true`, { reason: 'slowly', rate: '20' }));
    await ops.runs.close();
    const [run] = ops.runs.list();
    expect(run?.ended?.how).toBe('dashboard');
    const replayed = (await shelf.waiting()).length;
    expect(await endings()).toMatchObject([{ ended: 'dashboard', counts: { replayed } }]);
    expect((await shelf.idsOf({})).length).toBe(100 - replayed);
  });

  it('of another dashboard is unknown, which is said', async () => {
    const page = await open(ops, '/act/runs/11111111-2222-4333-8444-555555555555');
    expect(page.status).toBe(404);
    expect(textOf(page)).toContain('A run lives in the dashboard that it was started in');
  });

  it('two people who replay the same: each dead letter goes once', async () => {
    const ids = await shelf.shelve(120);
    const pages = await Promise.all(
      ['one', 'other'].map(async (reason) => followed(await submit(ops, `${REPLAY}?all=true`, { reason }))),
    );
    expect(pages).toHaveLength(2);
    await Promise.all(ops.runs.list().map(({ id }) => ops.runs.settled(id, 10_000)));
    const sums = ops.runs.list().map(({ tally }) => tally.done);
    expect(sums.reduce((sum, done) => sum + done, 0)).toBe(120);
    expect((await shelf.waiting()).sort()).toEqual([...ids].sort());
  });
});
