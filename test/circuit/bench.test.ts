import { afterAll, describe, expect, it } from '@jest/globals';
import { aCrew, type Crew, type CrewMember } from './crew.ts';
import { disconnectAll, OPTIONS } from './harness.ts';

afterAll(disconnectAll);

const ANN = { actor: 'ann', reason: 'test' };

/** Three workers, the first of which is benched, since all its calls fail. */
async function aBenched(overrides = {}): Promise<{ crew: Crew; a: CrewMember; b: CrewMember }> {
  const crew = await aCrew(3, overrides);
  const [a, b] = crew.workers;
  if (!a || !b) throw new Error('A crew of three.');
  await a.fail(OPTIONS.failureThreshold);
  await b.call('success');
  return { crew, a, b };
}

const benchedIds = async ({ circuit }: Crew) =>
  (await circuit.status()).benched.map(({ workerId }) => workerId);

describe('a benched worker', () => {
  it('may not call, while the others may', async () => {
    const { a, b } = await aBenched();
    expect((await a.acquire()).answer).toMatchObject({ kind: 'denied', reason: 'benched' });
    expect((await b.acquire()).answer).toMatchObject({ kind: 'permitted' });
  });

  it('counts for nothing with what it had under way and fails', async () => {
    const crew = await aCrew(2);
    const [a] = crew.workers;
    if (!a) throw new Error('A crew of two.');
    const late = [await a.acquire(), await a.acquire()];
    await a.fail(OPTIONS.failureThreshold);
    const before = await crew.circuit.status();
    for (const { record } of late) expect(await record('failure')).toMatchObject({ verdict: 'benched' });
    const { failures, window, state } = await crew.circuit.status();
    expect({ failures, window, state }).toEqual({
      failures: before.failures,
      window: before.window,
      state: 'closed',
    });
  });

  it('is due for its own health call after the open time, twice as long each time it fails, up to the maximum', async () => {
    const { crew, a } = await aBenched();
    for (const openMs of [1_000, 2_000, 4_000, 6_000, 6_000]) {
      const due = crew.clock.now() + openMs;
      while (crew.clock.now() < due - 1) {
        await crew.clock.pass(Math.min(1_000, due - 1 - crew.clock.now()));
        await crew.attend();
      }
      expect((await a.attend()).isDue).toBe(false);
      await crew.clock.pass(1);
      expect((await a.attend()).isDue).toBe(true);
      expect(await a.circuit.endBench('failed')).toBe(true);
    }
  });

  it('is due as soon as it has delivered what it had under way', async () => {
    const crew = await aCrew(2);
    const [a] = crew.workers;
    if (!a) throw new Error('A crew of two.');
    const late = await a.acquire();
    await a.fail(OPTIONS.failureThreshold);
    expect((await a.attend()).isDue).toBe(false);
    await late.record('success');
    expect((await a.attend()).isDue).toBe(true);
  });

  it('is not due under a hold or in a cooldown', async () => {
    const { crew, a, b } = await aBenched();
    await b.call('rate-limited', undefined, { retryAfterMs: 2_000 });
    await crew.clock.pass(1_999);
    await crew.attend();
    expect((await a.attend()).isDue).toBe(false);
    await crew.clock.pass(1);
    await crew.circuit.operate('hold', ANN);
    expect((await a.attend()).isDue).toBe(false);
    await crew.circuit.operate('release', ANN);
    expect((await a.attend()).isDue).toBe(true);
  });

  it('is due when the circuit closes', async () => {
    const { crew, a, b } = await aBenched({ openMs: 4_000 });
    await crew.clock.pass(10);
    for (let i = 0; i < 5; i += 1) await crew.workers[1 + (i % 2)]?.fail(1);
    expect(await crew.circuit.status()).toMatchObject({ state: 'open' });
    await crew.attend();
    expect(await a.circuit.endBench('failed')).toBe(true);
    await crew.clock.pass(4_000);
    await crew.attend();
    const permission = await b.circuit.beginHealth();
    await b.circuit.endHealth(permission ?? '', 'healthy');
    await b.call('success');
    expect((await a.attend()).isDue).toBe(false);
    await b.call('success');
    expect((await a.attend()).isDue).toBe(true);
  });

  it('answered, is back on probation; one failure benches it again, for longer; a delivery ends it', async () => {
    const { crew, a } = await aBenched();
    await a.circuit.endBench('healthy');
    expect(await a.attend()).toMatchObject({ bench: null, onProbation: true });
    expect(await a.call('failure')).toMatchObject({ verdict: 'benched' });
    expect((await a.attend()).bench?.retryAt).toBe(crew.clock.now() + 2_000);
    await a.circuit.endBench('healthy');
    expect(await a.call('success')).toMatchObject({ moved: true });
    expect(await a.attend()).toMatchObject({ bench: null, onProbation: false });
    await a.fail(OPTIONS.failureThreshold - 1);
    expect(await benchedIds(crew)).toEqual([]);
    await a.fail(1);
    expect((await a.attend()).bench?.retryAt).toBe(crew.clock.now() + 1_000);
    const told = (await crew.entries('conexxus.worker.returned')).map(({ event }) => event.payload);
    expect(told).toMatchObject([
      { workerId: 'w1', cause: 'healthy' },
      { workerId: 'w1', cause: 'healthy' },
    ]);
  });

  it('told to wait by a 429, asks again no sooner', async () => {
    const { crew, a } = await aBenched();
    await crew.clock.pass(1_000);
    await a.circuit.endBench('rate-limited', 30_000);
    expect((await a.attend()).bench?.retryAt).toBe(crew.clock.now() + 30_000);
  });

  it('tries at once with another key', async () => {
    const { a } = await aBenched();
    await a.circuit.endBench('key-changed');
    expect(await a.attend()).toMatchObject({ bench: null, onProbation: true });
  });

  it('is released when no other worker is alive', async () => {
    const { crew, a, b } = await aBenched();
    await b.leave();
    expect((await a.attend()).bench).not.toBeNull();
    await crew.clock.pass(4_999);
    expect((await a.attend()).bench).not.toBeNull();
    await crew.clock.pass(1);
    expect(await a.attend()).toMatchObject({ bench: null, onProbation: false });
    expect(await benchedIds(crew)).toEqual([]);
  });

  it.each(['reset', 'bypass'] as const)('is released by a %s', async (action) => {
    const { crew, a } = await aBenched();
    await crew.circuit.operate(action, ANN);
    expect(await a.attend()).toMatchObject({ bench: null, onProbation: false });
  });

  it('is forgotten with a Redis that has no record of it', async () => {
    const { crew, a } = await aBenched();
    await crew.redis.del(crew.keys.circuit);
    expect(await a.attend()).toMatchObject({ bench: null, onProbation: false });
  });

  it('begins anew after a restart, for it has another id', async () => {
    const { crew } = await aBenched();
    const again = await crew.hire('w1-restarted');
    expect((await again.acquire()).answer).toMatchObject({ kind: 'permitted' });
  });
});

describe('the register', () => {
  it('drops a worker that left at once, and one that died after five seconds, with all that is theirs', async () => {
    const { crew, a, b } = await aBenched();
    const before = (await crew.circuit.status()).totals;
    await a.leave();
    await crew.clock.pass(5_000);
    await b.attend();
    const fields = Object.keys(await crew.redis.hgetall(crew.keys.circuit)).filter((field) =>
      field.includes(':w'),
    );
    expect(fields).toEqual(['calls:w2']);
    expect(Object.keys(await crew.redis.hgetall(`${crew.keys.circuit}:workers`))).toEqual(['w2']);
    expect((await crew.circuit.status()).totals).toEqual(before);
  });

  it('tells when the workers are configured differently, and keeps the options of the newest', async () => {
    const crew = await aCrew(1);
    await crew.clock.pass(2_000);
    const newer = await crew.hire('newer', { failureThreshold: 7 });
    const options = async () => JSON.parse((await crew.redis.hget(crew.keys.circuit, 'options')) ?? '{}');
    expect(await options()).toMatchObject({ failureThreshold: 7 });
    await crew.clock.pass(2_000);
    expect(await crew.workers[0]?.attend()).toMatchObject({ optionsDiffer: true });
    await newer.leave();
    await crew.clock.pass(2_000);
    expect(await crew.workers[0]?.attend()).toMatchObject({ optionsDiffer: false });
    expect(await options()).toMatchObject({ failureThreshold: 5 });
  });

  it('is written on a full Redis too, and rebuilt where something else stands in its place', async () => {
    const crew = await aCrew(2);
    const key = `${crew.keys.circuit}:workers`;
    await crew.redis.set(key, 'junk');
    await crew.attend();
    expect(Object.keys(await crew.redis.hgetall(key)).sort()).toEqual(['w1', 'w2']);
  });
});
