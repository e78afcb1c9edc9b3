import { afterAll, describe, expect, it } from '@jest/globals';
import { CLAIM_IN_DOUBT, IS_IN_DOUBT } from '../../src/circuit/claims.ts';
import { claimKey } from '../../src/circuit/keys.ts';
import { aCircuit, disconnectAll } from './harness.ts';

afterAll(disconnectAll);

const PAYLOAD = { syncKey: 'ps-payload' };

describe('what others say of a claim, and read in it', () => {
  it('leaves the next try in doubt, as one of unknown end does, until it is delivered', async () => {
    const { acquire, redis, namespace } = await aCircuit();
    await redis.set(claimKey(namespace, 'ps-payload'), CLAIM_IN_DOUBT);
    const first = await acquire(PAYLOAD);
    expect(first.answer).toMatchObject({ kind: 'permitted', doubt: 0 });
    expect(await first.record('failure')).toMatchObject({ kind: 'recorded' });
    const second = await acquire(PAYLOAD);
    expect(second.answer).toMatchObject({ kind: 'permitted', doubt: 0 });
    await second.record('success');
    expect(await redis.exists(claimKey(namespace, 'ps-payload'))).toBe(0);
  });

  it('is in doubt while a try is under way or has no known end, and not after a whole answer', async () => {
    const { acquire, redis, namespace } = await aCircuit();
    const script = `${IS_IN_DOUBT} return isInDoubt(redis.call('GET', KEYS[1])) and 1 or 0`;
    const isInDoubt = async () => (await redis.eval(script, 1, claimKey(namespace, 'ps-payload'))) === 1;
    expect(await isInDoubt()).toBe(false);
    const first = await acquire({ ...PAYLOAD, jobId: 'recorded|a' });
    expect(await isInDoubt()).toBe(true);
    await first.record('failure');
    expect(await isInDoubt()).toBe(false);
    const second = await acquire(PAYLOAD);
    await second.record('failure', { doubt: 0 });
    expect(await isInDoubt()).toBe(true);
    await (await acquire(PAYLOAD)).record('failure');
    expect(await isInDoubt()).toBe(true);
    await redis.set(claimKey(namespace, 'ps-payload'), CLAIM_IN_DOUBT);
    expect(await isInDoubt()).toBe(true);
    await (await acquire(PAYLOAD)).record('success');
    expect(await isInDoubt()).toBe(false);
  });
});
