import { afterAll, describe, expect, it } from '@jest/globals';
import type { CircuitOptions } from '../../src/circuit/options.ts';
import { aCircuit, type Bench, disconnectAll, health, START } from './harness.ts';

afterAll(disconnectAll);

async function dueForHealth(overrides?: Partial<CircuitOptions>): Promise<Bench> {
  const bench = await aCircuit(overrides);
  await bench.fail(5);
  await bench.clock.pass(1_000);
  return bench;
}

async function inTrials(overrides?: Partial<CircuitOptions>): Promise<Bench> {
  const bench = await aCircuit(overrides);
  await bench.fail(5);
  await bench.toTrials();
  return bench;
}

describe('the health phase', () => {
  it('gives the health call to one process of the fleet', async () => {
    const bench = await dueForHealth();
    const fleet = [bench.circuit, bench.another(), bench.another(), bench.another()];
    const permissions = await Promise.all(fleet.map((circuit) => circuit.beginHealth()));
    expect(permissions.filter((permission) => permission !== null)).toHaveLength(1);
    expect(await bench.entries('conexxus.circuit.half_opened')).toHaveLength(1);
  });

  it('permits no job, and says when the lease on the health call ends', async () => {
    const { circuit, acquire } = await dueForHealth();
    expect((await acquire()).answer).toEqual({
      kind: 'denied',
      reason: 'health',
      retryAt: null,
      waitMs: null,
    });
    await circuit.beginHealth();
    expect((await acquire()).answer).toEqual({
      kind: 'denied',
      reason: 'health',
      retryAt: START + 6_000,
      waitMs: 5_000,
    });
  });

  it('gives the call to another when its process dies, and names no time once the lease is over', async () => {
    const { circuit, clock, acquire } = await dueForHealth();
    const dead = await health(circuit);
    await clock.pass(4_999);
    expect(await circuit.beginHealth()).toBeNull();
    await clock.pass(1);
    expect((await acquire()).answer).toEqual({
      kind: 'denied',
      reason: 'health',
      retryAt: null,
      waitMs: null,
    });
    const next = await health(circuit);
    await circuit.endHealth(dead, 'failed');
    expect(await circuit.status()).toMatchObject({ state: 'half-open', phase: 'health' });
    await circuit.endHealth(next, 'healthy');
    expect(await circuit.status()).toMatchObject({ state: 'half-open', phase: 'trials' });
  });

  it('ignores a health call that ends after its lease', async () => {
    const { circuit, clock } = await dueForHealth();
    const late = await health(circuit);
    await clock.pass(5_000);
    await circuit.endHealth(late, 'healthy');
    expect(await circuit.status()).toMatchObject({ state: 'half-open', phase: 'health' });
  });

  it('ends in the trials once healthy', async () => {
    const { circuit, acquire } = await dueForHealth();
    await circuit.endHealth(await health(circuit), 'healthy');
    expect(await circuit.status()).toMatchObject({ state: 'half-open', phase: 'trials', successes: 0 });
    expect((await acquire()).answer).toMatchObject({ kind: 'permitted', trial: true });
  });

  it('cools down on a 429 and asks again afterwards', async () => {
    const { circuit, clock, acquire } = await dueForHealth();
    await circuit.endHealth(await health(circuit), 'rate-limited', 20_000);
    expect(await circuit.status()).toMatchObject({
      state: 'half-open',
      phase: 'health',
      cooldownUntil: START + 21_000,
    });
    expect((await acquire()).answer).toMatchObject({ reason: 'cooldown', waitMs: 20_000 });
    await clock.pass(19_999);
    expect(await circuit.beginHealth()).toBeNull();
    await clock.pass(1);
    expect(await circuit.beginHealth()).not.toBeNull();
  });

  it('is a failed trial when it fails', async () => {
    const { circuit } = await dueForHealth();
    await circuit.endHealth(await health(circuit), 'failed');
    expect(await circuit.status()).toMatchObject({
      state: 'open',
      cause: 'health-failed',
      retryAt: START + 3_000,
    });
  });

  it('is not due while closed, open or in the trials', async () => {
    const bench = await aCircuit();
    expect(await bench.circuit.beginHealth()).toBeNull();
    await bench.fail(5);
    expect(await bench.circuit.beginHealth()).toBeNull();
    await bench.toTrials();
    expect(await bench.circuit.beginHealth()).toBeNull();
  });
});

describe('the trials', () => {
  it('permit N, refuse N + 1, and are renewed at each half-open', async () => {
    const { acquire, toTrials } = await inTrials();
    for (let round = 0; round < 3; round += 1) {
      const first = await acquire();
      expect(first.answer).toMatchObject({ kind: 'permitted', trial: true });
      expect((await acquire()).answer).toMatchObject({ kind: 'permitted', trial: true });
      expect((await acquire()).answer).toMatchObject({ kind: 'denied', reason: 'trials', waitMs: 30_000 });
      await first.record('failure');
      await toTrials();
    }
  });

  it('in flight and successes together never exceed the threshold', async () => {
    const { circuit, acquire } = await inTrials({ successThreshold: 3 });
    const trials = [await acquire(), await acquire(), await acquire()];
    await trials[0]?.record('success');
    expect(await circuit.status()).toMatchObject({ state: 'half-open', successes: 1 });
    expect((await acquire()).answer).toMatchObject({ kind: 'denied', reason: 'trials' });
    await trials[1]?.record('ignored');
    expect((await acquire()).answer).toMatchObject({ kind: 'permitted', trial: true });
    expect((await acquire()).answer).toMatchObject({ kind: 'denied', reason: 'trials' });
  });

  it.each(['ignored', 'rejected', 'rate-limited'] as const)(
    'give the permit of a %s outcome back',
    async (effect) => {
      const { circuit, clock, acquire } = await inTrials({ successThreshold: 1 });
      const trial = await acquire();
      expect(await trial.record(effect, { retryAfterMs: 1_000 })).toMatchObject({
        kind: 'recorded',
        moved: true,
      });
      await clock.pass(1_000);
      expect(await circuit.status()).toMatchObject({ state: 'half-open', phase: 'trials', successes: 0 });
      expect((await acquire()).answer).toMatchObject({ kind: 'permitted', trial: true });
    },
  );

  it('give a permit back once, by its owner', async () => {
    const { acquire } = await inTrials();
    const [one, two] = [await acquire(), await acquire()];
    await one.record('ignored');
    await one.record('ignored');
    expect((await acquire()).answer).toMatchObject({ kind: 'permitted', trial: true });
    expect((await acquire()).answer).toMatchObject({ kind: 'denied', reason: 'trials' });
    await two.record('ignored');
    expect((await acquire()).answer).toMatchObject({ kind: 'permitted', trial: true });
  });

  it('leave it half-open when all are ignored, and when there are no jobs', async () => {
    const { circuit, clock, call } = await inTrials();
    for (let i = 0; i < 20; i += 1) await call('ignored');
    await clock.pass(86_400_000);
    expect(await circuit.status()).toMatchObject({ state: 'half-open', phase: 'trials', successes: 0 });
  });

  it('close and clear after N successes', async () => {
    const { circuit, clock, redis, keys, call, entries } = await inTrials();
    await clock.pass(10);
    expect(await call('success')).toMatchObject({ state: 'half-open' });
    expect(await call('success')).toMatchObject({ kind: 'recorded', state: 'closed', moved: true });
    expect(await circuit.status()).toMatchObject({
      state: 'closed',
      phase: null,
      cause: 'recovered',
      retryAt: null,
      failures: 0,
      successes: 0,
    });
    const saved = await redis.hgetall(keys.circuit);
    expect(saved).toMatchObject({ failedTrials: '0', rampAt: String(START + 1_010) });
    expect(saved).not.toHaveProperty('window');
    expect(await entries('conexxus.circuit.closed')).toHaveLength(2);
  });

  it('re-open when one fails, whatever the volume', async () => {
    const { circuit, call } = await inTrials({ successThreshold: 3 });
    await call('success');
    await call('success');
    expect(await call('failure')).toMatchObject({ kind: 'recorded', state: 'open' });
    expect(await circuit.status()).toMatchObject({ state: 'open', cause: 'trial-failed', successes: 0 });
  });

  it('re-open when rejections in a row reach their limit', async () => {
    const { circuit, call } = await inTrials({ rejections: 2 });
    await call('rejected');
    expect(await circuit.status()).toMatchObject({ state: 'half-open' });
    await call('rejected');
    expect(await circuit.status()).toMatchObject({ state: 'open', cause: 'rejecting' });
  });

  it('free the place of a killed holder when its lease runs out', async () => {
    const { clock, acquire } = await inTrials({ successThreshold: 1 });
    await acquire();
    await clock.pass(29_999);
    expect((await acquire()).answer).toMatchObject({ reason: 'trials', waitMs: 1 });
    await clock.pass(1);
    expect((await acquire()).answer).toMatchObject({ kind: 'permitted', trial: true });
  });

  it('do not count a success that comes after its lease', async () => {
    const { circuit, clock, acquire } = await inTrials({ successThreshold: 1 });
    const frozen = await acquire();
    await clock.pass(30_000);
    const next = await acquire();
    expect(await frozen.record('success')).toMatchObject({ kind: 'stale', state: 'half-open' });
    expect((await acquire()).answer).toMatchObject({ reason: 'trials' });
    expect(await next.record('success')).toMatchObject({ kind: 'recorded', state: 'closed' });
    expect(await circuit.acquire(frozen.subject)).toEqual({ kind: 'delivered' });
  });

  it('keep the place of a trial whose job was restarted, for its call may still be under way', async () => {
    const { acquire } = await inTrials();
    const frozen = await acquire();
    const again = await acquire(frozen.subject);
    expect(again.answer).toMatchObject({ kind: 'permitted', trial: true });
    expect((await acquire()).answer).toMatchObject({ reason: 'trials' });
    expect(await frozen.record('failure')).toMatchObject({ kind: 'stale', state: 'half-open' });
    expect((await acquire()).answer).toMatchObject({ kind: 'permitted' });
  });

  it('do not wait for a threshold that a new configuration has lowered below the successes', async () => {
    const bench = await inTrials({ successThreshold: 5 });
    await bench.succeed(3);
    const restarted = bench.another({ successThreshold: 2 });
    expect(await restarted.acquire({ jobId: 'after-the-rollout' })).toMatchObject({
      kind: 'permitted',
      trial: false,
    });
    expect(await restarted.status()).toMatchObject({ state: 'closed', cause: 'recovered' });
  });
});
