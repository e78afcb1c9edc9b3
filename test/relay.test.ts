import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { migrateDatabase } from '../src/events/migrate.ts';
import { eventually } from './support/eventually.ts';
import { healthPages } from './support/health-pages.ts';
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

function startRelay(
  redisUrl: string,
  {
    healthPort = 0,
    entry = 'dist/relay.js',
    env = {},
  }: { healthPort?: number; entry?: string; env?: Readonly<Record<string, string>> } = {},
): RunningProcess {
  return startProcess(entry, {
    RELAY_HEALTH_PORT: String(healthPort),
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

  it('held, is ready and says what it waits for', async () => {
    const pages = await healthPages();
    relay = startRelay(testRedisUrl(), { healthPort: pages.port });
    await relay.waitForLog('the relay works');
    await eventually(async () =>
      expect(await pages.ready()).toMatchObject({
        status: 200,
        body: { status: 'ok', checks: { relay: { status: 'ok' }, outbox: { status: 'ok' } } },
      }),
    );
    await pos.database.sql`update conexxus.relay set held = 'restored'`;
    const held = { status: 'degraded', reason: expect.stringMatching(/outbox release --held/) };
    await eventually(async () =>
      expect(await pages.ready()).toMatchObject({
        status: 200,
        body: { status: 'degraded', checks: { relay: held } },
      }),
    );
  });

  it('is not alive where its loop has ended by itself', async () => {
    const pages = await healthPages();
    relay = startRelay(testRedisUrl(), {
      healthPort: pages.port,
      entry: 'test/faults/relay-that-ends.ts',
    });
    await relay.waitForLog('the relay works');
    expect(await pages.live()).toEqual({ status: 200, body: { live: true } });
    relay.signal('SIGUSR2');
    expect(await relay.waitForLog('the relay has ended')).toMatchObject({ level: 60, error: 'a bug' });
    const reason = 'the relay has ended by itself';
    await eventually(async () =>
      expect(await pages.live()).toEqual({ status: 503, body: { live: false, reason } }),
    );
    expect((await pages.ready()).status).toBe(503);
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
      env: { OUTBOX_DATABASE_URL: pos.fresh.url, DATABASE_URL: elsewhere.url },
    });
    expect(await relay.exited).toEqual({ code: 1, signal: null });
    expect(relay.stderr()).toBe(
      'The database has no conexxus-sync tables yet: run `node dist/cli.js migrate`.\n',
    );
  });

  it('is away says so, goes on without it, and takes what is rung up', async () => {
    const pages = await healthPages();
    const away = new URL(elsewhere.url);
    away.port = '1';
    relay = startRelay(testRedisUrl(), {
      healthPort: pages.port,
      env: { OUTBOX_DATABASE_URL: pos.fresh.url, DATABASE_URL: away.href },
    });
    expect(await relay.waitForLog('the event log does not answer')).toMatchObject({ level: 40 });
    await relay.waitForLog('the relay works');
    await eventually(async () =>
      expect(await pages.ready()).toMatchObject({
        status: 200,
        body: { status: 'degraded', checks: { postgres: { status: 'failed' }, relay: { status: 'ok' } } },
      }),
    );
    await pos.database.sql`select conexxus_enqueue('push_sales', '{}')`;
    await eventually(async () => expect(await pos.database.sql`select from conexxus.outbox`).toHaveLength(0));
  });
});
