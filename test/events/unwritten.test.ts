import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { refusedStreamKey } from '../../src/events/stream.ts';
import { readUnwritten } from '../../src/events/unwritten.ts';
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

const unwritten = () => readUnwritten(events.redis, events.namespace);

describe('what is not in Postgres', () => {
  it('is counted, with the time since which the oldest waits, until it is written', async () => {
    expect(await unwritten()).toEqual({ rows: 0, oldestAt: null, refused: 0, now: expect.any(Number) });
    await events.spool.append(anEvent());
    const first = await unwritten();
    await events.spool.append(anEvent());
    const second = await unwritten();
    expect(second).toMatchObject({ rows: 2, oldestAt: first.oldestAt });
    expect(first.oldestAt).toBeLessThanOrEqual(first.now);
    expect(first.now - (first.oldestAt ?? 0)).toBeLessThan(5_000);
    const writer = events.writer();
    writer.start();
    await until('all is written', async () => (await unwritten()).rows === 0);
    expect((await unwritten()).oldestAt).toBe(null);
    await writer.stop();
  });

  it('counts what was set apart', async () => {
    await events.redis.xadd(
      refusedStreamKey(events.namespace),
      '*',
      'id',
      '1-1',
      'reason',
      'r',
      'entry',
      '[]',
    );
    expect(await unwritten()).toMatchObject({ rows: 0, refused: 1 });
  });
});
