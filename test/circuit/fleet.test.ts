import { afterAll, describe, expect, it } from '@jest/globals';
import { createCircuit } from '../../src/circuit/circuit.ts';
import { aCircuit, aReport, disconnectAll, OPTIONS, permissionOf } from './harness.ts';

afterAll(disconnectAll);

describe('a fleet', () => {
  it('opens exactly once, whichever of 1,000 concurrent failures is the one', async () => {
    const bench = await aCircuit();
    const fleet = Array.from({ length: 8 }, () => bench.another());
    const calls = await Promise.all(
      Array.from({ length: 1_000 }, async (_, i) => {
        const circuit = fleet[i % fleet.length] ?? bench.circuit;
        const subject = { jobId: `job-${i}`, syncKey: `ps-fleet-${i}` };
        return { circuit, subject, permission: permissionOf(await circuit.acquire(subject)) };
      }),
    );
    const recorded = await Promise.all(
      calls.map(({ circuit, subject, permission }) =>
        circuit.record(subject, permission, aReport('failure')),
      ),
    );

    expect(recorded.filter(({ kind }) => kind === 'recorded')).toHaveLength(5);
    expect(recorded.filter(({ kind }) => kind === 'stale')).toHaveLength(995);
    expect(recorded.filter(({ moved }) => moved)).toHaveLength(1);
    const opened = await bench.entries('conexxus.circuit.opened');
    expect(opened.map(({ event }) => event.payload['epoch'])).toEqual([(await bench.circuit.status()).epoch]);
    expect(await bench.entries('outcome.failure')).toHaveLength(1_000);
  });

  it('sees on one connection what was recorded on another', async () => {
    const bench = await aCircuit();
    const other = bench.another();
    await bench.fail(5);
    expect(await other.acquire({ jobId: 'x' })).toMatchObject({ kind: 'denied', reason: 'open' });
    await bench.toTrials();
    const trial = await other.acquire({ jobId: 'x' });
    expect(trial).toMatchObject({ kind: 'permitted', trial: true });
    expect(await bench.circuit.record({ jobId: 'x' }, permissionOf(trial), aReport('failure'))).toMatchObject(
      {
        kind: 'recorded',
        state: 'open',
      },
    );
    expect(await other.status()).toEqual(await bench.circuit.status());
  });

  it('permits exactly the trials at half-open, however many ask at once', async () => {
    const bench = await aCircuit({ successThreshold: 3 });
    const fleet = Array.from({ length: 8 }, () => bench.another());
    await bench.fail(5);
    await bench.toTrials();
    const answers = await Promise.all(
      Array.from({ length: 400 }, (_, i) => (fleet[i % 8] ?? bench.circuit).acquire({ jobId: `t-${i}` })),
    );
    expect(answers.filter(({ kind }) => kind === 'permitted')).toHaveLength(3);
  });

  it('works on the clock of Redis, whatever the clocks of its processes say', async () => {
    const { redis, namespace, keys } = await aCircuit();
    const circuit = createCircuit({ redis, namespace, eventStream: keys.events, options: OPTIONS });
    const realNow = Date.now;
    try {
      Date.now = () => realNow() + 3_600_000;
      await circuit.record(
        { jobId: 'x' },
        permissionOf(await circuit.acquire({ jobId: 'x' })),
        aReport('misconfigured'),
      );
      const [seconds, micros] = await redis.time();
      const { since, retryAt } = await circuit.status();
      const ago = Number(seconds) * 1_000 + Math.floor(Number(micros) / 1_000) - since;
      expect(ago).toBeGreaterThanOrEqual(0);
      expect(ago).toBeLessThan(1_000);
      expect(retryAt).toBe(since + OPTIONS.openMs);
      expect(await circuit.acquire({ jobId: 'y' })).toMatchObject({
        kind: 'denied',
        reason: 'open',
        retryAt,
      });
    } finally {
      Date.now = realNow;
    }
  });
});
