import { afterAll, describe, expect, it } from '@jest/globals';
import { type Crew, type CrewMember, crewOf, stateOf } from './crew.ts';
import { disconnectAll, health, OPTIONS } from './harness.ts';

afterAll(disconnectAll);

describe('half-open', () => {
  async function toTrials(crew: Crew, opener: CrewMember, other: CrewMember): Promise<void> {
    await opener.fail(OPTIONS.failureThreshold - 1);
    await other.fail(1);
    const { retryAt } = await crew.circuit.status();
    await crew.clock.set(retryAt ?? 0);
    await crew.attend();
    await opener.circuit.endHealth(await health(opener.circuit), 'healthy');
  }

  it('a failed trial moves nothing until a second one fails', async () => {
    const { crew, a, b } = await crewOf(3);
    await toTrials(crew, a, b);
    expect(await a.call('failure')).toMatchObject({ state: 'half-open', verdict: null });
    await b.call('success');
    expect(await a.call('failure')).toMatchObject({ state: 'half-open', verdict: null });
    expect(await crew.circuit.status()).toMatchObject({ state: 'half-open', successes: 1, benched: [] });
  });

  it('another worker with another payload reopens it, for twice as long', async () => {
    const { crew, a, b } = await crewOf(3);
    await toTrials(crew, a, b);
    await a.call('failure');
    expect(await b.call('failure')).toMatchObject({ state: 'open' });
    const { since, retryAt, outage } = await crew.circuit.status();
    expect([(retryAt ?? 0) - since, outage?.openings]).toEqual([2 * OPTIONS.openMs, 2]);
  });

  it('the same worker with another payload is benched', async () => {
    const { crew, a, b } = await crewOf(3);
    await toTrials(crew, a, b);
    await a.call('failure');
    expect(await a.call('failure')).toMatchObject({ state: 'half-open', verdict: 'benched' });
    expect((await crew.circuit.status()).benched).toMatchObject([{ workerId: 'w1', cause: 'trials' }]);
  });

  it('the same payload is the suspect: its attempts count, and half-open goes on', async () => {
    const { crew, a, b } = await crewOf(3);
    await toTrials(crew, a, b);
    await a.call('failure', 'ps-poison');
    expect(await b.call('failure', 'ps-poison')).toMatchObject({ state: 'half-open', verdict: 'suspect' });
    expect(await a.call('failure', 'ps-poison')).toMatchObject({ state: 'half-open', verdict: 'suspect' });
    expect((await crew.circuit.status()).suspect).toMatchObject({ payload: 'ps-poison' });
  });

  it('of the only worker reopens with each failed trial, but is never lengthened by one payload alone', async () => {
    const { crew, a } = await crewOf(1);
    await toTrials(crew, a, a);
    const trial = async (payload: string) => {
      const answer = await a.call('failure', payload);
      const { since, retryAt } = await crew.circuit.status();
      if (answer.state === 'half-open') return answer.verdict;
      await crew.clock.set(retryAt ?? 0);
      await a.attend();
      await a.circuit.endHealth(await health(a.circuit), 'healthy');
      return (retryAt ?? 0) - since;
    };
    expect(await trial('ps-1')).toBe(OPTIONS.openMs);
    expect(await trial('ps-1')).toBe('suspect');
    expect(await trial('ps-1')).toBe('suspect');
    expect(await trial('ps-2')).toBe(2 * OPTIONS.openMs);
  });

  it('what one worker hears from the health call is a question to a second one', async () => {
    const { crew, a, b } = await crewOf(3);
    await toTrials(crew, a, b);
    await a.call('failure');
    await b.call('failure');
    await crew.clock.set((await crew.circuit.status()).retryAt ?? 0);
    await crew.attend();
    await a.circuit.endHealth(await health(a.circuit), 'failed', 60_000);
    expect(await crew.circuit.status()).toMatchObject({
      phase: 'health',
      benched: [{ workerId: 'w1', cause: 'health-failed' }],
    });
    expect(await a.circuit.beginHealth()).toBeNull();
    await b.circuit.endHealth(await health(b.circuit), 'failed');
    expect(await stateOf(crew)).toEqual(['open', 'health-failed']);
  });
});
