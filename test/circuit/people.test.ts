import { afterAll, describe, expect, it } from '@jest/globals';
import { IllegalMoveError } from '../../src/circuit/circuit.ts';
import { aCircuit, disconnectAll, health, START } from './harness.ts';

afterAll(disconnectAll);

const ANN = { actor: 'ann', reason: 'back office is being moved' };
const BOB = { actor: 'bob', reason: 'they asked for it' };

describe('a hold', () => {
  it('never heals by itself', async () => {
    const { circuit, clock, acquire, fail } = await aCircuit();
    await fail(5);
    await circuit.operate('hold', ANN);
    await clock.pass(365 * 86_400_000);
    expect((await acquire()).answer).toEqual({ kind: 'denied', reason: 'hold', retryAt: null, waitMs: null });
    expect(await circuit.beginHealth()).toBeNull();
    expect(await circuit.status()).toMatchObject({ state: 'open', hold: { ...ANN, since: START } });
  });

  it('stops a closed circuit, and gives it back as it was', async () => {
    const { circuit, acquire, fail } = await aCircuit();
    await fail(4);
    await circuit.operate('hold', ANN);
    expect((await acquire()).answer).toMatchObject({ reason: 'hold' });
    await circuit.operate('release', BOB);
    expect(await circuit.status()).toMatchObject({ state: 'closed', failures: 4, hold: null });
    expect((await acquire()).answer).toMatchObject({ kind: 'permitted' });
  });

  it('ends at its end, and says so in the event log', async () => {
    const { circuit, clock, acquire, entries } = await aCircuit();
    await circuit.operate('hold', { ...ANN, until: START + 500 });
    await clock.pass(499);
    expect((await acquire()).answer).toMatchObject({ reason: 'hold', retryAt: START + 500, waitMs: 1 });
    await clock.pass(1);
    expect((await acquire()).answer).toMatchObject({ kind: 'permitted' });
    expect(await entries('conexxus.operator.release')).toMatchObject([
      { event: { payload: { actor: 'expiry', action: 'release' } } },
    ]);
  });

  it('lets what became due meanwhile happen when it ends', async () => {
    const { circuit, clock, acquire, fail } = await aCircuit();
    await fail(5);
    await circuit.operate('hold', { ...ANN, until: START + 10_000 });
    await clock.pass(10_000);
    expect((await acquire()).answer).toMatchObject({ reason: 'health' });
    expect(await circuit.status()).toMatchObject({ state: 'half-open', since: START + 10_000, hold: null });
  });

  it('is the last one that was set', async () => {
    const { circuit, entries } = await aCircuit();
    await circuit.operate('hold', ANN);
    await circuit.operate('hold', { ...BOB, until: START + 1_000 });
    expect(await circuit.status()).toMatchObject({ hold: { ...BOB, since: START, until: START + 1_000 } });
    const holds = await entries('conexxus.operator.hold');
    expect(holds.map(({ event }) => event.payload['actor'])).toEqual(['ann', 'bob']);
    expect(new Set(holds.map(({ event }) => event.dedupeKey)).size).toBe(2);
  });

  it('does not stop outcomes of calls under way from moving the machine', async () => {
    const { circuit, acquire, fail } = await aCircuit();
    const underWay = await acquire();
    await fail(4);
    await circuit.operate('hold', ANN);
    expect(await underWay.record('failure')).toMatchObject({ kind: 'recorded', state: 'open' });
    await circuit.operate('release', ANN);
    expect(await circuit.status()).toMatchObject({ state: 'open', cause: 'streak' });
  });

  it('beats a bypass', async () => {
    const { circuit, acquire } = await aCircuit();
    await circuit.operate('hold', ANN);
    await circuit.operate('bypass', BOB);
    expect((await acquire()).answer).toMatchObject({ reason: 'hold' });
    await circuit.operate('release', ANN);
    expect(await circuit.status()).toMatchObject({ hold: null, bypass: BOB });
    expect((await acquire()).answer).toMatchObject({ kind: 'permitted' });
  });
});

describe('a bypass', () => {
  it('admits all and trips nothing', async () => {
    const { circuit, fail, call, toTrials, acquire, clock } = await aCircuit({ rejections: 2 });
    await fail(5);
    await circuit.operate('bypass', ANN);
    await fail(50);
    for (const effect of ['misconfigured', 'rejected', 'rejected', 'rate-limited'] as const)
      await call(effect);
    await clock.pass(100_000);
    expect((await acquire()).answer).toMatchObject({ kind: 'permitted', trial: false });
    expect(await circuit.status()).toMatchObject({ state: 'open', cooldownUntil: null });
    await expect(toTrials()).rejects.toThrow('not due');
  });

  it('admits during a cooldown', async () => {
    const { circuit, call, acquire } = await aCircuit();
    await call('rate-limited', { retryAfterMs: 60_000 });
    await circuit.operate('bypass', ANN);
    expect((await acquire()).answer).toMatchObject({ kind: 'permitted' });
  });

  it('still logs and marks what was delivered', async () => {
    const { circuit, acquire, entries } = await aCircuit();
    await circuit.operate('bypass', ANN);
    const sale = await acquire();
    expect(await sale.record('success')).toMatchObject({ kind: 'recorded' });
    expect(await entries('outcome.success')).toMatchObject([{ stale: false }]);
    expect(await circuit.acquire(sale.subject)).toEqual({ kind: 'delivered' });
  });

  it.each([
    ['its end', { until: START + 2_000 }],
    ['its release', {}],
  ])('starts closed with an empty window at %s', async (_title, end) => {
    const { circuit, clock, fail, call, entries } = await aCircuit({ rejections: 3 });
    await call('rejected');
    await call('rejected');
    await fail(4);
    await circuit.operate('bypass', { ...ANN, ...end });
    await clock.pass(2_000);
    if (!('until' in end)) await circuit.operate('release', ANN);
    await fail(4);
    expect(await circuit.status()).toMatchObject({
      state: 'closed',
      cause: 'bypass-ended',
      bypass: null,
      failures: 4,
      since: START + 2_000,
    });
    await call('rejected');
    expect(await circuit.status()).toMatchObject({ state: 'closed' });
    expect((await entries('conexxus.circuit.closed')).at(-1)).toMatchObject({
      event: { payload: { cause: 'bypass-ended' } },
    });
  });

  it('does not count calls that it let through and that end after it', async () => {
    const { circuit, acquire } = await aCircuit();
    await circuit.operate('bypass', ANN);
    const underWay = await acquire();
    await circuit.operate('release', ANN);
    expect(await underWay.record('misconfigured')).toMatchObject({ kind: 'stale', state: 'closed' });
  });

  it('is not moved by a health call that was under way', async () => {
    const { circuit, clock, fail } = await aCircuit();
    await fail(5);
    await clock.pass(1_000);
    const call = await health(circuit);
    await circuit.operate('bypass', ANN);
    await circuit.endHealth(call, 'failed');
    expect(await circuit.status()).toMatchObject({ state: 'half-open' });
  });
});

describe('a trial that a person asks for', () => {
  it('begins before its time, and lifts a cooldown', async () => {
    const { circuit, fail, redis, keys } = await aCircuit();
    await fail(5);
    await redis.hset(keys.circuit, 'cooldownUntil', START + 60_000);
    await circuit.operate('trial', ANN);
    expect(await circuit.status()).toMatchObject({
      state: 'half-open',
      phase: 'health',
      cause: 'trial-asked',
      cooldownUntil: null,
    });
    expect(await circuit.beginHealth()).not.toBeNull();
  });
});

describe('a reset', () => {
  it('closes with an empty window, no cooldown and the first open time', async () => {
    const { circuit, fail, toTrials, call } = await aCircuit();
    await fail(5);
    await toTrials();
    await call('rate-limited', { retryAfterMs: 60_000 });
    await circuit.operate('reset', ANN);
    expect(await circuit.status()).toMatchObject({
      state: 'closed',
      cause: 'reset',
      cooldownUntil: null,
      failures: 0,
    });
    await fail(5);
    expect(await circuit.status()).toMatchObject({ state: 'open', retryAt: START + 2_000 });
  });

  it('leaves a hold alone', async () => {
    const { circuit, acquire } = await aCircuit();
    await circuit.operate('hold', ANN);
    await circuit.operate('reset', BOB);
    expect((await acquire()).answer).toMatchObject({ reason: 'hold' });
  });
});

describe("a person's word", () => {
  it('is in the event log with who, what and why', async () => {
    const { circuit, entries } = await aCircuit();
    await circuit.operate('hold', { ...ANN, until: START + 1 });
    await circuit.operate('release', BOB);
    await circuit.operate('reset', ANN);
    expect((await entries()).map(({ event }) => [event.type, event.payload])).toMatchObject([
      ['conexxus.circuit.closed', { cause: 'missing' }],
      ['conexxus.operator.hold', { ...ANN, action: 'hold', until: START + 1 }],
      ['conexxus.operator.release', { ...BOB, action: 'release' }],
      ['conexxus.circuit.closed', { cause: 'reset' }],
      ['conexxus.operator.reset', { ...ANN, action: 'reset' }],
    ]);
  });

  it('is refused where it is no legal move, and changes nothing', async () => {
    const { circuit, redis, keys, fail, toTrials, entries } = await aCircuit();
    const refused = async (action: 'hold' | 'release' | 'trial', why: string, until?: number) => {
      const before = [await redis.hgetall(keys.circuit), await entries()];
      const asked = circuit.operate(action, { ...ANN, ...(until === undefined ? {} : { until }) });
      await expect(asked).rejects.toThrow(IllegalMoveError);
      await expect(asked).rejects.toThrow(why);
      expect([await redis.hgetall(keys.circuit), await entries()]).toEqual(before);
    };
    await refused('release', "Can't release: there is neither a hold nor a bypass.");
    await refused('trial', 'closed, neither open nor rate limited');
    await refused('hold', 'the end lies in the past', START);
    await refused('hold', 'the end is no time', Number.NaN);
    await fail(5);
    await circuit.operate('hold', ANN);
    await refused('trial', 'held: release it first');
    await circuit.operate('release', ANN);
    await circuit.operate('bypass', ANN);
    await refused('trial', 'bypassed');
    await circuit.operate('release', ANN);
    await fail(5);
    await toTrials();
    await refused('trial', 'half-open, neither open nor rate limited');
  });
});
