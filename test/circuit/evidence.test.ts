import { afterAll, describe, expect, it } from '@jest/globals';
import { type Crew, crewOf, stateOf } from './crew.ts';
import { disconnectAll, OPTIONS } from './harness.ts';

afterAll(disconnectAll);

const eventsOf = async (crew: Crew, type: string) =>
  (await crew.entries(type)).map(({ event }) => event.payload);

describe('a streak', () => {
  it('that one worker alone saw, with one payload after the other, benches it and opens nothing', async () => {
    const { crew, a } = await crewOf(2);
    await a.fail(4);
    expect(await a.call('failure')).toMatchObject({ state: 'closed', verdict: 'benched', moved: true });
    const status = await crew.circuit.status();
    expect(status).toMatchObject({ state: 'closed', failures: 5 });
    expect(status.benched).toMatchObject([{ worker: 'name of w1', workerId: 'w1', cause: 'failures' }]);
    expect(await eventsOf(crew, 'conexxus.worker.benched')).toMatchObject([
      { worker: 'name of w1', workerId: 'w1', cause: 'failures', failures: 5 },
    ]);
  });

  it('opens with the next failure of another worker', async () => {
    const { crew, a, b } = await crewOf(2);
    await a.fail(5);
    expect(await b.call('failure')).toMatchObject({ state: 'open', verdict: null });
    expect(await eventsOf(crew, 'conexxus.circuit.opened')).toMatchObject([
      { cause: 'streak', streak: 6, window: { calls: 6, failures: 6 }, openings: 1 },
    ]);
  });

  it('is cleared by the next success of another worker', async () => {
    const { crew, a, b } = await crewOf(2);
    await a.fail(5);
    await b.call('success');
    await b.fail(4);
    expect(await crew.circuit.status()).toMatchObject({ state: 'closed', failures: 4 });
  });

  it('that two workers saw opens at the threshold, exactly', async () => {
    const { crew, a, b } = await crewOf(2);
    await a.fail(3);
    await b.fail(1);
    expect(await stateOf(crew)).toEqual(['closed', 'missing']);
    await b.fail(1);
    expect(await stateOf(crew)).toEqual(['open', 'streak']);
    expect((await crew.circuit.status()).suspect).toBeNull();
  });

  it('that one payload alone made opens, whoever saw it, and names the payload as the suspect', async () => {
    for (const count of [1, 2] as const) {
      const { crew, a, b } = await crewOf(count);
      await a.fail(4, 'ps-poison');
      await b.fail(1, 'ps-poison');
      const { state, suspect } = await crew.circuit.status();
      expect([state, suspect?.payload]).toEqual(['open', 'ps-poison']);
      expect(await eventsOf(crew, 'conexxus.circuit.opened')).toMatchObject([
        { suspect: { payload: 'ps-poison' } },
      ]);
    }
  });

  it('of the only worker opens, as ever: also where another is there, but takes no jobs', async () => {
    const { crew, a, b } = await crewOf(2);
    await b.attend(false);
    await a.fail(5);
    expect(await stateOf(crew)).toEqual(['open', 'streak']);
    expect((await crew.circuit.status()).benched).toEqual([]);
  });

  it('is witnessed by no worker that has not been seen for five seconds', async () => {
    const { crew, a } = await crewOf(2);
    await crew.clock.pass(5_000);
    await a.attend();
    await a.fail(5);
    expect(await stateOf(crew)).toEqual(['open', 'streak']);
  });

  it('of refusals by one store speaks of that store, whatever the sale', async () => {
    const { crew, a } = await crewOf(2);
    for (let i = 0; i < 5; i += 1) await a.call('failure', undefined, { payload: 'location:store-7' });
    const { state, suspect, benched } = await crew.circuit.status();
    expect([state, suspect?.payload, benched]).toEqual(['open', 'location:store-7', []]);
  });

  it('of a worker without a name, which is an older version, opens as it did then', async () => {
    const { crew } = await crewOf(2);
    await crew.fail(5);
    expect(await stateOf(crew)).toEqual(['open', 'streak']);
  });
});

describe('the rate', () => {
  const RATE = { failureThreshold: 3, failureRate: 0.5, minimumCalls: 10 };

  it('opens nothing while it is one worker that makes it', async () => {
    const { crew, a, b } = await crewOf(2, RATE);
    for (let i = 0; i < 10; i += 1) {
      await a.call('failure', `ps-${i}`);
      await b.call('success');
      await a.call('success');
    }
    // Two thirds of what the first calls fail, and none of the second's.
    for (let i = 0; i < 10; i += 1) {
      await a.fail(2);
      await a.call('success');
    }
    expect(await crew.circuit.status()).toMatchObject({
      state: 'closed',
      benched: [],
      window: { failures: 30 },
    });
  });

  it('opens where it is reached without the worst worker too', async () => {
    const { crew, a, b } = await crewOf(2, RATE);
    for (const worker of [a, b, a, b, a]) {
      await worker.call('success');
      await worker.fail(1);
    }
    await b.call('success');
    // Ten calls, and half of them failed; but of the better worker's only two.
    expect(await crew.circuit.status()).toMatchObject({
      state: 'closed',
      window: { calls: 11, failures: 5 },
    });
    await b.fail(1);
    expect(await stateOf(crew)).toEqual(['open', 'rate']);
  });
});

describe('a refused key or address', () => {
  it('benches the worker that has it at its first answer', async () => {
    const { crew, a } = await crewOf(2);
    expect(await a.call('misconfigured')).toMatchObject({ state: 'closed', verdict: 'benched' });
    expect((await crew.circuit.status()).benched).toMatchObject([{ workerId: 'w1', cause: 'misconfigured' }]);
  });

  it('opens at once where no other worker is alive', async () => {
    const { crew, a, b } = await crewOf(2);
    await a.call('misconfigured');
    await b.call('misconfigured');
    expect(await stateOf(crew)).toEqual(['open', 'misconfigured']);
  });

  it('opens once several workers saw a row of them, although each is benched and back between', async () => {
    const { crew } = await crewOf(3);
    for (let i = 0; i < 5; i += 1) {
      const worker = crew.workers[i % 2];
      await worker?.call('misconfigured');
      await worker?.circuit.endBench('healthy');
    }
    expect(await stateOf(crew)).toEqual(['open', 'misconfigured']);
  });
});

describe('a 429', () => {
  it('stops everybody once; drawn again by the same payload while others are delivered, that one waits alone', async () => {
    const { crew, a, b } = await crewOf(2);
    const limit = { retryAfterMs: 60_000 };
    expect(await a.call('rate-limited', 'ps-limited', limit)).toMatchObject({
      verdict: null,
      waitMs: 60_000,
    });
    await crew.clock.pass(60_000);
    await crew.attend();
    await b.call('success');
    const again = await a.call('rate-limited', 'ps-limited', limit);
    expect(again).toMatchObject({ verdict: 'alone', waitMs: 60_000 });
    expect((await crew.circuit.status()).cooldownUntil).toBeNull();
    expect(await b.call('rate-limited', 'ps-other', limit)).toMatchObject({ verdict: null, waitMs: 60_000 });
  });

  it('stops everybody again where nothing was delivered between', async () => {
    const { crew, a } = await crewOf(2);
    await a.call('rate-limited', 'ps-limited', { retryAfterMs: 60_000 });
    await crew.clock.pass(60_000);
    await a.attend();
    await a.call('rate-limited', 'ps-limited', { retryAfterMs: 60_000 });
    expect((await crew.circuit.status()).cooldownUntil).toBe(crew.clock.now() + 60_000);
  });
});

describe('what our own code throws', () => {
  it('counts as a rejection', async () => {
    const { crew, a } = await crewOf(1);
    for (let i = 0; i < OPTIONS.rejections - 1; i += 1) await a.call('crashed', 'ps-same');
    expect(await stateOf(crew)).toEqual(['closed', 'missing']);
    await a.call('crashed', 'ps-same');
    expect(await stateOf(crew)).toEqual(['open', 'rejecting']);
  });

  it('in a row, on one payload after the other, benches the worker until it is restarted', async () => {
    const { crew, a } = await crewOf(2);
    for (let i = 0; i < 4; i += 1) expect(await a.call('crashed')).toMatchObject({ verdict: null });
    const late = await a.acquire();
    expect(await a.call('crashed')).toMatchObject({ verdict: 'benched' });
    expect(await late.record('crashed')).toMatchObject({ verdict: 'benched' });
    expect((await crew.circuit.status()).benched).toMatchObject([{ cause: 'crashing', retryAt: null }]);
    expect(await crew.circuit.status()).toMatchObject({ rejections: 4 });
    await crew.clock.pass(3_600_000);
    await crew.attend();
    expect(await a.circuit.endBench('healthy')).toBe(false);
    expect((await a.attend()).isDue).toBe(false);
  });

  it('is no row where one job alone makes it throw, nor with an answer between', async () => {
    const { crew, a } = await crewOf(2, { rejections: 50 });
    for (let i = 0; i < 6; i += 1) await a.call('crashed', 'ps-same');
    await a.call('success');
    for (let i = 0; i < 6; i += 1) {
      await a.call('crashed');
      await a.call('rejected');
    }
    expect((await crew.circuit.status()).benched).toEqual([]);
  });
});
