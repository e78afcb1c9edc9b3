import { readFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { type Job, type Processor, type Queue, Worker } from 'bullmq';
import { moveToFinished } from 'bullmq/dist/cjs/scripts/moveToFinished-14.js';
import type { Redis } from 'ioredis';
import { connectRedis } from '../../src/base/redis.ts';
import { finishingTogether } from '../../src/sync/finishing.ts';
import { jobKey, openQueue, QUEUE_NAME, queuePrefix } from '../../src/sync/queue.ts';
import { deferred } from '../support/deferred.ts';
import { eventually } from '../support/eventually.ts';
import { testRedisUrl, uniqueNamespace } from '../support/redis.ts';

const JOBS = 20;

describe('jobs that end in one turn', () => {
  let namespace: string;
  let redis: Redis;
  let queue: Queue;
  let worker: Worker;
  /** How many jobs each command ended. */
  let ended: number[];
  const errors: string[] = [];

  beforeEach(async () => {
    namespace = uniqueNamespace();
    redis = connectRedis(testRedisUrl(), 'patient', () => undefined);
    queue = openQueue(redis, namespace);
    ended = [];
    const send = redis.sendCommand.bind(redis);
    redis.sendCommand = (...command) => {
      const jobs = command[0].args.filter((arg) => arg === 'returnvalue' || arg === 'failedReason').length;
      if (jobs > 0) ended.push(jobs);
      return send(...command);
    };
    await queue.addBulk(Array.from({ length: JOBS }, (_, n) => ({ name: 'job', data: { n } })));
  });

  afterEach(async () => {
    await worker.close();
    await queue.obliterate({ force: true });
    await queue.close();
    redis.disconnect();
  });

  function start(process: Processor): void {
    worker = new Worker(
      QUEUE_NAME,
      process,
      { connection: redis, prefix: queuePrefix(namespace), concurrency: JOBS },
      finishingTogether(redis),
    );
    worker.on('error', ({ message }) => errors.push(message));
  }

  /** Each job waits until it may end; then all do at once, as `end` says. `all`: they are under way. */
  function startTogether(end: (job: Job) => unknown) {
    const all = deferred<void>();
    const mayEnd = deferred<void>();
    let running = 0;
    start(async (job) => {
      running += 1;
      if (running === JOBS) all.resolve();
      await mayEnd.promise;
      return end(job);
    });
    return { all: all.promise, letEnd: () => mayEnd.resolve() };
  }

  it('are ended by one command, with what each came to', async () => {
    const { all, letEnd } = startTogether((job) => {
      if (job.data.n === 3) throw new Error('no');
      return { was: job.data.n };
    });
    await all;
    letEnd();
    await eventually(async () => expect(await queue.getCompletedCount()).toBe(JOBS - 1));
    // Redis did not know the script yet, or did.
    expect(new Set(ended)).toEqual(new Set([JOBS]));
    const completed = await queue.getCompleted();
    expect(completed.map(({ returnvalue }) => returnvalue.was).toSorted((a, b) => a - b)).toEqual(
      Array.from({ length: JOBS }, (_, n) => n).filter((n) => n !== 3),
    );
    const [failed] = await queue.getFailed();
    expect(failed).toMatchObject({ data: { n: 3 }, failedReason: 'no' });
  });

  it('are refused alone where their lock is lost', async () => {
    const { all, letEnd } = startTogether((job) => job.data.n);
    await all;
    const [first] = await queue.getActive();
    await redis.unlink(`${jobKey(namespace, first?.id ?? '')}:lock`);
    letEnd();
    await eventually(async () => expect(await queue.getCompletedCount()).toBeGreaterThanOrEqual(JOBS - 1));
    await eventually(() => expect(errors.join()).toContain(`Missing lock for job ${first?.id}`));
  });

  it('bring the next jobs with them', async () => {
    start(() => Promise.resolve());
    await queue.addBulk(Array.from({ length: 100 }, (_, n) => ({ name: 'job', data: { n } })));
    await eventually(async () => expect(await queue.getCompletedCount()).toBe(JOBS + 100));
  });
});

describe('what is pinned of BullMQ', () => {
  it('is the script of this release, with fourteen keys and nine arguments', () => {
    const { version } = JSON.parse(
      readFileSync(new URL('../../node_modules/bullmq/package.json', import.meta.url), 'utf8'),
    );
    // Another release: compare its redis-queue-backend.js (moveToFinishedArgs) with what finishing.ts hands on.
    expect(version).toBe('6.7.0');
  });

  it('has functions alone before it does anything: they need no KEYS and no ARGV', () => {
    const { content } = moveToFinished;
    const functions = content.slice(0, content.indexOf('local jobIdKey = KEYS[12]'));
    expect(functions.length).toBeGreaterThan(content.length / 2);
    const code = functions.replaceAll(/--\[\[.*?\]\]/gs, '').replaceAll(/--.*$/gm, '');
    expect(code).toContain('local function removeLock');
    expect(code).not.toMatch(/KEYS|ARGV/);
  });
});
