import { randomUUID } from 'node:crypto';
import { type Job, UnrecoverableError, Worker } from 'bullmq';
import { CLAIM_IN_DOUBT } from '../../src/circuit/claims.ts';
import { claimKey, deliveredMarkKey } from '../../src/circuit/keys.ts';
import { eventStreamKey, type SyncEvent } from '../../src/events/event.ts';
import type { PushSales } from '../../src/index.ts';
import { queuePrefix } from '../../src/sync/queue.ts';
import { attemptEvent, deadLetterEvent, knownEvent } from '../../src/sync/sync-event.ts';
import type { RelayBench } from './relay-bench.ts';

/** What becomes of a call. */
export type Ending =
  | 'answered'
  /** Conexxus took it, or had no part in it; nobody heard. */
  | 'applied-unheard'
  | 'unheard'
  /** After Conexxus took it, and before anybody wrote it down. */
  | 'applied-and-died'
  /** After it was written down, and before the job was done. */
  | 'recorded-and-died'
  /** A store that Conexxus does not know yet, say. */
  | 'refused'
  /** By a worker that was frozen: meanwhile another had the job die. */
  | 'heard-too-late'
  /** Complete answers, five times. */
  | 'failed-often';

interface Call {
  readonly key: string;
  readonly sales: readonly string[];
  readonly applied: boolean;
  /** And remembered: by Redis, or in the event log. */
  heard: boolean;
}

const BAD = /^bad/;
const HOUR_MS = 3_600_000;
const redact = (text: string) => text;

/** Which sale it is, whatever payload it travels in. */
export const contentOf = (transaction: PushSales['transactions'][number]) =>
  `${transaction.id} ${transaction.total}`;

/**
 * The queue's consumer and Conexxus behind it, which refuses any payload with a bad sale in it. It writes what the
 * worker's scripts write: delivered mark, claim and event together, then the job's end.
 */
export function consumerOf({ redis, queue, namespace, sql }: RelayBench) {
  const worker = new Worker('sync', null, {
    connection: redis,
    prefix: queuePrefix(namespace),
    autorun: false,
    skipStalledCheck: true,
    lockDuration: 60_000,
  });
  worker.on('error', () => undefined);
  const calls: Call[] = [];
  let deaths = 0;

  function subjectOf(job: Job<PushSales>) {
    const { data, id = '', name } = job;
    const transactionIds = data.transactions.map((one) => one.id);
    const json = JSON.stringify(data);
    return { jobId: id, syncKey: id, name, json, locationId: data.locationId, transactionIds };
  }

  async function record(event: SyncEvent, more: (string | number)[][] = []): Promise<void> {
    const transaction = redis.multi();
    transaction.xadd(eventStreamKey(namespace), '*', 'event', JSON.stringify(event), 'at', Date.now());
    for (const [command = '', ...rest] of more) transaction.call(String(command), ...rest);
    await transaction.exec();
  }

  /** Also what the next one has to know of this one. */
  async function recordFailure(job: Job<PushSales>, outcome: 'transient' | 'rejected', inDoubt: boolean) {
    const attempt = { outcome, attempt: job.attemptsMade + 1, durationMs: 1, inDoubt };
    const claim = inDoubt ? CLAIM_IN_DOUBT : 'recorded|a permission';
    await record(attemptEvent(subjectOf(job), randomUUID(), attempt, redact), [
      ['SET', claimKey(namespace, job.id ?? ''), claim],
    ]);
  }

  async function die(job: Job<PushSales>, reason: string): Promise<void> {
    deaths += 1;
    const death = { outcome: 'rejected', attempt: 1, error: { code: 'HTTP_422', message: reason } };
    await record(deadLetterEvent(subjectOf(job), deaths, death, redact));
    await job.moveToFailed(new UnrecoverableError(reason), job.token ?? '');
  }

  async function later(job: Job<PushSales>): Promise<void> {
    job.opts.attempts = Number.MAX_SAFE_INTEGER;
    job.opts.backoff = { type: 'fixed', delay: HOUR_MS };
    await job.moveToFailed(new Error('transient'), job.token ?? '');
  }

  /** Conexxus knows a payload by its key. */
  async function call(key: string, data: PushSales, ending: Ending): Promise<'taken' | 'refused'> {
    const sales = data.transactions.map(contentOf);
    const isBad = data.transactions.some(({ id }) => BAD.test(id));
    const isLost = ending === 'unheard' || ending === 'refused' || ending === 'failed-often';
    const applied = !isBad && !isLost;
    const heard = ending === 'answered' || ending === 'recorded-and-died' || ending === 'heard-too-late';
    await expectNotDelivered(sales);
    calls.push({ key, sales, applied, heard });
    return applied ? 'taken' : 'refused';
  }

  /** Where Postgres knows of its delivery, nobody calls with a sale again. */
  async function expectNotDelivered(sales: readonly string[]): Promise<void> {
    const keys = calls
      .filter((one) => one.applied && one.sales.some((sale) => sales.includes(sale)))
      .map(({ key }) => key);
    const told = await deliveredKeys(keys);
    if (told.size > 0) throw new Error(`delivered already, and called again: ${sales.join(', ')}`);
  }

  async function handle(job: Job<PushSales>, ending: Ending): Promise<void> {
    const { id = '', token = '' } = job;
    if ((await redis.exists(deliveredMarkKey(namespace, id))) === 1) {
      await record(knownEvent(subjectOf(job), job.timestamp, redact));
      return void (await job.moveToCompleted(null, token, false));
    }
    const claim = await redis.get(claimKey(namespace, id));
    const earlier = claim !== null && !/^recorded\|[^|]*$/.test(claim);
    const answer = await call(id, job.data, ending);
    switch (ending) {
      case 'applied-unheard':
      case 'unheard':
        await recordFailure(job, 'transient', true);
        return later(job);
      case 'applied-and-died':
        await redis.set(claimKey(namespace, id), 'a permission|1|1|0|a job');
        return void (await job.moveToWait(token));
      case 'failed-often':
        for (let n = 0; n < 5; n += 1) await recordFailure(job, 'transient', earlier);
        await redis.hset(queue.toKey(id), 'atm', 5);
        return later(job);
      case 'answered':
      case 'recorded-and-died':
      case 'refused':
      case 'heard-too-late':
        break;
    }
    if (answer === 'refused') {
      await recordFailure(job, 'rejected', earlier);
      return die(job, ending === 'refused' ? 'refused for now' : 'bad');
    }
    if (ending === 'heard-too-late') await die(job, 'no call came back');
    const success = { outcome: 'delivered', attempt: 1, durationMs: 1 } as const;
    await record(attemptEvent(subjectOf(job), randomUUID(), success, redact), [
      ['SET', deliveredMarkKey(namespace, id), '1'],
      ['DEL', claimKey(namespace, id)],
    ]);
    if (ending === 'heard-too-late') return;
    if (ending === 'recorded-and-died') await job.moveToWait(token);
    else await job.moveToCompleted(null, token, false);
  }

  async function deliveredKeys(keys: readonly string[]): Promise<Set<string>> {
    const rows = await sql<{ aggregate_id: string }[]>`
      select aggregate_id from event_log
      where aggregate_id = any(${`{${keys.join(',')}}`}::text[]) and event_type like 'conexxus.sync.succeeded.%'`;
    return new Set(rows.map((row) => row.aggregate_id));
  }

  return {
    calls,
    /** Redis forgets: of deliveries that Postgres had not been told of nobody has heard. */
    async forget(): Promise<void> {
      const told = await deliveredKeys(calls.map(({ key }) => key));
      for (const call of calls) call.heard &&= told.has(call.key);
    },
    /** False: there was nothing to do. */
    async work(ending: Ending): Promise<boolean> {
      const job: Job<PushSales> | undefined = await worker.getNextJob(randomUUID(), { block: false });
      if (job === undefined) return false;
      await handle(job, ending);
      return true;
    },
    /** Backoffs are over. */
    async wake(): Promise<void> {
      for (const job of await queue.getDelayed()) await job.promote();
    },
    async close(): Promise<void> {
      await worker.close();
    },
  };
}
