import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { deliveredMarkKey } from '../../../src/circuit/keys.ts';
import { parseJob } from '../../../src/sync/jobs/jobs.ts';
import { sales } from '../../sync/sales.ts';
import { openShelf, type Shelf } from '../../sync/shelf.ts';
import { OPERATOR, type OpsHarness, startOps, VIEWER } from '../harness.ts';
import { post, refusal } from './harness.ts';

const SALE = sales('a');
const parsed = parseJob('push_sales', SALE);
const KEY = parsed.ok ? (parsed.job.syncKey ?? '') : '';

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

async function delivered(id: string): Promise<void> {
  const { redis, queue, namespace } = shelf;
  await redis.hset(queue.toKey(id), { name: 'push_sales', data: JSON.stringify(SALE), returnvalue: '1' });
  await redis.zadd(queue.toKey('completed'), Date.now(), id);
  await redis.set(deliveredMarkKey(namespace, KEY), 'a permission');
}

const mark = () => shelf.redis.get(deliveredMarkKey(shelf.namespace, KEY));

describe('resend', () => {
  it('a dry run says what would go, and changes nothing', async () => {
    await delivered('job-1');
    expect((await post(ops, '/api/resend', { id: 'job-1', dryRun: true })).json()).toEqual({
      dryRun: true,
      jobId: 'job-1',
      syncKey: KEY,
      locationId: 'store-1',
      transactionIds: ['sale-a'],
    });
    expect(await shelf.waiting()).toEqual([]);
    expect(await mark()).toBe('a permission');
  });

  it('sends it again under the same key, with who and why in the audit trail', async () => {
    await delivered('job-1');
    const answer = await post(ops, '/api/resend', { id: 'job-1', reason: 'they lost a day' });
    expect(answer.json()).toEqual({ jobId: 'job-1', syncKey: KEY });
    expect(await shelf.waiting()).toEqual(['job-1']);
    expect(await mark()).toBeNull();
    expect(await ops.audited()).toMatchObject([
      {
        type: 'conexxus.operator.resend',
        aggregateId: 'job-1',
        transactionIds: ['sale-a'],
        payload: { actor: OPERATOR.user, reason: 'they lost a day' },
      },
    ]);
    expect(refusal(await post(ops, '/api/resend', { id: 'job-1', reason: 'again' }))).toEqual({
      status: 409,
      kind: 'resend-refused',
      detail: 'job-1 is not delivered yet: it is waiting',
    });
  });

  it('once the queue has forgotten the job, it needs the payload, and that one alone', async () => {
    const asked = { id: KEY, reason: 'they lost a day' };
    expect(refusal(await post(ops, '/api/resend', asked))).toMatchObject({
      status: 409,
      detail: expect.stringContaining('give its payload'),
    });
    expect(refusal(await post(ops, '/api/resend', { ...asked, payload: sales('b') }))).toMatchObject({
      status: 409,
      detail: expect.stringContaining('The payload is another one'),
    });
    expect(
      refusal(await post(ops, '/api/resend', { ...asked, payload: { ...SALE, date: '2026-02-30' } })),
    ).toMatchObject({ status: 422, detail: expect.stringMatching(/^payload\.date /) });
    expect((await post(ops, '/api/resend', { ...asked, payload: SALE })).json()).toEqual({
      jobId: KEY,
      syncKey: KEY,
    });
    expect(await shelf.waiting()).toEqual([KEY]);
  });

  it('a number that would arrive as another one is refused with its path', async () => {
    const text = JSON.stringify({ id: 'gone', reason: 'x', payload: SALE }).replace(
      '"total":30.7',
      '"total":6035710012345678901',
    );
    expect(refusal(await post(ops, '/api/resend', text))).toMatchObject({
      status: 422,
      detail: expect.stringMatching(/^payload\.transactions\[0\]\.total 6035710012345678901 would arrive as/),
    });
  });

  it('is nothing for a viewer', async () => {
    await delivered('job-1');
    const answer = await post(ops, '/api/resend', { id: 'job-1', reason: 'x' }, { as: VIEWER });
    expect(answer.status).toBe(403);
    expect(await mark()).toBe('a permission');
  });
});
