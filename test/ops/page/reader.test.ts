import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { pino } from 'pino';
import { createReader, type Reader } from '../../../src/ops/page/reader.ts';
import { readPauser } from '../../../src/sync/gate/pauser.ts';
import { createFleet } from '../../../src/sync/report/fleet.ts';
import { OPTIONS } from '../../circuit/harness.ts';
import { type OpsHarness, startOps } from '../harness.ts';

let ops: OpsHarness;
let reader: Reader;
let reads: number;
beforeEach(async () => {
  ops = await startOps();
  reads = 0;
  const { redis, namespace, queue } = ops;
  const ownOptions = { circuit: OPTIONS, eventBacklogMax: 1, fleetConcurrency: 0, rampStepMs: 0 };
  reader = createReader({
    redis,
    namespace,
    fleet: createFleet({ redis, namespace, ownOptions }),
    pauser: () => readPauser(redis, queue),
    alerts: { problems: () => [] },
    database: {
      read: () => {
        reads += 1;
        return Promise.reject(Object.assign(new Error('no'), { code: 'ECONNREFUSED' }));
      },
    },
    logger: pino({ level: 'silent' }),
  });
});
afterEach(() => ops.close());

/** Commands that this process sends from now on. */
function countCommands(): { count: number } {
  const sent = { count: 0 };
  const { redis } = ops;
  const send = redis.sendCommand.bind(redis);
  redis.sendCommand = (...args) => {
    sent.count += 1;
    return send(...args);
  };
  return sent;
}

describe('the reader', () => {
  it('asks Redis the same, however many look, and nothing where nobody does', async () => {
    // The scripts are known to Redis from here on.
    await reader.look();
    await delay(1_000);
    const sent = countCommands();
    const begun = performance.now();
    while (performance.now() - begun < 2_000) {
      await Promise.all(Array.from({ length: 20 }, () => reader.look()));
      await delay(50);
    }
    const seconds = Math.ceil((performance.now() - begun) / 1_000);
    expect(sent.count / seconds).toBeLessThanOrEqual(20);
    expect(sent.count).toBeGreaterThanOrEqual(7);
    const last = sent.count;
    await delay(1_100);
    expect(sent.count).toBe(last);
  });

  it('asks a Postgres that is away once a second for each part at most, and says since when', async () => {
    const first = await reader.look();
    expect(first.outcomes).toMatchObject({ value: null, failure: { reason: 'ECONNREFUSED' } });
    expect(reads).toBe(4);
    await reader.look();
    expect(reads).toBe(4);
    await delay(1_050);
    const { outcomes, fleet } = await reader.look();
    expect(reads).toBe(8);
    expect(outcomes.failure?.since).toBe(first.outcomes.failure?.since);
    expect(fleet.failure).toBeNull();
  });

  it('keeps what it knew while Redis is away', async () => {
    const before = await reader.look();
    ops.redis.disconnect();
    await delay(1_050);
    const { fleet, backlog } = await reader.look();
    await ops.redis.connect();
    expect(fleet.value).toEqual(before.fleet.value);
    expect(fleet.failure).not.toBeNull();
    expect(backlog.value).toEqual(before.backlog.value);
  });
});
