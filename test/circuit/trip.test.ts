import { afterAll, describe, expect, it } from '@jest/globals';
import { aCircuit, disconnectAll, OPTIONS, START } from './harness.ts';

afterAll(disconnectAll);

/** Options under which only the rate can open it. */
const RATE_ONLY = { failureThreshold: 1_000, failureRate: 0.5, minimumCalls: 20 };

describe('the streak', () => {
  it('stays closed at threshold - 1 failures and opens at the threshold', async () => {
    const { circuit, fail, call } = await aCircuit();
    await fail(4);
    expect(await circuit.status()).toMatchObject({ state: 'closed', failures: 4 });
    expect(await call('failure')).toMatchObject({ kind: 'recorded', state: 'open', moved: true });
    expect(await circuit.status()).toMatchObject({
      state: 'open',
      cause: 'streak',
      since: START,
      retryAt: START + OPTIONS.openMs,
    });
  });

  it('is broken by a success', async () => {
    const { circuit, fail, succeed } = await aCircuit();
    await fail(4);
    await succeed(1);
    await fail(4);
    expect(await circuit.status()).toMatchObject({ state: 'closed', failures: 4 });
  });

  it('is neither broken nor lengthened by an ignored outcome, a rejection or a 429', async () => {
    const { circuit, clock, fail, call } = await aCircuit();
    await fail(4);
    await call('ignored');
    await call('rejected');
    await call('rate-limited', { retryAfterMs: 1_000 });
    await clock.pass(1_000);
    expect(await circuit.status()).toMatchObject({ state: 'closed', failures: 4 });
    await fail(1);
    expect(await circuit.status()).toMatchObject({ state: 'open', cause: 'streak' });
  });

  it('breaks on a success wherever in the window its failures lie', async () => {
    const { circuit, clock, fail, succeed } = await aCircuit();
    await fail(2);
    await clock.pass(3_000);
    await fail(2);
    await succeed(1);
    await fail(4);
    expect(await circuit.status()).toMatchObject({ state: 'closed', failures: 4 });
  });
});

describe('the rate', () => {
  it('does not trip on 100 % failures below the minimum of calls', async () => {
    const { circuit, fail } = await aCircuit(RATE_ONLY);
    await fail(19);
    expect(await circuit.status()).toMatchObject({ state: 'closed', failures: 19 });
    await fail(1);
    expect(await circuit.status()).toMatchObject({ state: 'open', cause: 'rate' });
  });

  it('trips at exactly the threshold, not just below it', async () => {
    const { circuit, fail, succeed } = await aCircuit(RATE_ONLY);
    await succeed(11);
    await fail(10);
    expect(await circuit.status()).toMatchObject({ state: 'closed' });
    await fail(1);
    expect(await circuit.status()).toMatchObject({ state: 'open', cause: 'rate' });
  });

  // 0.07 x 100 is 7.000000000000001 in floating point.
  it.each([
    [0.55, 20, 11],
    [0.07, 100, 7],
    [0.29, 100, 29],
    [1, 3, 3],
  ])('of %d trips at %d calls with %d failures', async (failureRate, minimumCalls, failures) => {
    const { circuit, fail, succeed } = await aCircuit({ ...RATE_ONLY, failureRate, minimumCalls });
    await succeed(minimumCalls - failures);
    await fail(failures - 1);
    expect(await circuit.status()).toMatchObject({ state: 'closed' });
    await fail(1);
    expect(await circuit.status()).toMatchObject({ state: 'open', cause: 'rate' });
  });

  it.each([0, 1_000])('counts failures that successes followed, %d ms later', async (ms) => {
    const { circuit, clock, fail, succeed } = await aCircuit(RATE_ONLY);
    await fail(10);
    await clock.pass(ms);
    await succeed(9);
    expect(await circuit.status()).toMatchObject({ state: 'closed' });
    await fail(1);
    expect(await circuit.status()).toMatchObject({ state: 'open', cause: 'rate' });
  });

  it('is not tripped by a success', async () => {
    const { circuit, fail, succeed } = await aCircuit(RATE_ONLY);
    await fail(19);
    await succeed(1);
    expect(await circuit.status()).toMatchObject({ state: 'closed' });
  });
});

describe('the window', () => {
  it('lets outcomes age out gradually', async () => {
    const { circuit, clock, fail } = await aCircuit();
    await fail(1);
    await clock.pass(1_000);
    await fail(2);
    await clock.pass(8_999);
    expect(await circuit.status()).toMatchObject({ window: { calls: 3, failures: 3 } });
    await clock.pass(1);
    expect(await circuit.status()).toMatchObject({ window: { calls: 2, failures: 2 } });
    await clock.pass(1_000);
    expect(await circuit.status()).toMatchObject({ window: { calls: 0, failures: 0 } });
  });

  it('lets a streak age out as a whole in idle time, so that one late failure does not open it', async () => {
    const { circuit, clock, fail } = await aCircuit();
    await fail(4);
    await clock.pass(OPTIONS.streakGapMs + 1);
    expect(await circuit.status()).toMatchObject({ failures: 0 });
    await fail(4);
    expect(await circuit.status()).toMatchObject({ state: 'closed', failures: 4 });
  });

  it('opens at the threshold although each failure of the streak left the window by itself', async () => {
    const { circuit, clock, fail } = await aCircuit();
    for (let i = 0; i < 5; i += 1) {
      expect(await circuit.status()).toMatchObject({ state: 'closed', failures: i });
      await clock.pass(OPTIONS.streakGapMs);
      await fail(1);
    }
    expect(await circuit.status()).toMatchObject({ state: 'open', cause: 'streak' });
  });

  it('ages out of the rate too', async () => {
    const { circuit, clock, fail } = await aCircuit(RATE_ONLY);
    await fail(19);
    await clock.pass(10_000);
    await fail(19);
    expect(await circuit.status()).toMatchObject({ state: 'closed', window: { failures: 19 } });
  });

  it('does not count denials', async () => {
    const { circuit, acquire, redis, keys, clock, fail } = await aCircuit({
      minimumCalls: 6,
      failureThreshold: 5,
    });
    await fail(4);
    await circuit.operate('hold', { actor: 'ann', reason: 'test' });
    const before = await redis.hgetall(keys.circuit);
    for (let i = 0; i < 10; i += 1) expect((await acquire()).answer.kind).toBe('denied');
    expect(await redis.hgetall(keys.circuit)).toEqual(before);
    await circuit.operate('release', { actor: 'ann', reason: 'test' });
    await clock.pass(1);
    expect(await circuit.status()).toMatchObject({ state: 'closed', failures: 4 });
  });

  it('survives a clock that goes back', async () => {
    const { circuit, clock, fail } = await aCircuit();
    await fail(4);
    await clock.set(START - 3_600_000);
    await fail(4);
    expect(await circuit.status()).toMatchObject({ state: 'closed', failures: 4 });
    await fail(1);
    expect(await circuit.status()).toMatchObject({
      state: 'open',
      retryAt: START - 3_600_000 + OPTIONS.openMs,
    });
  });
});

describe('slow calls', () => {
  it('count as failures when set, and still as delivered', async () => {
    const { circuit, acquire, call } = await aCircuit({ slowCallMs: 1_000 });
    const asked = await acquire();
    await asked.record('success', { durationMs: 1_001 });
    expect(await circuit.acquire(asked.subject)).toEqual({ kind: 'delivered' });
    for (let i = 0; i < 4; i += 1) await call('success', { durationMs: 1_001 });
    expect(await circuit.status()).toMatchObject({ state: 'open', cause: 'streak' });
  });

  it('that are just fast enough are successes', async () => {
    const { circuit, call } = await aCircuit({ slowCallMs: 1_000 });
    for (let i = 0; i < 5; i += 1) await call('success', { durationMs: 1_000 });
    expect(await circuit.status()).toMatchObject({ state: 'closed', failures: 0 });
  });

  it('are successes when not set', async () => {
    const { circuit, call } = await aCircuit();
    for (let i = 0; i < 5; i += 1) await call('success', { durationMs: 1_000_000 });
    expect(await circuit.status()).toMatchObject({ state: 'closed', failures: 0 });
  });
});

describe('what opens it apart from failures', () => {
  it('a wrong configuration, at once, with its cause kept', async () => {
    const { circuit, clock, call } = await aCircuit();
    expect(await call('misconfigured')).toMatchObject({ kind: 'recorded', state: 'open', moved: true });
    await clock.pass(500);
    expect(await circuit.status()).toMatchObject({ state: 'open', cause: 'misconfigured' });
  });

  it('rejections in a row, no success between', async () => {
    const { circuit, call, succeed } = await aCircuit({ rejections: 3 });
    await call('rejected');
    await call('rejected');
    await succeed(1);
    await call('rejected');
    await call('rejected');
    expect(await circuit.status()).toMatchObject({ state: 'closed' });
    expect(await call('rejected')).toMatchObject({ state: 'open' });
    expect(await circuit.status()).toMatchObject({ state: 'open', cause: 'rejecting' });
  });

  it('rejections however far apart', async () => {
    const { circuit, clock, call } = await aCircuit({ rejections: 3 });
    for (let i = 0; i < 3; i += 1) {
      await call('rejected');
      await clock.pass(3_600_000);
    }
    expect(await circuit.status()).toMatchObject({ cause: 'due', state: 'half-open' });
  });
});
