import { afterAll, describe, expect, it } from '@jest/globals';
import { aCircuit, disconnectAll } from './harness.ts';

afterAll(disconnectAll);

describe('the openings', () => {
  it('are counted by cause, each once, of all outages', async () => {
    const { circuit, fail, call, toTrials, succeed } = await aCircuit();
    expect((await circuit.status()).openings).toEqual({});
    await fail(5);
    await toTrials();
    await call('failure');
    await toTrials();
    await succeed(2);
    expect(await circuit.status()).toMatchObject({
      state: 'closed',
      openings: { streak: 1, 'trial-failed': 1 },
    });
    await fail(5);
    expect((await circuit.status()).openings).toEqual({ streak: 2, 'trial-failed': 1 });
  });

  it('begin again with a circuit that is rebuilt, and junk in their place stops no opening', async () => {
    const { circuit, redis, keys, fail } = await aCircuit();
    await redis.hset(keys.circuit, 'opened:streak', 'junk');
    await fail(5);
    expect(await circuit.status()).toMatchObject({ state: 'open', openings: {} });
    await redis.del(keys.circuit);
    await fail(5);
    expect((await circuit.status()).openings).toEqual({ streak: 1 });
  });
});
