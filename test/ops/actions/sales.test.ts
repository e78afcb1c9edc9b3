import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { deliveredMarkKey } from '../../../src/circuit/keys.ts';
import { parseJob } from '../../../src/sync/jobs/jobs.ts';
import { aDesk, type Desk } from '../../outbox/desk.ts';
import { aLine, aSale, DATE } from '../../outbox/tables.ts';
import { sales } from '../../sync/sales.ts';
import { type OpsHarness, startOps } from '../harness.ts';
import { open, send, submit, textOf } from './harness.ts';

const SALE = sales('a');
const parsed = parseJob('push_sales', SALE);
const KEY = parsed.ok ? (parsed.job.syncKey ?? '') : '';

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

describe('a delivered sale', () => {
  it('is sent again after a look, with a reason', async () => {
    const { redis, queue, namespace } = desk.shelf;
    await redis.hset(queue.toKey('job-1'), { name: 'push_sales', data: JSON.stringify(SALE) });
    await redis.zadd(queue.toKey('completed'), 1, 'job-1');
    await redis.set(deliveredMarkKey(namespace, KEY), '1');
    const path = '/act/resend?id=job-1';
    expect(textOf(await open(ops, path))).toMatch(/a second time, on purpose.*job-1.*store-1.*sale-a/);
    expect(await desk.shelf.waiting()).toEqual([]);
    const done = await submit(ops, path, { reason: 'they lost a day' });
    expect(textOf(done)).toContain('job-1 is in the queue again');
    expect(await desk.shelf.waiting()).toEqual(['job-1']);
    expect(await ops.audited()).toMatchObject([
      { type: 'conexxus.operator.resend', payload: { actor: 'olga', reason: 'they lost a day' } },
    ]);
  });

  it('that the queue has forgotten is asked for by its payload', async () => {
    const asked = await open(ops, `/act/resend?id=${KEY}`);
    expect(asked.status).toBe(409);
    expect(textOf(asked)).toContain('give its payload');
    const payload = JSON.stringify(SALE, null, 2);
    const preview = await send(ops, '/act/resend', [
      ['id', KEY],
      ['payload', payload],
    ]);
    expect(textOf(preview)).toContain('sale-a');
    expect(await desk.shelf.waiting()).toEqual([]);
    const confirmed = [
      ['id', KEY],
      ['payload', payload],
      ['confirm', 'yes'],
      ['reason', 'they lost it'],
    ] as const;
    expect(textOf(await send(ops, '/act/resend', confirmed))).toContain('is in the queue again');
    expect(await desk.shelf.waiting()).toEqual([KEY]);
  });

  it('is not sent again without a reason, nor from what is no JSON', async () => {
    const without = [
      ['id', KEY],
      ['payload', JSON.stringify(SALE)],
      ['confirm', 'yes'],
    ] as const;
    expect((await send(ops, '/act/resend', without)).status).toBe(422);
    expect(
      (
        await send(ops, '/act/resend', [
          ['id', 'x'],
          ['payload', '{'],
        ])
      ).status,
    ).toBe(400);
    expect(await desk.shelf.waiting()).toEqual([]);
  });
});

describe('sales of the outbox', () => {
  it('are discarded after a look that counts them and names who is left', async () => {
    await aLine(desk.database.sql, { id: 'T-1' });
    await aSale(desk.database.sql, { id: 'T-2' }, { state: 'open' });
    const path = `/act/outbox/discard?location=store-7&date=${DATE}`;
    expect(textOf(await open(ops, path))).toMatch(
      /1 sale \(1 waiting\), which are given up.*1 not: under way.*T-2/,
    );
    expect(await desk.states()).toMatchObject({ 'T-1': 'waiting' });
    expect(textOf(await submit(ops, path, { reason: 'a test' }))).toContain('1 sale discarded');
    expect(await desk.states()).toEqual({ 'T-1': 'discarded', 'T-2': 'enqueued' });
    expect(await desk.audited()).toMatchObject([{ payload: { actor: 'olga', reason: 'a test' } }]);
  });

  it('a dead one is released by its id', async () => {
    await desk.aDeadLetter('T-1', 'ps-dead');
    const done = await submit(ops, '/act/outbox/release?sale=T-1', { reason: 'item created' });
    expect(textOf(done)).toContain('1 sale released');
    expect(await desk.shelf.waiting()).toEqual(['ps-dead']);
  });

  it('relays that wait for a person are let go', async () => {
    expect(textOf(await open(ops, '/act/outbox/relays'))).toContain('They are not held.');
    await desk.database.sql`update conexxus.relay set held = 'the event log is ahead'`;
    expect(textOf(await open(ops, '/act/outbox/relays'))).toContain('the event log is ahead');
    expect((await submit(ops, '/act/outbox/relays')).status).toBe(422);
    const done = await submit(ops, '/act/outbox/relays', { reason: 'checked' });
    expect(textOf(done)).toContain('They were held: the event log is ahead');
  });

  it('without an outbox, it is said', async () => {
    const without = await startOps();
    try {
      const page = await open(without, '/act/outbox/discard?all=true');
      expect(page.status).toBe(503);
      expect(textOf(page)).toContain('The outbox cannot be used now');
    } finally {
      await without.close();
    }
  });
});
