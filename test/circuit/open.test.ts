import { afterAll, describe, expect, it } from '@jest/globals';
import { aCircuit, type Bench, disconnectAll, health, START } from './harness.ts';

afterAll(disconnectAll);

async function openMsOf({ circuit }: Bench): Promise<number> {
  const { retryAt, since } = await circuit.status();
  if (retryAt === null) throw new Error('The circuit is not open.');
  return retryAt - since;
}

/** One failed trial after another; how long the circuit stayed open each time. */
async function failTrials(bench: Bench, times: number): Promise<number[]> {
  const openTimes: number[] = [];
  for (let i = 0; i < times; i += 1) {
    await bench.toTrials();
    await bench.call('failure');
    openTimes.push(await openMsOf(bench));
  }
  return openTimes;
}

describe('an open circuit', () => {
  it('never permits a call', async () => {
    const { fail, acquire } = await aCircuit();
    await fail(5);
    for (let i = 0; i < 10; i += 1) {
      expect((await acquire()).answer).toEqual({
        kind: 'denied',
        reason: 'open',
        retryAt: START + 1_000,
        waitMs: 1_000,
      });
    }
  });

  it('is open one millisecond early and half-open at the time', async () => {
    const { circuit, clock, fail, acquire } = await aCircuit();
    await fail(5);
    await clock.set(START + 999);
    expect((await acquire()).answer).toMatchObject({ reason: 'open', waitMs: 1 });
    expect(await circuit.status()).toMatchObject({ state: 'open', phase: null });
    await clock.set(START + 1_000);
    expect(await circuit.status()).toMatchObject({ state: 'half-open', phase: 'health' });
    expect((await acquire()).answer).toMatchObject({ kind: 'denied', reason: 'health' });
  });

  it('is not changed by reading its state, however late', async () => {
    const { circuit, clock, redis, keys, fail, entries } = await aCircuit();
    await fail(5);
    await clock.pass(100_000);
    const before = [await redis.hgetall(keys.circuit), await entries()];
    await circuit.status();
    expect(await circuit.status()).toMatchObject({ state: 'half-open', since: START + 100_000 });
    expect([await redis.hgetall(keys.circuit), await entries()]).toEqual(before);
  });

  it('stays open without expiring while nobody asks', async () => {
    const { circuit, redis, keys, fail } = await aCircuit();
    await fail(5);
    expect(await redis.ttl(keys.circuit)).toBe(-1);
    expect(await circuit.status()).toMatchObject({ state: 'open' });
  });

  it('is not extended by late failures, whose calls began before it opened', async () => {
    const { circuit, clock, acquire, fail, entries } = await aCircuit();
    const late = await acquire();
    await fail(5);
    const before = await circuit.status();
    await clock.pass(900);
    expect(await late.record('failure', { retryAfterMs: 60_000 })).toMatchObject({
      kind: 'stale',
      state: 'open',
      moved: false,
    });
    expect(await circuit.status()).toEqual(before);
    expect((await entries('outcome.failure')).at(-1)).toMatchObject({ stale: true, state: 'open' });
  });
});

describe('the open time', () => {
  it('grows with each failed trial, is capped, and is reset by closing', async () => {
    const bench = await aCircuit();
    await bench.fail(5);
    expect(await openMsOf(bench)).toBe(1_000);
    expect(await failTrials(bench, 5)).toEqual([2_000, 4_000, 6_000, 6_000, 6_000]);
    await bench.toTrials();
    await bench.succeed(2);
    expect(await bench.circuit.status()).toMatchObject({ state: 'closed', cause: 'recovered' });
    await bench.fail(5);
    expect(await openMsOf(bench)).toBe(1_000);
  });

  it('stays at its cap after a very long outage', async () => {
    const bench = await aCircuit();
    await bench.fail(5);
    await bench.redis.hset(bench.keys.circuit, 'failedTrials', 5_000);
    expect(await failTrials(bench, 1)).toEqual([6_000]);
  });

  it('grows with a failed health call too', async () => {
    const bench = await aCircuit();
    await bench.fail(5);
    await bench.clock.pass(1_000);
    await bench.circuit.endHealth(await health(bench.circuit), 'failed');
    expect(await bench.circuit.status()).toMatchObject({ state: 'open', cause: 'health-failed' });
    expect(await openMsOf(bench)).toBe(2_000);
  });

  it('is not doubled by a wrong configuration, found by a trial or by the health call', async () => {
    const bench = await aCircuit();
    await bench.call('misconfigured');
    await bench.toTrials();
    await bench.call('misconfigured');
    expect(await openMsOf(bench)).toBe(1_000);
    await bench.clock.pass(1_000);
    await bench.circuit.endHealth(await health(bench.circuit), 'misconfigured');
    expect(await openMsOf(bench)).toBe(1_000);
    expect(await bench.circuit.status()).toMatchObject({ state: 'open', cause: 'misconfigured' });
  });

  it('is at least the Retry-After of the failure that opened it, whatever those before asked for', async () => {
    const bench = await aCircuit();
    await bench.call('failure', { retryAfterMs: 900_000 });
    await bench.clock.pass(10);
    await bench.fail(3);
    await bench.call('failure', { retryAfterMs: 90_000 });
    expect(await bench.circuit.status()).toMatchObject({ state: 'open', retryAt: START + 10 + 90_000 });
  });

  it('is not shortened by a Retry-After', async () => {
    const bench = await aCircuit();
    await bench.fail(4);
    await bench.call('failure', { retryAfterMs: 1 });
    expect(await openMsOf(bench)).toBe(1_000);
  });

  it('is at least the Retry-After of a failed trial or health call, which is then forgotten', async () => {
    const bench = await aCircuit();
    await bench.fail(5);
    await bench.clock.pass(1_000);
    await bench.circuit.endHealth(await health(bench.circuit), 'failed', 50_000);
    expect(await openMsOf(bench)).toBe(50_000);
    await bench.toTrials();
    await bench.call('failure', { retryAfterMs: 70_000 });
    expect(await openMsOf(bench)).toBe(70_000);
    expect(await failTrials(bench, 1)).toEqual([6_000]);
  });
});
