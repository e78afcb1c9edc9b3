import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { freePort } from '../scripts/services/machine.ts';
import { migrateDatabase } from '../src/events/migrate.ts';
import { eventually } from './support/eventually.ts';
import { type OutboxBench, outboxBench } from './support/outbox.ts';
import { type FreshDatabase, freshDatabase } from './support/postgres.ts';
import { type RunningProcess, startProcess } from './support/process.ts';
import { testRedisUrl, uniqueNamespace } from './support/redis.ts';

let pos: OutboxBench;
let relay: RunningProcess;

beforeEach(async () => {
  pos = await outboxBench();
  await migrateDatabase(pos.database);
});

afterEach(async () => {
  await relay.stop();
  await pos.close();
});

function startRelay(redisUrl: string, env: Readonly<Record<string, string>> = {}): RunningProcess {
  return startProcess('dist/relay.js', {
    REDIS_URL: redisUrl,
    DATABASE_URL: pos.fresh.url,
    SYNC_NAMESPACE: uniqueNamespace(),
    ...env,
  });
}

describe('a relay process', () => {
  it('says nothing of a Redis that is there', async () => {
    relay = startRelay(testRedisUrl());
    await relay.waitForLog('the relay works');
    expect(relay.logs.filter(({ level = 0 }) => level > 30)).toEqual([]);
  });

  it('says that it waits for a Redis that is away', async () => {
    relay = startRelay('redis://127.0.0.1:1');
    expect(await relay.waitForLog('the relay waits')).toMatchObject({ level: 40 });
  });
});

describe('a relay whose event log', () => {
  let elsewhere: FreshDatabase;

  beforeEach(async () => {
    elsewhere = await freshDatabase();
  });
  afterEach(() => elsewhere.close());

  it('was never made refuses to work, and says what to do, as a worker does', async () => {
    relay = startRelay(testRedisUrl(), {
      OUTBOX_DATABASE_URL: pos.fresh.url,
      DATABASE_URL: elsewhere.url,
    });
    expect(await relay.exited).toEqual({ code: 1, signal: null });
    expect(relay.stderr()).toBe(
      'The database has no conexxus-sync tables yet: run `node dist/cli.js migrate`.\n',
    );
  });

  it('is away is not ready, says so, and takes what is rung up', async () => {
    const port = await freePort();
    const away = new URL(elsewhere.url);
    away.port = '1';
    relay = startRelay(testRedisUrl(), {
      OUTBOX_DATABASE_URL: pos.fresh.url,
      DATABASE_URL: away.href,
      RELAY_HEALTH_PORT: String(port),
    });
    expect(await relay.waitForLog('the event log does not answer')).toMatchObject({ level: 40 });
    await relay.waitForLog('the relay works');
    await eventually(async () => {
      const answer = await fetch(`http://127.0.0.1:${port}/health/ready`);
      expect([answer.status, await answer.json()]).toMatchObject([
        503,
        { checks: { redis: 'ok', log: 'failed', relay: 'ok' } },
      ]);
    });
    await pos.database.sql`select conexxus_enqueue('push_sales', '{}')`;
    await eventually(async () => expect(await pos.database.sql`select from conexxus.outbox`).toHaveLength(0));
  });
});
