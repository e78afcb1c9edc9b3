import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { Queue } from 'bullmq';
import type { Redis } from 'ioredis';
import { connectRedis } from '../../src/base/redis.ts';
import { openQueue } from '../../src/sync/queue.ts';
import { eventually } from '../support/eventually.ts';
import { testRedisUrl, uniqueNamespace } from '../support/redis.ts';
import { makeSales } from '../support/sales.ts';
import { type Stand, startStand } from '../support/stand.ts';
import { type Ended, runCommand } from './command.ts';

const REJECTED = { kind: 'status', status: 422, body: { success: false, error: 'unknown store' } } as const;
const WHO = ['--reason', 'store created', '--actor', 'olga'];

let redis: Redis;
let namespace: string;
let queue: Queue;
/** Where a test needs workers and Postgres. */
let stand: Stand;
const stands: Stand[] = [];

beforeAll(() => {
  redis = connectRedis(testRedisUrl(), 'patient', () => undefined);
});

beforeEach(() => {
  namespace = uniqueNamespace();
  queue = openQueue(redis, namespace);
});

afterEach(async () => {
  for (const each of stands.splice(0)) await each.close();
});

afterAll(() => redis.disconnect());

async function start(): Promise<void> {
  stand = await startStand();
  stands.push(stand);
  ({ namespace } = stand);
}

/** Without Postgres, unless it is asked for. */
function command(args: string[], env: NodeJS.ProcessEnv = {}): Promise<Ended> {
  return runCommand(args, { SYNC_NAMESPACE: namespace, ...env });
}

async function document(args: string[], env: NodeJS.ProcessEnv = {}): Promise<Record<string, unknown>> {
  const { out, err } = await command([...args, '--json'], env);
  expect(err).toBe('');
  return JSON.parse(out);
}

/** So many sales that a worker gave up. */
async function withDead(count: number): Promise<string[]> {
  await start();
  await stand.simulator.setFaults([{ match: { times: count }, fault: REJECTED }]);
  await stand.startWorker();
  const ids = await stand.enqueue(makeSales(count));
  await eventually(async () => expect(await stand.queue.getFailedCount()).toBe(count), 15_000);
  return ids;
}

/** Dead letters by hand, where no worker is. */
async function shelve(count: number): Promise<string[]> {
  const ids = Array.from({ length: count }, (_, index) => `letter-${index}`);
  const pipeline = redis.pipeline();
  for (const [index, data] of makeSales(count).entries()) {
    const fields = { name: 'push_sales', data: JSON.stringify(data), failedReason: 'transient: 500' };
    pipeline.hset(queue.toKey(`letter-${index}`), { ...fields, finishedOn: 1_000 + index, atm: 3 });
    pipeline.zadd(queue.toKey('failed'), 1_000 + index, `letter-${index}`);
  }
  await pipeline.exec();
  return ids;
}

const atRest = async (completed: number) => {
  await eventually(async () => {
    expect(await stand.queue.getCompletedCount()).toBe(completed);
    expect(await stand.redis.xlen(`{${stand.namespace}}:events`)).toBe(0);
  }, 15_000);
};

async function rows(prefix: string): Promise<Record<string, unknown>[]> {
  const found = await stand.database.sql`
    select event_type, aggregate_id, payload, dedupe_key from event_log
    where event_type like ${`${prefix}%`} order by "timestamp"`;
  return [...found];
}

describe('dead-letters list and show', () => {
  it('lists id, time, job, location, attempts and reason, newest first', async () => {
    const ids = await shelve(60);
    const { code, out } = await command(['dead-letters', 'list', '--limit', '2']);
    expect(code).toBe(0);
    expect(out.split('\n')).toEqual([
      '60 dead letters, which died of:',
      expect.stringMatching(/^ {2}60 {2}--group [0-9a-f]{8} {2}newest .* ago {2}transient: 500$/),
      '',
      ids[59],
      expect.stringMatching(
        /^ {2}died 1970-01-01 00:00:01 UTC \(.* ago\), push_sales, store-20, 3 attempts$/,
      ),
      '  transient: 500',
      ids[58],
      expect.stringMatching(/store-19/),
      '  transient: 500',
      '',
      'The newest 2; there are more (--limit, or a filter).',
      '',
    ]);
    const listed = await document(['dead-letters', 'list', '--location', 'store-7', '--error', '500']);
    expect(listed).toEqual({
      deadLetters: [46, 26, 6].map((index) => ({
        id: ids[index],
        job: 'push_sales',
        locationId: 'store-7',
        transactionIds: [`a-${index}`],
        diedAt: new Date(1_000 + index).toISOString(),
        attempts: 3,
        reason: 'transient: 500',
        replays: 0,
      })),
      more: false,
      total: 3,
      toBeSplit: 0,
      missed: [],
      groups: [
        {
          key: expect.stringMatching(/^[0-9a-f]{8}$/),
          count: 3,
          reason: 'transient: 500',
          newestAt: new Date(1_046).toISOString(),
          oldestAt: new Date(1_006).toISOString(),
        },
      ],
    });
    expect(await document(['dead-letters', 'list', '--since', '1h'])).toEqual({
      deadLetters: [],
      more: false,
      total: 0,
      toBeSplit: 0,
      missed: [],
      groups: [],
    });
  }, 60_000);

  it('shows the payload, and the history where Postgres is known', async () => {
    const [id = ''] = await withDead(1);
    await atRest(0);
    const plain = await command(['dead-letters', 'show', id]);
    expect(plain.out).toContain('  reason        http_422: ');
    expect(plain.out).toContain('"id": "a-0"');
    expect(plain.out).toContain('not asked: DATABASE_URL is not set');

    const DATABASE_URL = stand.databaseUrl;
    const { out } = await command(['dead-letters', 'show', id], { DATABASE_URL });
    expect(out).toMatch(/ {2}sync\.failed\.push_sales +rejected, attempt 1, /);
    expect(out).toMatch(/ {2}sync\.dead_lettered\.push_sales +rejected, attempt 1, /);
    expect(await document(['dead-letters', 'show', id], { DATABASE_URL })).toMatchObject({
      id,
      data: makeSales(1)[0],
      history: {
        events: [
          { type: 'conexxus.sync.failed.push_sales' },
          { type: 'conexxus.sync.dead_lettered.push_sales' },
        ],
      },
    });

    const away = 'postgres://127.0.0.1:1/none';
    expect((await command(['dead-letters', 'show', id], { DATABASE_URL: away })).out).toContain(
      'Postgres could not be asked',
    );
    expect(await command(['dead-letters', 'show', 'nobody'])).toEqual({
      code: 1,
      out: '',
      err: 'There is no dead letter nobody\n',
    });
  }, 60_000);
});

describe('dead-letters replay and discard', () => {
  it('count only, until they are told to do it', async () => {
    const ids = await shelve(4);
    const counted = await command(['dead-letters', 'replay', '--error', '500']);
    expect(counted.out).toMatch(
      /^4 dead letters would be replayed\. Nothing was done: add --yes to do it\. They died of:\n {2}4 {2}--group \w{8} {2}newest .*transient: 500\n$/,
    );
    expect(await document(['dead-letters', 'discard', '--id', ids[0] ?? ''])).toEqual({
      dryRun: true,
      matched: 1,
      missed: [],
      groups: [expect.objectContaining({ count: 1, reason: 'transient: 500' })],
    });
    const silent = await command(['dead-letters', 'discard', '--yes']);
    expect(silent).toMatchObject({ code: 1, err: '--yes needs --reason TEXT, for the audit trail\n' });
    expect(await queue.getFailedCount()).toBe(4);
    expect(await redis.xlen(`{${namespace}}:events`)).toBe(0);
  }, 60_000);

  it('a replayed sale is delivered; one that dies again has a second row; a discarded one is gone', async () => {
    const [good = '', bad = '', hopeless = ''] = await withDead(3);
    await stand.simulator.setFaults([{ match: { keyPrefix: bad }, fault: REJECTED }]);
    const replayed = await command(['dead-letters', 'replay', '--id', good, '--id', bad, '--yes', ...WHO]);
    expect(replayed).toEqual({
      code: 0,
      out: `${good}  replayed\n${bad}  replayed\n2 dead letters replayed.\n`,
      err: '',
    });
    await eventually(async () => expect(await stand.queue.getFailedCount()).toBe(2), 15_000);
    const discard = ['dead-letters', 'discard', '--id', hopeless, '--yes', '--reason', 'never existed'];
    expect(await document(discard)).toMatchObject({ results: [{ id: hopeless, result: 'discarded' }] });
    await atRest(1);

    expect(await stand.reconcile()).toMatchObject({
      accepted: 3,
      delivered: 1,
      deadLettered: 1,
      discarded: 1,
      problems: [],
    });
    const deaths = await rows('conexxus.sync.dead_lettered.');
    expect(deaths.filter((row) => row['aggregate_id'] === bad)).toHaveLength(2);
    expect(await rows('conexxus.operator.')).toMatchObject([
      { event_type: 'conexxus.operator.replay', payload: { actor: 'olga', reason: 'store created' } },
      {
        event_type: 'conexxus.operator.discard',
        aggregate_id: hopeless,
        payload: { reason: 'never existed' },
      },
    ]);
    expect(await rows('conexxus.sync.replayed.')).toHaveLength(2);
    expect(await rows('conexxus.sync.discarded.')).toMatchObject([{ aggregate_id: hopeless }]);
  }, 60_000);

  it('a sale that was given up, enqueued anew, may die again: a second row', async () => {
    const [id = ''] = await withDead(1);
    await command(['dead-letters', 'discard', '--id', id, '--yes', ...WHO]);
    await stand.simulator.setFaults([{ fault: REJECTED }]);
    await stand.producer.pushSalesMany(makeSales(1));
    await eventually(async () => expect(await stand.queue.getFailedCount()).toBe(1), 15_000);
    await eventually(async () => {
      const deaths = await rows('conexxus.sync.dead_lettered.');
      expect(deaths.map((row) => row['aggregate_id'])).toEqual([id, id]);
    }, 15_000);
  }, 60_000);

  it('two people replay the same dead letters at once: each once', async () => {
    const ids = await shelve(400);
    const people = await Promise.all(
      ['olga', 'vera'].map((actor) =>
        document(['dead-letters', 'replay', '--yes', '--reason', 'both', '--actor', actor, '--rate', '100']),
      ),
    );
    const results = people.flatMap((person): { id: string; result: string }[] =>
      JSON.parse(JSON.stringify(person['results'])),
    );
    const replayed = results.filter(({ result }) => result === 'replayed').map(({ id }) => id);
    expect(replayed.sort()).toEqual([...ids].sort());
    expect(new Set(results.map(({ result }) => result)).size).toBeLessThanOrEqual(2);
    const waiting = await redis.lrange(queue.toKey('wait'), 0, -1);
    expect(waiting.sort()).toEqual([...ids].sort());
    const events = await redis.xrange(`{${namespace}}:events`, '-', '+');
    expect(events.filter(([, fields]) => fields[1]?.includes('sync.replayed') === true)).toHaveLength(400);
  }, 60_000);
});

describe('dead-letters, used wrongly', () => {
  it.each([
    ['a time that is none', ['dead-letters', 'replay', '--since', 'yesterday'], /'yesterday' is invalid/],
    [
      'an end before the beginning',
      ['dead-letters', 'list', '--since', '1h', '--until', '2h'],
      /--since is later than --until/,
    ],
    ['an id that is empty', ['dead-letters', 'discard', '--id', ''], /'' is invalid\. It is empty/],
    ['no rate', ['dead-letters', 'replay', '--rate', '0'], /no whole number of at least 1/],
    ['a Redis that is away', ['dead-letters', 'list'], /^Redis does not answer \(connect ECONNREFUSED/],
  ])('refuses %s in one line', async (_what, args, message) => {
    const { code, err } = await runCommand(args, { REDIS_URL: 'redis://127.0.0.1:1' });
    expect(code).toBe(1);
    expect(err).toMatch(message);
    expect(err.trim().split('\n')).toHaveLength(1);
  });
});
