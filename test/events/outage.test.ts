import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { connectDatabase, type Database } from '../../src/base/database.ts';
import {
  anEvent,
  describeOnServer,
  type EventsHarness,
  openEvents,
  openTestDatabase,
  type Proxy,
  startProxy,
  type TestDatabase,
  until,
} from './harness.ts';

let direct: TestDatabase;
let events: EventsHarness;
let proxy: Proxy;
let throughProxy: Database;

beforeAll(async () => {
  direct = await openTestDatabase();
});

afterAll(async () => {
  await direct.close();
});

beforeEach(async () => {
  events = openEvents(direct);
  proxy = await startProxy(direct.fresh.url);
  throughProxy = connectDatabase(proxy.url, { max: 1 });
});

afterEach(async () => {
  await throughProxy.close();
  await proxy.close();
  await events.close();
});

const appendMany = async (from: number, to: number) => {
  for (let n = from; n < to; n += 1) {
    await events.spool.append(anEvent({ dedupeKey: `permission-${n}:succeeded` }));
  }
};

const keysWritten = async () => new Set((await events.rows()).map((row) => row.dedupeKey)).size;

describe('event writer while Postgres fails', () => {
  it('starts while Postgres is away, says so, and writes each row once when it comes', async () => {
    proxy.mode = 'cut';
    const writer = events.writer({ database: throughProxy });
    writer.start();
    await appendMany(0, 50);
    await until('it says so', async () => writer.health().error !== null);
    expect(await events.spool.backlog()).toBe(50);

    proxy.mode = 'pass';
    await until('all is written', async () => (await events.rowCount()) === 50);
    await until('the stream is empty', async () => (await events.spool.backlog()) === 0);
    await until('it says so', async () => writer.health().error === null);
    expect(await keysWritten()).toBe(50);
  });

  it('loses and doubles none when the connection breaks again and again under load', async () => {
    events.writer({ database: throughProxy, batchSize: 7 }).start();
    for (let round = 0; round < 8; round += 1) {
      await appendMany(round * 25, round * 25 + 25);
      proxy.drop();
    }
    await until('the stream is empty', async () => (await events.spool.backlog()) === 0);
    expect(await events.rowCount()).toBe(200);
    expect(await keysWritten()).toBe(200);
  });

  describeOnServer('(two backends: not on PGlite)', () => {
    it('tries again after its backend was terminated', async () => {
      events.writer({ database: throughProxy }).start();
      await appendMany(0, 10);
      await until('it is connected', async () => (await events.rowCount()) === 10);
      await direct.database.sql`
        select pg_terminate_backend(pid) from pg_stat_activity
        where datname = current_database() and pid <> pg_backend_pid()`;
      await appendMany(10, 20);
      await until('the stream is empty', async () => (await events.spool.backlog()) === 0);
      expect(await keysWritten()).toBe(20);
    });
  });

  describeOnServer('(two backends: not on PGlite)', () => {
    it('waits for a table that somebody locked', async () => {
      const writer = events.writer({ database: throughProxy });
      await direct.database.sql.begin(async (sql) => {
        await sql`lock table event_log in access exclusive mode`;
        writer.start();
        await appendMany(0, 10);
        await delay(300);
        expect(await events.spool.backlog()).toBe(10);
      });
      await until('all is written', async () => (await events.rowCount()) === 10);
    });
  });

  it('stops in bounded time and leaves what it could not write in the stream', async () => {
    const writer = events.writer({ database: throughProxy });
    writer.start();
    await appendMany(0, 1);
    await until('it is connected', async () => (await events.rowCount()) === 1);
    proxy.mode = 'silent';
    await appendMany(1, 11);
    const before = Date.now();
    await writer.stop();
    expect(Date.now() - before).toBeLessThan(3_000);
    expect(await events.spool.backlog()).toBe(10);

    events.writer({ claimIdleMs: 100 }).start();
    await until('another writes it', async () => (await events.rowCount()) === 11);
  });
});
