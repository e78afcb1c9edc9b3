import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { eventually } from './support/eventually.ts';
import { healthPages } from './support/health-pages.ts';
import { type OutboxBench, outboxBench } from './support/outbox.ts';
import { type RunningProcess, startProcess } from './support/process.ts';
import { testRedisUrl, uniqueNamespace } from './support/redis.ts';

let pos: OutboxBench;
let relay: RunningProcess;

beforeEach(async () => {
  pos = await outboxBench();
});

afterEach(async () => {
  await relay.stop();
  await pos.close();
});

function startRelay(
  redisUrl: string,
  { healthPort = 0, entry = 'dist/relay.js' }: { healthPort?: number; entry?: string } = {},
): RunningProcess {
  return startProcess(entry, {
    RELAY_HEALTH_PORT: String(healthPort),
    REDIS_URL: redisUrl,
    DATABASE_URL: pos.fresh.url,
    SYNC_NAMESPACE: uniqueNamespace(),
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
