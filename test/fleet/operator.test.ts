import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { eventually } from '../support/eventually.ts';
import { makeSales } from '../support/sales.ts';
import { type Stand, startStand } from '../support/stand.ts';

const JOBS = 300;

let stand: Stand;

beforeEach(async () => {
  // No call may time out on a busy machine: the API would have taken its sale all the same.
  stand = await startStand({
    simulator: { latency: { kind: 'fixed', ms: 100 } },
    env: { RAMP_STEP: '1000', CONEXXUS_TIMEOUT: '20000' },
  });
  await stand.startWorkers(8);
});

afterEach(async () => {
  await stand.close();
});

async function circuitIs(state: string): Promise<void> {
  await eventually(async () => {
    expect(await stand.redis.hget(`{${stand.namespace}}:circuit`, 'state')).toBe(state);
  }, 30_000);
}

/** A person pauses, `meanwhile` passes over it, and by the queue's own events nobody has lifted it. */
async function pausedThroughout(meanwhile: () => Promise<void>): Promise<void> {
  await stand.queue.pause();
  const [last] = await stand.redis.xrevrange(`{${stand.namespace}}:sync:events`, '+', '-', 'COUNT', 1);
  await meanwhile();
  await eventually(async () => expect(await stand.queue.getActiveCount()).toBe(0), 30_000);
  const pushes = await salesPushed();
  // Every gate looks each second: long enough for all of them to have done what they do.
  await delay(2_500);
  const since = await stand.redis.xrange(`{${stand.namespace}}:sync:events`, `(${last?.[0] ?? '-'}`, '+');
  expect(since.filter(([, fields]) => fields.includes('resumed'))).toEqual([]);
  expect((await stand.queue.getMeta()).paused).toBe(true);
  expect(await salesPushed()).toBe(pushes);
  expect(await stand.queue.getWaitingCount()).toBeGreaterThan(0);
}

async function salesPushed(): Promise<number | undefined> {
  return (await stand.simulator.summary()).byPath['/api/v1/sales/push'];
}

async function resumeAndDrain(): Promise<void> {
  await stand.queue.resume();
  await eventually(async () => {
    expect(await stand.queue.getCompletedCount()).toBe(JOBS);
    expect(await stand.redis.xlen(`{${stand.namespace}}:events`)).toBe(0);
  }, 60_000);
  expect((await stand.reconcile()).problems).toEqual([]);
}

describe("a person's pause", () => {
  it('during an outage outlives it', async () => {
    await stand.simulator.setMode(503);
    await stand.enqueue(makeSales(JOBS));
    await eventually(async () => expect(await stand.queue.isPaused()).toBe(true), 30_000);
    await pausedThroughout(async () => {
      await stand.simulator.setMode('ok');
      await circuitIs('half-open');
    });
    await resumeAndDrain();
    await circuitIs('closed');
  });

  it('during the ramp outlives it', async () => {
    await stand.simulator.setMode(503);
    await stand.enqueue(makeSales(JOBS));
    await circuitIs('open');
    await stand.simulator.setMode('ok');
    await circuitIs('closed');
    await pausedThroughout(async () => {
      await eventually(async () => expect(await concurrency()).toBeGreaterThan(2 * 2), 30_000);
    });
    await resumeAndDrain();
  });

  it('during a cooldown outlives it, and the circuit stays closed', async () => {
    const fault = { kind: 'status', status: 429, headers: { 'Retry-After': '5' } } as const;
    await stand.simulator.setFaults([{ match: { times: 1 }, fault }]);
    await stand.enqueue(makeSales(JOBS));
    await eventually(async () => expect(await cooldownUntil()).toBeGreaterThan(Date.now()), 30_000);
    await pausedThroughout(async () => {
      const endsAt = await cooldownUntil();
      await eventually(() => expect(Date.now()).toBeGreaterThan(endsAt), 30_000);
    });
    await circuitIs('closed');
    await resumeAndDrain();
  });
});

/** Of the queue, fleet-wide; 0: no limit. */
async function concurrency(): Promise<number> {
  return Number((await stand.redis.hget(`{${stand.namespace}}:sync:meta`, 'concurrency')) ?? 0);
}

async function cooldownUntil(): Promise<number> {
  return Number((await stand.redis.hget(`{${stand.namespace}}:circuit`, 'cooldownUntil')) ?? 0);
}
