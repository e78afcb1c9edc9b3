import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
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

function startRelay(redisUrl: string): RunningProcess {
  return startProcess('dist/relay.js', {
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
});
