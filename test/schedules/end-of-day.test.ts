import { afterAll, beforeAll, expect, it } from '@jest/globals';
import type { Redis } from 'ioredis';
import { connectRedis } from '../../src/base/redis.ts';
import { eventStreamKey } from '../../src/events/event.ts';
import { createSpool } from '../../src/events/spool.ts';
import { migrateOutbox } from '../../src/outbox/migrate.ts';
import { endOfDayWith } from '../../src/schedules/end-of-day.ts';
import { aLine, aSale, DATE } from '../outbox/tables.ts';
import { type FreshDatabase, freshDatabase, type OpenDatabase, openDatabase } from '../support/postgres.ts';
import { testRedisUrl, uniqueNamespace } from '../support/redis.ts';

let fresh: FreshDatabase;
let outbox: OpenDatabase;
let redis: Redis;

beforeAll(async () => {
  fresh = await freshDatabase();
  outbox = openDatabase(fresh.url, 1);
  await migrateOutbox(outbox);
  redis = connectRedis(testRedisUrl(), 'patient', () => undefined);
});

afterAll(async () => {
  redis.disconnect();
  await outbox.close();
  await fresh.close();
});

it('the end of a day puts the books of its business date into the event log, and nothing into the queue', async () => {
  await aSale(outbox.sql, { id: 'T-1', total: '10.5' }, { state: 'delivered' });
  await aSale(outbox.sql, { id: 'T-2', total: '2' }, { state: 'dead', reason: 'http_422' });
  await aLine(outbox.sql, { id: 'T-3', total: '1', location: 'another' });
  const namespace = uniqueNamespace();
  const endOfDay = endOfDayWith({ outbox, spool: createSpool({ redis, namespace }) });
  const schedule = { locationId: 'store-7', job: 'end_of_day', zone: 'UTC', at: '04:00' } as const;
  await endOfDay(schedule, { atMs: 0, date: '2026-11-25' });

  const entries = await redis.xrange(eventStreamKey(namespace), '-', '+');
  expect(entries.map(([, fields]): unknown => JSON.parse(fields[1] ?? ''))).toMatchObject([
    {
      // Written a second time it is the same row.
      dedupeKey: `schedule:end_of_day:store-7:${DATE}`,
      type: 'conexxus.schedule.end_of_day',
      locationId: 'store-7',
      payload: {
        date: DATE,
        books: { sales: { sold: { count: 2, money: '12.5' }, delivered: { count: 1, money: '10.5' } } },
        unplaced: 0,
        problems: [{ state: 'dead', count: 1 }],
      },
    },
  ]);
  expect(await redis.keys(`{${namespace}}:sync:*`)).toEqual([]);
});
