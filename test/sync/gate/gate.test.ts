import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Queue, Worker } from 'bullmq';
import type { Redis } from 'ioredis';
import { connectRedis } from '../../../src/base/redis.ts';
import { type Circuit, createCircuit } from '../../../src/circuit/circuit.ts';
import type { CircuitEffect } from '../../../src/circuit/types.ts';
import type { HealthAnswer } from '../../../src/conexxus/health.ts';
import { eventStreamKey } from '../../../src/events/event.ts';
import { createGate, type Gate } from '../../../src/sync/gate/gate.ts';
import { type GateOptions, lookAtGate } from '../../../src/sync/gate/gate-script.ts';
import { createWorkerSelf } from '../../../src/sync/worker-self.ts';
import { deferred } from '../../support/deferred.ts';
import { eventually } from '../../support/eventually.ts';
import { testRedisUrl, uniqueNamespace } from '../../support/redis.ts';

const OPTIONS: GateOptions = {
  circuit: {
    failureThreshold: 2,
    failureRate: 1,
    minimumCalls: 1_000,
    windowMs: 60_000,
    streakGapMs: 60_000,
    slowCallMs: 0,
    rejections: 50,
    openMs: 300,
    openMaxMs: 300,
    successThreshold: 2,
    leaseMs: 30_000,
    healthLeaseMs: 10_000,
    deliveredRetentionMs: 60_000,
  },
  eventBacklogMax: 1_000,
  fleetConcurrency: 0,
  rampStepMs: 0,
};

let namespace: string;
let redis: Redis;
let subscriber: Redis;
let queue: Queue;
let circuit: Circuit;
let healthCalls: number;
const gates: Gate[] = [];

beforeEach(() => {
  namespace = uniqueNamespace();
  redis = connectRedis(testRedisUrl(), 'patient', () => undefined);
  subscriber = connectRedis(testRedisUrl(), 'patient', () => undefined);
  queue = new Queue('sync', { connection: redis, prefix: `{${namespace}}` });
  circuit = createCircuit({
    redis,
    namespace,
    eventStream: eventStreamKey(namespace),
    options: OPTIONS.circuit,
  });
  healthCalls = 0;
});

afterEach(async () => {
  await Promise.all(gates.splice(0).map((gate) => gate.stop()));
  await queue.close();
  const keys = await redis.keys(`{${namespace}}:*`);
  if (keys.length > 0) await redis.del(keys);
  redis.disconnect();
  subscriber.disconnect();
});

function gateWith(
  options: Partial<GateOptions> = {},
  health: () => Promise<HealthAnswer> = () => Promise.resolve({ kind: 'ok', durationMs: 1, httpStatus: 200 }),
): Gate {
  const gate = createGate({
    redis,
    subscriber,
    namespace,
    circuit,
    client: {
      health: () => {
        healthCalls += 1;
        return health();
      },
    },
    options: { ...OPTIONS, ...options },
    self: createWorkerSelf('test', '0.0.0', 1),
  });
  gates.push(gate);
  return gate;
}

let jobs = 0;
async function call(effect: CircuitEffect, retryAfterMs?: number): Promise<void> {
  jobs += 1;
  const subject = { jobId: `job-${jobs}` };
  const acquired = await circuit.acquire(subject);
  if (acquired.kind !== 'permitted') throw new Error(`not permitted: ${JSON.stringify(acquired)}`);
  await circuit.record(subject, acquired.permission, {
    effect,
    durationMs: 1,
    delivered: false,
    retryAfterMs,
    event: {},
  });
}

async function open(): Promise<void> {
  await call('failure');
  await call('failure');
}

const stamp = () => redis.hget(`{${namespace}}:sync:meta`, 'paused');

describe('the pause', () => {
  it('goes on when the circuit opens, under our stamp, and off when it closes', async () => {
    const gate = gateWith();
    await open();
    expect(await gate.follow()).toEqual(['open']);
    expect(await queue.isPaused()).toBe(true);
    expect(await stamp()).toBe('circuit');
    await circuit.operate('reset', { actor: 'test', reason: 'test' });
    expect(await gate.follow()).toEqual([]);
    expect(await queue.isPaused()).toBe(false);
  });

  it('comes within a moment of the transition, by pub/sub', async () => {
    const gate = gateWith();
    await gate.start();
    await open();
    await eventually(async () => expect(await queue.isPaused()).toBe(true), 900);
  });

  it('is lifted, wherever a worker sleeps, without the drain delay', async () => {
    const gate = gateWith();
    await open();
    await gate.follow();
    await queue.add('push_sales', {});
    const done = deferred<number>();
    const connection = redis.duplicate();
    const worker = new Worker('sync', () => Promise.resolve(done.resolve(Date.now())), {
      connection,
      prefix: `{${namespace}}`,
      drainDelay: 30,
    });
    await worker.waitUntilReady();
    await circuit.operate('reset', { actor: 'test', reason: 'test' });
    const liftedAt = Date.now();
    await gate.follow();
    expect((await done.promise) - liftedAt).toBeLessThan(2_000);
    await worker.close();
    connection.disconnect();
  });

  it.each(['before the circuit opens', 'while it is open'])(
    'of a person, set %s, is never lifted',
    async (when) => {
      const gate = gateWith();
      if (when === 'before the circuit opens') await queue.pause();
      await open();
      await gate.follow();
      if (when !== 'before the circuit opens') await queue.pause();
      await circuit.operate('reset', { actor: 'test', reason: 'test' });
      expect(await gate.follow()).toEqual(['operator']);
      expect(await queue.isPaused()).toBe(true);
    },
  );

  it('comes back when a plain client resumes the queue while the circuit is open', async () => {
    const gate = gateWith();
    await open();
    await gate.follow();
    await queue.resume();
    await gate.start();
    await eventually(async () => expect(await stamp()).toBe('circuit'), 2_000);
  });

  it('holds for a cooldown, a hold and an event backlog over its limit', async () => {
    const gate = gateWith({ eventBacklogMax: 50 });
    await call('rate-limited', 60_000);
    expect(await gate.follow()).toEqual(['cooldown']);
    await circuit.operate('hold', { actor: 'test', reason: 'test' });
    expect(await gate.follow()).toEqual(['hold']);
    await circuit.operate('release', { actor: 'test', reason: 'test' });
    await circuit.operate('reset', { actor: 'test', reason: 'test' });
    expect(await gate.follow()).toEqual([]);
    await Promise.all(
      Array.from({ length: 50 }, () => redis.xadd(eventStreamKey(namespace), '*', 'event', '{}')),
    );
    expect(await gate.follow()).toEqual(['events']);
    expect(await queue.isPaused()).toBe(true);
  });

  it('can be read without changing anything', async () => {
    await open();
    expect(await lookAtGate(redis, namespace, OPTIONS)).toMatchObject({ reasons: ['open'], state: 'open' });
    expect(await queue.isPaused()).toBe(false);
    await queue.pause();
    expect((await lookAtGate(redis, namespace, OPTIONS)).reasons).toEqual(['open', 'operator']);
  });
});

describe('healing', () => {
  it('makes one health call fleet-wide, then lets the trials through', async () => {
    const answered = deferred<HealthAnswer>();
    const first = gateWith({}, () => answered.promise);
    const second = gateWith({}, () => answered.promise);
    await open();
    await Promise.all([first.start(), second.start()]);
    await eventually(async () => expect((await circuit.status()).phase).toBe('health'), 2_000);
    await eventually(async () => expect(healthCalls).toBe(1), 2_000);
    await Promise.all([first.follow(), second.follow()]);
    answered.resolve({ kind: 'ok', durationMs: 1, httpStatus: 200 });
    await eventually(async () => expect((await circuit.status()).phase).toBe('trials'), 2_000);
    await eventually(async () => expect(await queue.isPaused()).toBe(false), 2_000);
    expect(await queue.getGlobalConcurrency()).toBe(2);
    expect(healthCalls).toBe(1);
  });

  it('opens again when the health call fails', async () => {
    const gate = gateWith({}, () =>
      Promise.resolve({ kind: 'failed', durationMs: 1, error: { code: 'http_503', message: 'down' } }),
    );
    await open();
    const opened = (await circuit.status()).epoch;
    await gate.start();
    await eventually(async () => {
      const { state, cause, epoch } = await circuit.status();
      expect({ state, cause }).toEqual({ state: 'open', cause: 'health-failed' });
      expect(epoch).toBeGreaterThan(opened);
    }, 3_000);
  });
});

describe('the ramp after closing', () => {
  it('doubles global concurrency from the trials up to the fleet limit', async () => {
    const gate = gateWith({ rampStepMs: 60_000, fleetConcurrency: 7 });
    await circuit.operate('reset', { actor: 'test', reason: 'test' });
    await gate.follow();
    expect(await queue.getGlobalConcurrency()).toBe(2);
    const closedAt = Number(await redis.hget(`{${namespace}}:circuit`, 'rampAt'));
    await redis.hset(`{${namespace}}:circuit`, 'rampAt', closedAt - 60_000);
    await gate.follow();
    expect(await queue.getGlobalConcurrency()).toBe(4);
    await redis.hset(`{${namespace}}:circuit`, 'rampAt', closedAt - 120_000);
    await gate.follow();
    expect(await queue.getGlobalConcurrency()).toBe(7);
  });

  it('ends without a limit where the fleet has none', async () => {
    const gate = gateWith({ rampStepMs: 1_000 });
    await circuit.operate('reset', { actor: 'test', reason: 'test' });
    const closedAt = Number(await redis.hget(`{${namespace}}:circuit`, 'rampAt'));
    await redis.hset(`{${namespace}}:circuit`, 'rampAt', closedAt - 9_500);
    await gate.follow();
    expect(await queue.getGlobalConcurrency()).toBe(1_024);
    await redis.hset(`{${namespace}}:circuit`, 'rampAt', closedAt - 10_000);
    await gate.follow();
    expect(await queue.getGlobalConcurrency()).toBeNull();
  });

  it('does not slow the first start of an installation', async () => {
    const gate = gateWith({ rampStepMs: 60_000 });
    await gate.follow();
    expect(await queue.getGlobalConcurrency()).toBeNull();
  });
});
