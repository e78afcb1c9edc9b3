import { afterAll, describe, expect, it } from '@jest/globals';
import { aCircuit, aReport, type Bench, disconnectAll, OPTIONS, permissionOf, START } from './harness.ts';

afterAll(disconnectAll);

const PAYLOAD = { syncKey: 'ps-payload' };

describe('a claim', () => {
  it('lets one of two jobs with the same payload call, and tells the other when to come back', async () => {
    const { acquire } = await aCircuit();
    expect((await acquire({ ...PAYLOAD, jobId: 'a' })).answer).toMatchObject({
      kind: 'permitted',
      trial: false,
    });
    expect((await acquire({ ...PAYLOAD, jobId: 'b' })).answer).toEqual({
      kind: 'denied',
      reason: 'in-flight',
      retryAt: START + 30_000,
      waitMs: 30_000,
    });
  });

  it('is given up by recording, whatever came of the call', async () => {
    const { acquire } = await aCircuit();
    await (await acquire({ ...PAYLOAD, jobId: 'a' })).record('failure');
    expect((await acquire({ ...PAYLOAD, jobId: 'b' })).answer).toMatchObject({ kind: 'permitted' });
  });

  it('is taken over by the same job, run again after a crash or a freeze', async () => {
    const { circuit, acquire } = await aCircuit();
    const frozen = await acquire({ ...PAYLOAD, jobId: 'a' });
    const again = await acquire({ ...PAYLOAD, jobId: 'a' });
    expect(permissionOf(again.answer)).not.toBe(permissionOf(frozen.answer));
    expect(await frozen.record('failure')).toMatchObject({ kind: 'stale' });
    expect((await acquire({ ...PAYLOAD, jobId: 'b' })).answer).toMatchObject({ reason: 'in-flight' });
    expect(await again.record('failure')).toMatchObject({ kind: 'recorded' });
    expect(await circuit.status()).toMatchObject({ failures: 1 });
  });

  it('runs out, so that a killed process does not hold its payload for ever', async () => {
    const { clock, acquire } = await aCircuit();
    const killed = await acquire({ ...PAYLOAD, jobId: 'a' });
    await clock.pass(29_999);
    expect((await acquire({ ...PAYLOAD, jobId: 'b' })).answer).toMatchObject({
      reason: 'in-flight',
      waitMs: 1,
    });
    await clock.pass(1);
    expect((await acquire({ ...PAYLOAD, jobId: 'b' })).answer).toMatchObject({ kind: 'permitted' });
    expect(await killed.record('failure')).toMatchObject({ kind: 'stale' });
  });

  it('leaves no key behind: never recorded, Redis expires it when a delivery would be forgotten', async () => {
    const { acquire, redis, namespace } = await aCircuit();
    const { record } = await acquire(PAYLOAD);
    const left = () => redis.pttl(`{${namespace}}:circuit:claim:ps-payload`);
    expect(await left()).toBeGreaterThan(OPTIONS.deliveredRetentionMs - 1_000);
    expect(await left()).toBeLessThanOrEqual(OPTIONS.deliveredRetentionMs);
    await record('failure');
    expect(await left()).toBeLessThanOrEqual(OPTIONS.leaseMs);
  });

  it('that was never recorded leaves the next try in doubt, and what that records, the one after', async () => {
    const { acquire, clock } = await aCircuit();
    const first = await acquire({ ...PAYLOAD, jobId: 'a' });
    expect(first.answer).toMatchObject({ kind: 'permitted', doubt: null });
    await clock.pass(OPTIONS.leaseMs);
    const second = await acquire({ ...PAYLOAD, jobId: 'b' });
    expect(second.answer).toMatchObject({ kind: 'permitted', doubt: 0 });
    await second.record('failure');
    const third = await acquire({ ...PAYLOAD, jobId: 'b' });
    expect(third.answer).toMatchObject({ kind: 'permitted', doubt: 0 });
    await third.record('success', { delivered: false, doubt: 1 });
    const fourth = await acquire({ ...PAYLOAD, jobId: 'b' });
    expect(fourth.answer).toMatchObject({ kind: 'permitted', doubt: 1 });
  });

  it('in doubt is so no more once it is delivered', async () => {
    const { acquire, redis, namespace } = await aCircuit();
    await (await acquire(PAYLOAD)).record('failure', { doubt: 0 });
    await (await acquire(PAYLOAD)).record('success');
    expect(await redis.exists(`{${namespace}}:circuit:claim:ps-payload`)).toBe(0);
  });

  it('of a payload without a sync key is by its job', async () => {
    const { acquire } = await aCircuit();
    const noKey = { syncKey: undefined };
    expect((await acquire({ ...noKey, jobId: 'a' })).answer).toMatchObject({ kind: 'permitted' });
    expect((await acquire({ ...noKey, jobId: 'b' })).answer).toMatchObject({ kind: 'permitted' });
  });

  it('of a job id with every odd character is still its own', async () => {
    const { acquire } = await aCircuit();
    const odd = { ...PAYLOAD, jobId: 'a|1|2\n|é{}%' };
    await acquire(odd);
    expect((await acquire({ ...PAYLOAD, jobId: 'a' })).answer).toMatchObject({ reason: 'in-flight' });
    expect((await acquire(odd)).answer).toMatchObject({ kind: 'permitted' });
  });

  it('of another job takes no trial', async () => {
    const { acquire, fail, toTrials, redis, keys } = await aCircuit();
    await fail(5);
    await toTrials();
    await acquire({ ...PAYLOAD, jobId: 'a' });
    expect((await acquire({ ...PAYLOAD, jobId: 'b' })).answer).toMatchObject({ reason: 'in-flight' });
    expect(await redis.zcard(keys.trials)).toBe(1);
  });
});

describe('a delivered mark', () => {
  it('is answered first and takes no permit, also while the circuit is open', async () => {
    const { circuit, acquire, fail, redis, namespace } = await aCircuit();
    const sale = await acquire(PAYLOAD);
    await sale.record('success');
    await fail(5);
    expect(await circuit.acquire(sale.subject)).toEqual({ kind: 'delivered' });
    expect(await circuit.acquire({ jobId: 'another', ...PAYLOAD })).toEqual({ kind: 'delivered' });
    expect(await redis.exists(`{${namespace}}:circuit:claim:ps-payload`)).toBe(0);
  });

  it('is set by a delivery that came too late to count', async () => {
    const { circuit, acquire, fail } = await aCircuit();
    const late = await acquire(PAYLOAD);
    await fail(5);
    expect(await late.record('success')).toMatchObject({ kind: 'stale', state: 'open' });
    expect(await circuit.acquire(late.subject)).toEqual({ kind: 'delivered' });
  });

  it('is set by a delivery whose claim another job holds, and leaves that claim alone', async () => {
    const { circuit, clock, acquire } = await aCircuit();
    const frozen = await acquire({ ...PAYLOAD, jobId: 'a' });
    await clock.pass(30_000);
    const next = await acquire({ ...PAYLOAD, jobId: 'b' });
    expect(await frozen.record('success')).toMatchObject({ kind: 'stale' });
    expect(await circuit.acquire({ ...PAYLOAD, jobId: 'c' })).toEqual({ kind: 'delivered' });
    expect(await next.record('failure')).toMatchObject({ kind: 'recorded' });
  });

  it('is set though the circuit counts the call as a failure', async () => {
    const { circuit, acquire } = await aCircuit();
    const sale = await acquire(PAYLOAD);
    await sale.record('failure', { delivered: true });
    expect(await circuit.status()).toMatchObject({ failures: 1 });
    expect(await circuit.acquire(sale.subject)).toEqual({ kind: 'delivered' });
  });

  it('is not set without a delivery, nor for a job without a sync key', async () => {
    const { circuit, acquire } = await aCircuit();
    const failed = await acquire(PAYLOAD);
    await failed.record('failure');
    expect(await circuit.acquire(failed.subject)).toMatchObject({ kind: 'permitted' });
    const fetched = await acquire({ syncKey: undefined });
    await fetched.record('success');
    expect(await circuit.acquire(fetched.subject)).toMatchObject({ kind: 'permitted' });
  });

  it('lasts as long as configured', async () => {
    const { acquire, redis, namespace } = await aCircuit();
    await (await acquire(PAYLOAD)).record('success');
    const left = await redis.pttl(`{${namespace}}:circuit:delivered:ps-payload`);
    expect(left).toBeGreaterThan(599_000);
    expect(left).toBeLessThanOrEqual(600_000);
  });
});

describe('recording', () => {
  it.each(['success', 'failure'] as const)('the same permission twice counts a %s once', async (effect) => {
    const { circuit, acquire, fail, entries } = await aCircuit();
    await fail(1);
    const asked = await acquire();
    expect(await asked.record(effect)).toMatchObject({ kind: 'recorded' });
    const before = [await circuit.status(), await entries()];
    expect(await asked.record(effect)).toMatchObject({ kind: 'repeated', state: 'closed', moved: false });
    expect([await circuit.status(), await entries()]).toEqual(before);
  });

  it('a stale permission twice logs it once', async () => {
    const { acquire, fail, entries } = await aCircuit();
    const late = await acquire();
    await fail(5);
    expect(await late.record('failure')).toMatchObject({ kind: 'stale' });
    expect(await late.record('failure')).toMatchObject({ kind: 'repeated' });
    expect((await entries()).filter(({ stale }) => stale)).toHaveLength(1);
  });

  it('a permission again after another took the payload moves nothing', async () => {
    const { circuit, acquire } = await aCircuit();
    const first = await acquire({ ...PAYLOAD, jobId: 'a' });
    await first.record('failure');
    const second = await acquire({ ...PAYLOAD, jobId: 'b' });
    expect(await first.record('failure')).toMatchObject({ kind: 'stale' });
    expect(await second.record('failure')).toMatchObject({ kind: 'recorded' });
    expect(await circuit.status()).toMatchObject({ failures: 2 });
  });

  it('a permission that was never given is logged and moves nothing', async () => {
    const { circuit, entries } = await aCircuit();
    const subject = { jobId: 'nobody', syncKey: 'ps-nobody' };
    expect(await circuit.record(subject, 'made-up', aReport('misconfigured'))).toMatchObject({
      kind: 'stale',
    });
    expect(await circuit.status()).toMatchObject({ state: 'closed' });
    expect(await entries('outcome.misconfigured')).toMatchObject([{ stale: true }]);
  });

  it('a call that finishes after its window is ignored, also in a later closed period', async () => {
    const { circuit, acquire, fail, succeed, toTrials } = await aCircuit();
    const ancient = await acquire();
    await fail(5);
    await toTrials();
    await succeed(2);
    expect(await ancient.record('misconfigured')).toMatchObject({ kind: 'stale', state: 'closed' });
    expect(await circuit.status()).toMatchObject({ state: 'closed', failures: 0 });
  });

  it('appends the event with the time and the state it left, in the same step', async () => {
    const { fail, call, clock, entries } = await aCircuit();
    await fail(4);
    await clock.pass(7);
    const event = { dedupeKey: 'p:x', type: 'x', aggregateId: 'j', payload: { text: 'é "\\ \u2028 😀' } };
    await call('failure', { event });
    expect(await entries('x')).toEqual([{ event, state: 'open', stale: false, at: START + 7 }]);
  });
});

describe('a command that was sent twice', () => {
  /** The same arguments again, as a client sends them after a connection broke before the answer. */
  function twice({ redis }: Bench) {
    const call = redis.call.bind(redis);
    const answers: unknown[][] = [];
    const again = async (command: string, ...args: string[]) => {
      const first = await call(command, ...args);
      answers.push([first, await call(command, ...args)]);
      return first;
    };
    Object.assign(redis, { call: again });
    return answers;
  }

  it('acquires one claim and one trial, with one answer', async () => {
    const bench = await aCircuit();
    await bench.fail(5);
    await bench.toTrials();
    await (await bench.acquire()).record('ignored');
    const answers = twice(bench);
    await bench.acquire();
    expect(answers[0]?.[0]).toEqual(answers[0]?.[1]);
    expect(await bench.redis.zcard(bench.keys.trials)).toBe(1);
  });

  it('records once', async () => {
    const bench = await aCircuit();
    await bench.fail(1);
    const asked = await bench.acquire();
    twice(bench);
    await asked.record('failure');
    expect(await bench.circuit.status()).toMatchObject({ failures: 2 });
    expect(await bench.entries('outcome.failure')).toHaveLength(2);
  });

  it('keeps the lease on the health call', async () => {
    const bench = await aCircuit();
    await bench.fail(5);
    await bench.clock.pass(1_000);
    await bench.circuit.endHealth('somebody', 'failed');
    const answers = twice(bench);
    await bench.circuit.beginHealth();
    expect(answers).toEqual([[1, 1]]);
  });
});
