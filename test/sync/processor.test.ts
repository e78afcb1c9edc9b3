import { getMaxListeners } from 'node:events';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { Job, Queue } from 'bullmq';
import type { Redis } from 'ioredis';
import { connectRedis } from '../../src/base/redis.ts';
import { type Circuit, createCircuit } from '../../src/circuit/circuit.ts';
import { deliveredMarkKey } from '../../src/circuit/keys.ts';
import type { Outcome } from '../../src/conexxus/outcome.ts';
import { eventStreamKey, type SyncEvent } from '../../src/events/event.ts';
import { createSpool } from '../../src/events/spool.ts';
import { type Consumer, createConsumer } from '../../src/sync/consumer.ts';
import { readReplays } from '../../src/sync/dead-letters/replays.ts';
import { readToBeSplit } from '../../src/sync/dead-letters/splits.ts';
import { parseJob } from '../../src/sync/jobs/jobs.ts';
import { createProcessor } from '../../src/sync/processor.ts';
import { createJobAdder, type Entry, type JobAdder } from '../../src/sync/producer/job-adder.ts';
import { openQueueConnection } from '../../src/sync/producer/queue-connection.ts';
import { openQueue } from '../../src/sync/queue.ts';
import { createWorkerSelf } from '../../src/sync/worker-self.ts';
import { OPTIONS } from '../circuit/harness.ts';
import { eventually } from '../support/eventually.ts';
import { testRedisUrl, uniqueNamespace } from '../support/redis.ts';
import { sales } from './sales.ts';

const DELIVERED: Outcome = { kind: 'delivered', durationMs: 1, httpStatus: 200, duplicate: false };
const DUPLICATE: Outcome = { ...DELIVERED, httpStatus: 409, duplicate: true };

const failed = (kind: 'rejected' | 'transient', httpStatus?: number): Outcome => ({
  kind,
  durationMs: 1,
  error: { code: `http_${httpStatus}`, message: 'no' },
  ...(httpStatus === undefined ? {} : { httpStatus }),
});

let redis: Redis;
let namespace: string;
let queue: Queue;
let circuit: Circuit;
let adder: JobAdder;
let consumer: Consumer;
let process: ReturnType<typeof createProcessor>;
/** What Conexxus answers, one after the other, or our own code throws; then that it has the payload. */
let answers: (Outcome | Error)[];
let calls: number;
let stopping: AbortSignal;

beforeEach(() => {
  namespace = uniqueNamespace();
  redis = connectRedis(testRedisUrl(), 'patient', () => undefined);
  queue = openQueue(redis, namespace);
  circuit = createCircuit({ redis, namespace, eventStream: eventStreamKey(namespace), options: OPTIONS });
  adder = createJobAdder(
    openQueueConnection(testRedisUrl(), () => undefined),
    namespace,
  );
  const perform = () => {
    calls += 1;
    const outcome = answers.shift() ?? DELIVERED;
    return outcome instanceof Error ? Promise.reject(outcome) : Promise.resolve({ outcome });
  };
  const handler = { reserve: () => Promise.resolve({ release: () => Promise.resolve() }), perform };
  const self = createWorkerSelf('till-1', '0', 1);
  stopping = new AbortController().signal;
  process = createProcessor({
    circuit,
    gate: { follow: () => Promise.resolve([]), nextMove: () => Promise.resolve() },
    handlers: { push_sales: handler, fetch_inventory: handler },
    spool: createSpool({ redis, namespace }),
    policy: { quickRetries: 3, retryDelayMs: 1, maxAttempts: 10, maxRefusedAttempts: 10 },
    redact: (text) => text,
    replaysOf: (jobId) => readReplays(redis, namespace, jobId),
    isToBeSplit: (jobId) => readToBeSplit(redis, namespace, jobId),
    self,
    deliveredSince: () => Promise.resolve(true),
    stopping,
  });
  consumer = createConsumer({ redis, namespace, self, completedMax: 100, process });
  answers = [];
  calls = 0;
});

afterEach(async () => {
  await consumer.drain(0);
  await adder.close();
  await queue.close();
  redis.disconnect();
});

/** A batch of so many sales, as an entry of the queue. */
function entryOf(transactions: number, more: Partial<Entry> = {}): Entry {
  const list = Array.from({ length: transactions }, (_, n) => sales(n).transactions).flat();
  const data = { ...sales(), transactions: list };
  const parsed = parseJob('push_sales', data);
  if (!parsed.ok) throw new Error('not valid');
  return { name: 'push_sales', jobId: parsed.job.syncKey ?? '', json: JSON.stringify(data), ...more };
}

/** Of jobs. */
async function events(): Promise<SyncEvent[]> {
  const entries = await redis.xrange(eventStreamKey(namespace), '-', '+');
  return entries
    .map(([, fields]): SyncEvent => JSON.parse(fields[1] ?? ''))
    .filter(({ type }) => type.startsWith('conexxus.sync.'));
}

/** Enqueued, and run until it is in that state. */
async function run(entry: Entry, state: string): Promise<void> {
  await adder.add([entry]);
  consumer.start();
  await eventually(async () => expect(await queue.getJobState(entry.jobId)).toBe(state));
}

async function jobOf(id: string): Promise<Job> {
  const job: Job | undefined = await queue.getJob(id);
  if (job === undefined) throw new Error(`There is no job ${id}.`);
  return job;
}

it('lets any number of jobs wait for the end of the process, which Node takes for no leak', () => {
  expect(getMaxListeners(stopping)).toBe(Number.POSITIVE_INFINITY);
});

describe('a job whose payload was delivered before', () => {
  const known = entryOf(1, { jobId: 'mine-1' });
  const { jobId: syncKey } = entryOf(1);

  it('is done without a call, and has a row that says so', async () => {
    await redis.set(deliveredMarkKey(namespace, syncKey), 'a permission');
    await run(known, 'completed');
    expect(calls).toBe(0);
    expect(await events()).toMatchObject([
      {
        type: 'conexxus.sync.known.push_sales',
        aggregateId: 'mine-1',
        locationId: 'store-1',
        transactionIds: ['sale-0'],
        payload: { operation: 'push_sales', syncKey, transactionCount: 1 },
      },
    ]);
  });

  it('has one row, though its worker dies before the job is done and another runs it; anew, one more', async () => {
    await adder.add([known]);
    await redis.set(deliveredMarkKey(namespace, syncKey), 'a permission');
    const job = await jobOf('mine-1');
    expect(await process(job)).toEqual({ status: 'known' });
    expect(await process(job)).toEqual({ status: 'known' });
    const [first, second] = await events();
    expect(first?.dedupeKey).toBe(second?.dedupeKey);
    await redis.hincrby(queue.toKey('mine-1'), 'replays', 1);
    await process(job);
    await queue.remove('mine-1');
    await queue.add('push_sales', sales(0), { jobId: 'mine-1', timestamp: 1_000 });
    await process(await jobOf('mine-1'));
    const [, , ...later] = await events();
    expect(new Set([first, ...later].map((event) => event?.dedupeKey)).size).toBe(3);
  });
});

describe('a refused batch', () => {
  it('that will be split counts nothing for the circuit, dies, and is marked still', async () => {
    const entry = entryOf(2, { splits: true });
    answers = [failed('rejected', 422)];
    await run(entry, 'failed');
    expect(await circuit.status()).toMatchObject({ state: 'closed', rejections: 0 });
    expect(await readToBeSplit(redis, namespace, entry.jobId)).toBe(true);
    expect((await events()).map(({ type, payload }) => [type, payload['syncKey']])).toEqual([
      ['conexxus.sync.failed.push_sales', entry.jobId],
      ['conexxus.sync.dead_lettered.push_sales', entry.jobId],
    ]);
  });

  it.each([
    ['of a client that splits nothing', entryOf(2)],
    ['of one sale, which can’t be split', entryOf(1, { splits: true })],
  ])('%s counts as one', async (_what, entry) => {
    answers = [failed('rejected', 422)];
    await run(entry, 'failed');
    expect(await circuit.status()).toMatchObject({ rejections: 1 });
  });

  it('in which our own code threw counts as any other', async () => {
    answers = [new Error('a bug')];
    await run(entryOf(2, { splits: true }), 'failed');
    expect((await events())[0]).toMatchObject({ payload: { outcome: 'crashed' } });
    expect(await circuit.status()).toMatchObject({ rejections: 1 });
  });
});

describe('the rows of a payload that fails', () => {
  const inDoubt = async () =>
    (await events()).map(({ payload }) => [payload['outcome'], payload['inDoubt'] ?? false]);

  it('say since when nobody knows whether Conexxus has it', async () => {
    answers = [failed('transient', 500), failed('transient'), failed('transient', 500)];
    await run(entryOf(2), 'completed');
    expect(await inDoubt()).toEqual([
      ['transient', false],
      ['transient', true],
      ['transient', true],
      ['delivered', false],
    ]);
  });

  it('say so from the beginning where it was enqueued so, and its first 409 is not believed', async () => {
    answers = [failed('transient', 500), DUPLICATE];
    await run(entryOf(2, { inDoubtForMs: 60_000 }), 'delayed');
    await eventually(async () =>
      expect(await inDoubt()).toEqual([
        ['transient', true],
        ['in_doubt', true],
      ]),
    );
  });
});
