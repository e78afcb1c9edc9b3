import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { deliveredMarkKey } from '../../src/circuit/keys.ts';
import { eventStreamKey } from '../../src/events/event.ts';
import type { PushSales } from '../../src/index.ts';
import { createSplitOut } from '../../src/sync/dead-letters/split.ts';
import { splitEvent } from '../../src/sync/sync-event.ts';
import { eventually } from './eventually.ts';
import type { RunningProcess } from './process.ts';
import { makeSales } from './sales.ts';
import { type Stand, startStand } from './stand.ts';

const PUSH = '/api/v1/sales/push';

let stand: Stand;
/** By name: one to spoil in each test. */
const jobs = new Map<string, { readonly id: string; readonly sale: PushSales }>();

let worker: RunningProcess;

// Real books of a real worker, to be spoilt by hand.
beforeAll(async () => {
  stand = await startStand();
  worker = await stand.startWorker();
  await stand.simulator.setFaults([
    { match: { transactionId: 'dead-0' }, fault: { kind: 'status', status: 422 } },
    { match: { transactionId: 'tried-twice-0', times: 1 }, fault: { kind: 'status', status: 500 } },
    {
      match: { transactionId: 'never-applied-0' },
      fault: { kind: 'status', status: 200, body: { success: true, timestamp: '2026-11-20T12:00:00Z' } },
    },
  ]);
  for (const name of ['lost', 'sent-again', 'two-keys', 'unlogged', 'two-rows', 'tried-twice', 'dead']) {
    await sell(name);
  }
  await untilFinished(7);
}, 60_000);

afterAll(() => stand.close());

async function sell(name: string): Promise<void> {
  const sales = makeSales(1, name);
  const ids = await stand.enqueue(sales);
  for (const [index, sale] of sales.entries()) jobs.set(name, { id: ids[index] ?? '', sale });
}

async function untilFinished(count: number): Promise<void> {
  await eventually(async () => {
    expect(await stand.queue.getJobCountByTypes('completed', 'failed')).toBe(count);
    expect(await stand.redis.xlen(eventStreamKey(stand.namespace))).toBe(0);
  });
}

async function untilDelivered(ids: readonly string[]): Promise<void> {
  await eventually(async () => {
    for (const id of ids) expect(await stand.queue.getJobState(id)).toBe('completed');
    expect(await stand.redis.xlen(eventStreamKey(stand.namespace))).toBe(0);
  });
}

function job(name: string): { readonly id: string; readonly sale: PushSales } {
  const found = jobs.get(name);
  if (found === undefined) throw new Error(`no sale ${name}`);
  return found;
}

/** As another sender would. */
async function push(sale: PushSales, key: string): Promise<void> {
  const { url, apiKey } = stand.simulator;
  const headers = { 'x-api-key': apiKey, 'idempotency-key': key };
  const answer = await fetch(`${url}${PUSH}`, { method: 'POST', headers, body: JSON.stringify(sale) });
  expect(answer.status).toBe(200);
}

async function deleteRows(id: string, kind: string): Promise<void> {
  const type = `conexxus.sync.${kind}.push_sales`;
  const gone = await stand.database.sql`
    delete from event_log where aggregate_id = ${id} and event_type = ${type} returning id`;
  expect(gone).toHaveLength(1);
}

/** The problem that was not there before. */
async function problemAfter(spoil: () => Promise<unknown>): Promise<readonly string[]> {
  const before = new Set((await stand.reconcile()).problems);
  await spoil();
  return (await stand.reconcile()).problems.filter((problem) => !before.has(problem));
}

describe('the reconciler', () => {
  it('finds sound books sound', async () => {
    expect(await stand.reconcile()).toMatchObject({
      accepted: 7,
      delivered: 6,
      deadLettered: 1,
      succeededRows: 6,
      failedRows: 2,
      deadLetterRows: 1,
      unlogged: [],
      problems: [],
    });
  });

  it('catches a sale that counts as delivered and never was', async () => {
    await sell('never-applied');
    await untilFinished(8);
    await worker.stop();
    const { problems } = await stand.reconcile();
    expect(problems).toEqual([`1 delivered, yet never applied: ${job('never-applied').id}`]);
  });

  it('catches a sale that is lost', async () => {
    const { id } = job('lost');
    const problems = await problemAfter(async () => {
      await stand.queue.remove(id);
      await stand.redis.del(deliveredMarkKey(stand.namespace, id));
    });
    expect(problems).toEqual([`1 lost: ${id}`]);
  });

  it('catches a sale that was sent again after its success, though the API heeded the key', async () => {
    const { id, sale } = job('sent-again');
    const problems = await problemAfter(() => push(sale, id));
    expect(problems).toEqual([`1 sent again after its success was recorded: ${id}`]);
  });

  it('excuses a second success only where the first answer was lost', async () => {
    const again = 'sent again';
    const { id } = job('sent-again');
    const excused = await stand.reconcile({ lostAnswers: new Set([id]) });
    expect(excused.problems.filter((problem) => problem.includes(again))).toEqual([]);
    const other = await stand.reconcile({ lostAnswers: new Set([job('two-keys').id]) });
    expect(other.problems.filter((problem) => problem.includes(again))).toHaveLength(1);
  });

  it('catches a sale that was applied twice under two keys', async () => {
    const { sale } = job('two-keys');
    const problems = await problemAfter(() => push(sale, 'another-key'));
    expect(problems).toEqual(['1 applied twice: store-1/two-keys-0']);
    expect((await stand.reconcile({ lostAnswers: 'all' })).appliedTwice).toBe(1);
  });

  it('catches a delivered sale without a row', async () => {
    const { id } = job('unlogged');
    const problems = await problemAfter(() => deleteRows(id, 'succeeded'));
    expect(problems).toEqual([`1 delivered without a row: ${id}`]);
  });

  it('catches a delivered sale with two rows', async () => {
    const { id } = job('two-rows');
    const problems = await problemAfter(
      () => stand.database.sql`
        insert into event_log (event_type, aggregate_id, "timestamp", payload, transaction_ids, dedupe_key)
        select event_type, aggregate_id, "timestamp", payload, transaction_ids, 'twice'
        from event_log where aggregate_id = ${id}`,
    );
    expect(problems).toEqual([`1 delivered with more than one row: ${id}`]);
  });

  it('catches a failed attempt without a row', async () => {
    const { id } = job('tried-twice');
    expect((await stand.reconcile()).unlogged).not.toContain(id);
    await deleteRows(id, 'failed');
    expect((await stand.reconcile()).unlogged).toContain(id);
  });

  it('catches a dead letter without a row', async () => {
    const { id } = job('dead');
    const problems = await problemAfter(() => deleteRows(id, 'dead_lettered'));
    expect(problems).toEqual([`1 dead without a row: ${id}`]);
  });

  it('follows a batch that was split to its halves, and catches one of them that is lost', async () => {
    const [first, second] = makeSales(2, 'half');
    const transactions = [first, second].flatMap((half) => half?.transactions ?? []);
    const before = await stand.reconcile();
    await stand.queue.add('push_sales', { ...first, transactions }, { jobId: 'whole', delay: 3_600_000 });
    stand.accept('whole');
    worker = await stand.startWorker();
    const keyOf = async (half: PushSales | undefined) =>
      half === undefined ? '' : (await stand.producer.pushSales(half)).jobId;
    const keys: [string, string] = [await keyOf(first), await keyOf(second)];
    const subject = {
      jobId: 'whole',
      name: 'push_sales',
      json: '{}',
      locationId: 'store-1',
      transactionIds: [],
    };
    const event = splitEvent(subject, keys, 'it died', (text) => text);
    const splitOut = createSplitOut(stand);
    expect(await splitOut({ jobId: 'whole', from: 'delayed', event })).toBe(true);
    await untilDelivered(keys);
    const after = await stand.reconcile();
    expect(after.problems).toEqual(before.problems);
    expect(after).toMatchObject({
      accepted: before.accepted + 1,
      split: 1,
      delivered: before.delivered + 2,
    });
    await worker.stop();
    const problems = await problemAfter(async () => {
      await stand.queue.remove(keys[1]);
      await stand.redis.del(deliveredMarkKey(stand.namespace, keys[1]));
    });
    expect(problems).toEqual([`2 lost: ${job('lost').id}, ${keys[1]}`]);
  });

  it('catches rows that wait for Postgres, and rows set apart', async () => {
    const stream = eventStreamKey(stand.namespace);
    const problems = await problemAfter(async () => {
      await stand.redis.xadd(stream, '*', 'event', '{}');
      await stand.redis.xadd(`${stream}:refused`, '*', 'event', '{}');
    });
    expect(problems).toEqual(['1 rows set apart: 1', '1 rows still waiting for Postgres: 1']);
  });
});
