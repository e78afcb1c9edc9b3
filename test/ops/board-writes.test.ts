import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { type Job, Worker } from 'bullmq';
import { CLOSED, OPERATOR, type OpsHarness, startOps } from './harness.ts';

const SALE = { date: '2025-11-23', locationId: 'store-7', transactions: [] };

let ops: OpsHarness;
beforeEach(async () => {
  ops = await startOps();
});
afterEach(() => ops.close());

const write = (method: string, path: string, body?: object) =>
  ops.call(method, `/queues/api/queues${path}`, {
    as: OPERATOR,
    ...(body === undefined
      ? {}
      : { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }),
  });

/** Enqueues and works off so many jobs, with ids `<outcome>-0`, `<outcome>-1`, … */
async function finished(outcome: 'completed' | 'failed', count = 1): Promise<void> {
  const connection = ops.redis.duplicate();
  const ended = new Promise<void>((resolve, reject) => {
    let left = count;
    const worker = new Worker(
      'sync',
      async () => {
        if (outcome === 'failed') throw new Error('422');
      },
      { prefix: ops.queue.opts.prefix ?? '', connection, concurrency: 50 },
    );
    worker.on('error', reject);
    const oneLess = () => {
      left -= 1;
      if (left === 0) worker.close().then(resolve, reject);
    };
    worker.on('completed', oneLess).on('failed', oneLess);
  });
  const jobs = Array.from({ length: count }, (_, i) => ({
    name: 'push_sales',
    data: SALE,
    opts: { jobId: `${outcome}-${i}` },
  }));
  await ops.queue.addBulk(jobs);
  await ended;
  connection.disconnect();
}

const add = (jobId: string, delay = 0): Promise<Job> => ops.queue.add('push_sales', SALE, { jobId, delay });
const stamp = () => ops.redis.hget(ops.queue.toKey('meta'), 'paused');

describe('nobody deletes, edits or makes a sale by a click', () => {
  it.each<[string, string, object]>([
    ['PUT', '/sync/waiting-1/clean', {}],
    ['PUT', '/sync/clean/wait', {}],
    ['PUT', '/sync/clean/failed', {}],
    ['PUT', '/sync/empty', {}],
    ['PUT', '/sync/obliterate', { force: true }],
    ['PUT', '/sync/waiting-1/remove-unprocessed-children', {}],
    ['PATCH', '/sync/waiting-1/update-data', { jobData: { total: 0 } }],
    ['PATCH', '/sync/delayed-1/delay', { runAt: 0 }],
    ['PATCH', '/sync/waiting-1/priority', { priority: 1 }],
    ['POST', '/sync/add', { name: 'push_sales', data: {}, options: {} }],
    ['PUT', '/sync/retry/completed', {}],
    ['PUT', '/sync/concurrency', { concurrency: 99 }],
    ['PUT', '/sync/rate-limit', { max: 1, duration: 1 }],
    ['PUT', '/sync/rate-limit/release', {}],
    ['PUT', '/sync/job-schedulers/nightly/remove', {}],
    ['PUT', '/sync/job-schedulers/nightly/run', {}],
    ['PATCH', '/sync/job-schedulers/nightly', { every: 1 }],
    ['DELETE', '/sync', {}],
    ['DELETE', '/sync/waiting-1', {}],
    ['PUT', '/sync/some-later-version', {}],
    ['OPTIONS', '/sync/pause', {}],
  ])('refuses %s %s', async (method, path, body) => {
    await add('waiting-1');
    await add('delayed-1', 3_600_000);
    const before = await ops.redis.dump(ops.queue.toKey('waiting-1'));

    const answer = await write(method, path, body);
    expect(answer.status).toBe(403);
    // `error` and `message` are what the board's page shows.
    const refusal = answer.json();
    expect(refusal).toMatchObject({ type: 'urn:conexxus-sync:problem:board-write-refused' });
    expect(refusal['error']).toBe(refusal['title']);
    expect(refusal['message']).toBe(refusal['detail']);

    expect(await ops.redis.dump(ops.queue.toKey('waiting-1'))).toEqual(before);
    expect(await ops.queue.getJobCounts('waiting', 'delayed')).toEqual({ waiting: 1, delayed: 1 });
    expect(await ops.queue.getGlobalConcurrency()).toBeNull();
    expect(await ops.audited()).toEqual([]);
  });

  it('cannot be talked into a deletion by a job that is named like one', async () => {
    await finished('failed');
    await add('waiting-1');
    for (const path of [
      '/sync/clean/retry',
      '/sync/clean/promote',
      '/sync/empty/retry',
      '/sync/obliterate/promote',
    ]) {
      expect((await write('PUT', path)).status).toBe(404);
    }
    expect(await ops.queue.getJobCounts('waiting', 'failed')).toEqual({ waiting: 1, failed: 1 });
  });

  it('says that a deletion is one', async () => {
    expect((await write('PUT', '/sync/obliterate')).json()['detail']).toContain('nobody deletes one');
  });
});

describe('pause and resume', () => {
  it('a pause carries the person, and is in the audit trail', async () => {
    expect((await write('PUT', '/sync/pause')).status).toBe(200);
    expect(await ops.queue.isPaused()).toBe(true);
    expect(await ops.redis.hmget(ops.queue.toKey('meta'), 'paused', 'pausedBy')).toEqual([
      '1',
      OPERATOR.user,
    ]);
    expect(await ops.audited()).toMatchObject([
      {
        type: 'conexxus.operator.pause',
        aggregateId: 'queue',
        payload: { actor: OPERATOR.user, action: 'pause' },
        dedupeKey: expect.stringMatching(/^[0-9a-f-]{36}$/),
      },
    ]);
    expect((await ops.call('GET', '/', { as: OPERATOR })).text).toContain(
      `${OPERATOR.user} paused the queue`,
    );
  });

  it("a person's pause is resumed", async () => {
    await write('PUT', '/sync/pause');
    expect((await write('PUT', '/sync/resume')).status).toBe(200);
    expect(await ops.queue.isPaused()).toBe(false);
    expect(await ops.redis.hget(ops.queue.toKey('meta'), 'pausedBy')).toBeNull();
    expect((await ops.audited()).map(({ type }) => type)).toEqual([
      'conexxus.operator.pause',
      'conexxus.operator.resume',
    ]);
  });

  it("a plain client's pause is resumed", async () => {
    await ops.queue.pause();
    expect((await write('PUT', '/resume')).status).toBe(200);
    expect(await ops.queue.isPaused()).toBe(false);
  });

  it.each(['/sync/resume', '/resume'])(
    '%s is refused while the circuit owns the pause, and says why',
    async (path) => {
      await ops.pauseAsCircuit();
      ops.circuitIs({ ...CLOSED, state: 'open', cause: 'streak', retryAt: Date.now() + 90_000 });
      const answer = await write('PUT', path);
      expect(answer.status).toBe(409);
      expect(answer.json()).toMatchObject({ type: 'urn:conexxus-sync:problem:circuit-owns-pause' });
      expect(answer.json()['detail']).toMatch(
        /the circuit is open \(several calls in a row failed\), next trial in (89|90) s/,
      );
      expect(await stamp()).toBe('circuit');
      expect(await ops.audited()).toEqual([]);
    },
  );

  it('names the person whose hold it is', async () => {
    await ops.pauseAsCircuit();
    ops.circuitIs({ ...CLOSED, hold: { actor: 'olga', reason: 'stocktaking', since: 1 } });
    expect((await write('PUT', '/sync/resume')).json()['detail']).toContain(
      'olga holds the circuit: stocktaking',
    );
  });

  it('a person who pauses during an outage takes the pause over from the circuit', async () => {
    await ops.pauseAsCircuit();
    expect((await write('PUT', '/pause')).status).toBe(200);
    expect(await stamp()).toBe('1');
    expect((await write('PUT', '/sync/resume')).status).toBe(200);
  });

  it('knows no other queue', async () => {
    expect((await write('PUT', '/other/pause')).status).toBe(404);
    expect(await ops.audited()).toEqual([]);
  });
});

describe('retry and promote', () => {
  it('a failed job is retried, with who and which in the audit trail', async () => {
    await finished('failed');
    expect((await write('PUT', '/sync/failed-0/retry')).status).toBe(200);
    expect(await (await ops.queue.getJob('failed-0'))?.getState()).toBe('waiting');
    expect(await ops.audited()).toMatchObject([
      {
        type: 'conexxus.operator.replay',
        aggregateId: 'failed-0',
        payload: { actor: OPERATOR.user, action: 'replay', reason: 'retried on the board' },
      },
      {
        type: 'conexxus.sync.replayed.push_sales',
        aggregateId: 'failed-0',
        locationId: 'store-7',
        payload: { actor: OPERATOR.user, diedOf: '422' },
      },
    ]);
  });

  it('a job that its workers died of is retried with a full budget, and its next death is told apart', async () => {
    await finished('failed');
    const key = ops.queue.toKey('failed-0');
    await ops.redis.hset(key, { atm: '299', ats: '310', stc: '10' });
    expect((await write('PUT', '/sync/failed-0/retry')).status).toBe(200);
    expect(await ops.redis.hmget(key, 'atm', 'ats', 'stc', 'replays')).toEqual([null, null, null, '1']);
  });

  it('a delayed job is promoted', async () => {
    await add('later', 3_600_000);
    expect((await write('PUT', '/sync/later/promote')).status).toBe(200);
    expect(await (await ops.queue.getJob('later'))?.getState()).toBe('waiting');
    expect(await ops.audited()).toMatchObject([{ type: 'conexxus.operator.promote', aggregateId: 'later' }]);
  });

  it('a delivered sale is not sent again', async () => {
    await finished('completed');
    const answer = await write('PUT', '/sync/completed-0/retry');
    expect(answer.status).toBe(409);
    expect(answer.json()['title']).toBe('The job is completed');
    expect(await (await ops.queue.getJob('completed-0'))?.getState()).toBe('completed');
    expect(await ops.audited()).toEqual([]);
  });

  it('a job in another state, or gone, is left alone', async () => {
    await add('waiting-1');
    expect((await write('PUT', '/sync/waiting-1/retry')).status).toBe(409);
    expect((await write('PUT', '/sync/waiting-1/promote')).status).toBe(409);
    expect((await write('PUT', '/sync/gone/retry')).status).toBe(404);
    expect(await ops.audited()).toEqual([]);
  });

  it('all failed jobs are retried, each once', async () => {
    await finished('failed', 250);
    const answer = await write('PUT', '/sync/retry/failed');
    expect(answer.json()).toEqual({ retried: 250, skipped: 0 });
    expect(await ops.queue.getJobCounts('waiting', 'failed')).toEqual({ waiting: 250, failed: 0 });
    const [audit, ...replays] = await ops.audited();
    expect(audit).toMatchObject({ type: 'conexxus.operator.replay', aggregateId: 'queue' });
    expect(new Set(replays.map(({ aggregateId }) => aggregateId)).size).toBe(250);
    expect(new Set(replays.map(({ type }) => type))).toEqual(new Set(['conexxus.sync.replayed.push_sales']));
  });

  it('more failed jobs than one click may load are refused with a hint', async () => {
    const failed = Array.from({ length: 1_001 }, (_, i) => [i, `failed-${i}`]).flat();
    await ops.redis.zadd(ops.queue.toKey('failed'), ...failed);
    const answer = await write('PUT', '/sync/retry/failed');
    expect(answer.status).toBe(409);
    expect(answer.json()['title']).toContain('1001');
    expect(answer.json()['detail']).toContain('node dist/cli.js dead-letters');
    expect(await ops.queue.getJobCounts('waiting', 'failed')).toEqual({ waiting: 0, failed: 1_001 });
  });

  it('all delayed jobs are promoted', async () => {
    await add('later-1', 3_600_000);
    await add('later-2', 3_600_000);
    expect((await write('PUT', '/sync/promote')).status).toBe(200);
    expect(await ops.queue.getJobCounts('waiting', 'delayed')).toEqual({ waiting: 2, delayed: 0 });
  });

  it('nothing is done that could not be written into the audit trail', async () => {
    await finished('failed');
    await ops.redis.set(ops.auditKey, 'no stream');
    expect((await write('PUT', '/sync/failed-0/retry')).status).toBe(500);
    expect((await write('PUT', '/sync/pause')).status).toBe(500);
    expect(await (await ops.queue.getJob('failed-0'))?.getState()).toBe('failed');
    expect(await ops.queue.isPaused()).toBe(false);
  });
});
