import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { SchemaMismatchError } from '../../src/base/migrations.ts';
import { FORGET_DEAD_READERS } from '../../src/events/scripts.ts';
import { refusedStreamKey } from '../../src/events/stream.ts';
import { testRedisUrl } from '../support/redis.ts';
import { monitorRedis } from '../support/redis-monitor.ts';
import {
  anEvent,
  type EventsHarness,
  openEvents,
  openTestDatabase,
  type TestDatabase,
  until,
} from './harness.ts';

let database: TestDatabase;
let events: EventsHarness;

beforeAll(async () => {
  database = await openTestDatabase();
});

afterAll(async () => {
  await database.close();
});

beforeEach(() => {
  events = openEvents(database);
});

afterEach(async () => {
  await events.close();
});

const deepEvent = (depth: number) =>
  `{"type":"t","aggregateId":"a","dedupeKey":"d","payload":{"deep":${'['.repeat(depth)}${']'.repeat(depth)}}}`;

const streamIsEmpty = async () => (await events.spool.backlog()) === 0;

describe('event writer', () => {
  it('makes an event a row within a second and takes it out of the stream', async () => {
    events.writer().start();
    const [seconds, micros] = await events.redis.time();
    await events.spool.append(
      anEvent({
        dedupeKey: 'permission-1:succeeded',
        aggregateId: 'ps-7',
        locationId: 'store-3',
        payload: { operation: 'push_sales', attempt: 1 },
        metadata: { actor: 'ann' },
        transactionIds: ['T-1', '', 'NULL', 'T "2", {x}\\'],
      }),
    );
    await until('it is written', async () => (await events.rowCount()) === 1, 1_000);
    await until('the stream is empty', streamIsEmpty, 1_000);

    const [row] = await events.rows();
    expect(row).toMatchObject({
      eventType: 'conexxus.sync.succeeded.push_sales',
      aggregateId: 'ps-7',
      locationId: 'store-3',
      payload: { operation: 'push_sales', attempt: 1 },
      metadata: { actor: 'ann' },
      transactionIds: ['T-1', '', 'NULL', 'T "2", {x}\\'],
      dedupeKey: 'permission-1:succeeded',
    });
    const redisMs = Number(seconds) * 1_000 + Number(micros) / 1_000;
    expect(Math.abs(Number(row?.timestamp) - redisMs)).toBeLessThan(1_000);
  });

  it("takes the circuit's state and staleness from the entry's own fields", async () => {
    const event = JSON.stringify(anEvent());
    const circuitFields = ['state', 'open', 'stale', '1'];
    await events.redis.xadd(events.streamKey, '*', 'event', event, 'at', 1_700_000_000_123, ...circuitFields);
    events.writer().start();
    await until('it is written', async () => (await events.rowCount()) === 1);
    const [row] = await events.rows();
    expect(row?.payload).toEqual({ outcome: 'delivered', circuitState: 'open', stale: true });
    expect(Number(row?.timestamp)).toBe(1_700_000_000_123);
  });

  it('writes an event given many times once, with several writers at work', async () => {
    for (let n = 0; n < 3; n += 1) events.writer().start();
    const keys = Array.from({ length: 200 }, (_, n) => `permission-${n}:succeeded`);
    await Promise.all(
      [...keys, ...keys, ...keys].map((dedupeKey) => events.spool.append(anEvent({ dedupeKey }))),
    );
    await until('the stream is empty', streamIsEmpty);
    expect((await events.rows()).map((row) => row.dedupeKey).sort()).toEqual([...keys].sort());
  });

  it('claims what a dead writer had read', async () => {
    await events.redis.xgroup('CREATE', events.streamKey, 'writer', '0', 'MKSTREAM');
    for (let n = 0; n < 5; n += 1) await events.spool.append(anEvent());
    await events.redis.xreadgroup('GROUP', 'writer', 'dead', 'STREAMS', events.streamKey, '>');

    events.writer({ claimIdleMs: 200 }).start();
    await until('the stream is empty', streamIsEmpty);
    expect(await events.rowCount()).toBe(5);
  });

  it('takes up at once what it had read itself before a restart', async () => {
    const consumer = randomUUID();
    await events.redis.xgroup('CREATE', events.streamKey, 'writer', '0', 'MKSTREAM');
    await events.spool.append(anEvent());
    await events.redis.xreadgroup('GROUP', 'writer', consumer, 'STREAMS', events.streamKey, '>');

    events.writer({ consumer }).start();
    await until('the stream is empty', streamIsEmpty, 2_000);
    expect(await events.rowCount()).toBe(1);
  });

  it('goes on after its stream and group were wiped', async () => {
    const writer = events.writer();
    writer.start();
    await events.spool.append(anEvent());
    await until('the first is written', async () => (await events.rowCount()) === 1);
    await events.redis.del(events.streamKey);
    await events.spool.append(anEvent());
    await until('the stream is empty', streamIsEmpty);
    await until('it says so', async () => writer.health().lastWriteAt !== null);
    expect(await events.rowCount()).toBe(2);
    expect(writer.health().error).toBeNull();
  });

  it('sets apart a row that Postgres refuses, while the others land', async () => {
    const sound = Array.from({ length: 30 }, () => anEvent());
    // No index can hold an id like this one; compression doesn't help it.
    const poison = anEvent({
      aggregateId: Array.from({ length: 300 }, () => randomUUID()).join(''),
    });
    for (const event of [...sound.slice(0, 17), poison, ...sound.slice(17)]) await events.spool.append(event);
    events.writer().start();
    await until('the stream is empty', streamIsEmpty);

    expect((await events.rows()).map((row) => row.dedupeKey).sort()).toEqual(
      sound.map((event) => event.dedupeKey).sort(),
    );
    const refused = await events.redis.xrange(refusedStreamKey(events.namespace), '-', '+');
    expect(refused).toHaveLength(1);
    const [, fields = []] = refused[0] ?? [];
    expect(fields[fields.indexOf('reason') + 1]).toMatch(/^54000: /);
    const original: unknown = JSON.parse(fields[fields.indexOf('entry') + 1] ?? '');
    expect(original).toEqual(['event', JSON.stringify(poison), 'at', expect.stringMatching(/^\d+$/)]);
  });

  it.each([
    ['no JSON', ['event', '{"type":', 'at', '1700000000000']],
    ['no event', ['something', 'else']],
    ['no time', ['event', JSON.stringify(anEvent())]],
    ['no dedupe key', ['event', '{"type":"t","aggregateId":"a","payload":{}}', 'at', '1700000000000']],
    ['a payload that nests without end', ['event', deepEvent(100_000), 'at', '1700000000000']],
  ])('sets apart an entry with %s', async (_, fields) => {
    await events.redis.xadd(events.streamKey, '*', ...fields);
    await events.spool.append(anEvent());
    events.writer().start();
    await until('the stream is empty', streamIsEmpty);
    expect(await events.rowCount()).toBe(1);
    expect(await events.redis.xlen(refusedStreamKey(events.namespace))).toBe(1);
  });

  it('replaces NUL and lone surrogates, which Postgres refuses, wherever they are', async () => {
    await events.spool.append(
      anEvent({
        aggregateId: 'job\0',
        locationId: 'store\ud800',
        payload: { data: 'a\0b\udc00c😀', nested: [{ 'key\0': '\ud83d' }] },
        metadata: { note: '\0' },
        transactionIds: ['T\0', '\udfff'],
      }),
    );
    events.writer().start();
    await until('it is written', async () => (await events.rowCount()) === 1);
    expect((await events.rows())[0]).toMatchObject({
      aggregateId: 'job\ufffd',
      locationId: 'store\ufffd',
      payload: { data: 'a\ufffdb\ufffdc😀', nested: [{ 'key\ufffd': '\ufffd' }] },
      metadata: { note: '\ufffd' },
      transactionIds: ['T\ufffd', '\ufffd'],
    });
  });

  it('writes what waits in the stream before it stops, and interrupts a waiting read', async () => {
    const writer = events.writer();
    writer.start();
    await events.spool.append(anEvent());
    await until('it waits for more', async () => (await events.rowCount()) === 1 && streamIsEmpty());
    await delay(150);
    for (let n = 0; n < 50; n += 1) await events.spool.append(anEvent());
    const before = Date.now();
    await writer.stop();
    expect(Date.now() - before).toBeLessThan(1_500);
    expect(await events.rowCount()).toBe(51);
    expect(await events.spool.backlog()).toBe(0);
  });

  it('sends Redis less than one command a second while idle', async () => {
    events.writer().start();
    await events.spool.append(anEvent());
    await until('it is idle', async () => (await events.rowCount()) === 1 && streamIsEmpty());
    await delay(300);
    const monitor = await monitorRedis(testRedisUrl(), (_, args) => args.includes(events.streamKey));
    await delay(6_000);
    monitor.stop();
    const { seen } = monitor;
    expect(seen.length).toBeGreaterThan(0);
    expect(seen.length).toBeLessThan(6);
  });

  it('forgets readers that died with nothing pending, and never one that holds entries', async () => {
    await events.redis.xgroup('CREATE', events.streamKey, 'writer', '0', 'MKSTREAM');
    await events.redis.xgroup('CREATECONSUMER', events.streamKey, 'writer', 'done');
    await events.spool.append(anEvent());
    await events.redis.xreadgroup('GROUP', 'writer', 'holding', 'STREAMS', events.streamKey, '>');
    await delay(20);
    expect(await events.redis.eval(FORGET_DEAD_READERS, 1, events.streamKey, 'writer', 60_000)).toBe(0);
    expect(await events.redis.eval(FORGET_DEAD_READERS, 1, events.streamKey, 'writer', 10)).toBe(1);
    const readers = JSON.stringify(await events.redis.xinfo('CONSUMERS', events.streamKey, 'writer'));
    expect(readers).toContain('holding');
  });
});

describe('event writer on a database that was not migrated', () => {
  it('writes nothing, leaves the stream alone and names the command', async () => {
    const bareDatabase = await openTestDatabase({ migrated: false });
    const bare = openEvents(bareDatabase);
    try {
      const mismatch = await new Promise<SchemaMismatchError>((resolve) => {
        bare.writer({ onSchemaMismatch: resolve }).start();
      });
      expect(mismatch).toMatchObject({ code: 'SCHEMA_MISMATCH', state: { kind: 'missing' } });
      expect(mismatch.message).toContain('node dist/cli.js migrate');
      await bare.spool.append(anEvent());
      expect(await bare.spool.backlog()).toBe(1);
    } finally {
      await bare.close();
      await bareDatabase.close();
    }
  });
});
