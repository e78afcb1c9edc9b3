import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { startPrivateRedis } from '../../scripts/services.ts';
import { aCircuit, type Bench, disconnectAll } from './harness.ts';

let server: Awaited<ReturnType<typeof startPrivateRedis>>;

beforeAll(async () => {
  server = await startPrivateRedis();
});

afterAll(async () => {
  await disconnectAll();
  await server.stop();
});

let bench: Bench;

beforeEach(async () => {
  bench = await aCircuit({}, server.url);
});

/** Runs `during` while Redis refuses every write that needs memory. */
async function whileFull<T>(during: () => Promise<T>): Promise<T> {
  await bench.redis.config('SET', 'maxmemory', '1');
  try {
    await expect(bench.redis.set('proof', 'x')).rejects.toThrow('OOM');
    return await during();
  } finally {
    await bench.redis.config('SET', 'maxmemory', '0');
  }
}

describe('a full Redis', () => {
  it('permits no call, and changes nothing by refusing', async () => {
    await bench.call('success');
    const before = (await bench.redis.keys('*')).sort();
    await whileFull(async () => {
      await expect(bench.acquire()).rejects.toThrow('OOM');
    });
    expect((await bench.redis.keys('*')).sort()).toEqual(before);
  });

  it.each(['success', 'failure', 'misconfigured', 'rate-limited', 'rejected', 'ignored'] as const)(
    'still records a %s that was under way, whole',
    async (effect) => {
      const asked = await bench.acquire();
      expect(await whileFull(() => asked.record(effect))).toMatchObject({ kind: 'recorded' });
      expect(await asked.record(effect)).toMatchObject({ kind: 'repeated' });
      expect(await bench.entries(`outcome.${effect}`)).toHaveLength(1);
    },
  );

  it('still opens, once', async () => {
    const calls = await Promise.all(Array.from({ length: 6 }, () => bench.acquire()));
    await whileFull(async () => {
      for (const asked of calls) await asked.record('failure');
    });
    expect(await bench.circuit.status()).toMatchObject({ state: 'open', cause: 'streak' });
    expect(await bench.entries('conexxus.circuit.opened')).toHaveLength(1);
  });

  it('still logs an outcome whose claim has run out, and one whose circuit was wiped', async () => {
    const [late, wiped] = [await bench.acquire(), await bench.acquire()];
    await bench.clock.pass(30_000);
    expect(await whileFull(() => late.record('success'))).toMatchObject({ kind: 'stale' });
    await bench.redis.del(bench.keys.circuit, `{${bench.namespace}}:circuit:claim:${wiped.subject.syncKey}`);
    expect(await whileFull(() => wiped.record('success'))).toMatchObject({ kind: 'stale', state: 'closed' });
    expect(await bench.entries('outcome.success')).toHaveLength(2);
  });

  it('still denies and still says what was delivered', async () => {
    const sale = await bench.acquire();
    await sale.record('success');
    await bench.fail(5);
    await whileFull(async () => {
      expect((await bench.acquire()).answer).toMatchObject({ kind: 'denied', reason: 'open' });
      expect(await bench.circuit.acquire(sale.subject)).toEqual({ kind: 'delivered' });
      expect(await bench.circuit.status()).toMatchObject({ state: 'open' });
    });
  });
});
