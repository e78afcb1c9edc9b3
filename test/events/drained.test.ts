import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { isWrittenUpTo, readRefused, streamMark } from '../../src/events/drained.ts';
import { refusedStreamKey } from '../../src/events/stream.ts';
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

const mark = () => streamMark(events.redis, events.namespace);
const isWritten = (to: string | null) => isWrittenUpTo(events.redis, events.namespace, to);

/** An id of 12,000 random letters, which no index of Postgres takes. */
const endless = () => Array.from({ length: 300 }, () => randomUUID()).join('');

describe('a mark in the outcome stream', () => {
  it('is passed when all up to it is in Postgres, whatever comes after', async () => {
    await events.spool.append(anEvent());
    await events.spool.append(anEvent());
    const marked = await mark();
    expect(await isWritten(marked)).toBe(false);
    const writer = events.writer();
    writer.start();
    await until('the mark is passed', () => isWritten(marked));
    expect(await events.rowCount()).toBe(2);
    await writer.stop();
    await events.spool.append(anEvent());
    expect(await isWritten(marked)).toBe(true);
    expect(await isWritten(await mark())).toBe(false);
  });

  it('is the newest entry there ever was, also when the stream is empty by then', async () => {
    await events.spool.append(anEvent());
    const marked = await mark();
    await events.redis.xdel(events.streamKey, marked ?? '');
    expect(await mark()).toBe(marked);
  });

  it('is not passed while a writer holds an entry that it has not written', async () => {
    await events.redis.xgroup('CREATE', events.streamKey, 'writer', '0', 'MKSTREAM');
    await events.spool.append(anEvent());
    const marked = await mark();
    await events.redis.xreadgroup('GROUP', 'writer', 'slow', 'STREAMS', events.streamKey, '>');
    expect(await isWritten(marked)).toBe(false);
  });

  it('is none where there is no stream, and nothing is to be waited for', async () => {
    expect(await mark()).toBeNull();
    expect(await isWritten(null)).toBe(true);
    await events.spool.append(anEvent());
    const marked = await mark();
    await events.redis.del(events.streamKey);
    expect(await isWritten(marked)).toBe(true);
  });

  it('fails where the stream is something else', async () => {
    await events.redis.set(events.streamKey, 'no stream');
    await expect(mark()).rejects.toThrow('WRONGTYPE');
    await expect(isWritten('1-0')).rejects.toThrow('WRONGTYPE');
  });
});

describe('the rows set apart', () => {
  const refused = () => readRefused(events.redis, events.namespace);

  it('are known by job and type', async () => {
    expect(await refused()).toEqual([]);
    const jobId = endless();
    await events.spool.append(anEvent({ aggregateId: jobId }));
    await events.redis.xadd(events.streamKey, '*', 'event', '{"type":', 'at', '1700000000000');
    const marked = await mark();
    events.writer().start();
    await until('the mark is passed', () => isWritten(marked));
    expect(await events.redis.xlen(refusedStreamKey(events.namespace))).toBe(2);
    expect(await refused()).toEqual([{ jobId, type: 'conexxus.sync.succeeded.push_sales' }]);
  });

  it('are all told, however many, and whatever somebody put among them', async () => {
    const pipeline = events.redis.pipeline();
    const key = refusedStreamKey(events.namespace);
    for (let n = 0; n < 250; n += 1) {
      const event = JSON.stringify(anEvent({ aggregateId: `ps-${n}` }));
      const entry = JSON.stringify(['event', event, 'at', '1700000000000']);
      pipeline.xadd(key, '*', 'id', '1-0', 'reason', 'any', 'entry', entry);
      if (n % 100 === 0) pipeline.xadd(key, '*', 'something', 'else').xadd(key, '*', 'entry', '{}');
    }
    await pipeline.exec();
    expect((await refused()).map(({ jobId }) => jobId)).toEqual(
      Array.from({ length: 250 }, (_, n) => `ps-${n}`),
    );
  });
});
