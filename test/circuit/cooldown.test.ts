import { afterAll, describe, expect, it } from '@jest/globals';
import { aCircuit, type Bench, disconnectAll, health, START } from './harness.ts';

afterAll(disconnectAll);

async function cooldownMs({ circuit, clock }: Bench): Promise<number> {
  return ((await circuit.status()).cooldownUntil ?? clock.now()) - clock.now();
}

/** A 429 without a header after each cooldown has ended; how long the fleet waits each time. */
async function follow(bench: Bench, times: number): Promise<number[]> {
  const waits: number[] = [];
  for (let i = 0; i < times; i += 1) {
    await bench.call('rate-limited');
    waits.push(await cooldownMs(bench));
    await bench.clock.pass(waits.at(-1) ?? 0);
  }
  return waits;
}

describe('a 429', () => {
  it('holds the whole fleet for the time asked and moves the circuit nowhere', async () => {
    const bench = await aCircuit();
    const before = await bench.circuit.status();
    expect(await bench.call('rate-limited', { retryAfterMs: 7_000 })).toMatchObject({
      kind: 'recorded',
      state: 'closed',
      moved: true,
    });
    const subject = { jobId: 'elsewhere' };
    const denied = { kind: 'denied', reason: 'cooldown', retryAt: START + 7_000 };
    expect(await bench.another().acquire(subject)).toEqual({ ...denied, waitMs: 7_000 });
    await bench.clock.pass(6_999);
    expect(await bench.another().acquire(subject)).toEqual({ ...denied, waitMs: 1 });
    await bench.clock.pass(1);
    expect(await bench.another().acquire(subject)).toMatchObject({ kind: 'permitted' });
    expect(await bench.circuit.status()).toMatchObject({ state: 'closed', cooldownUntil: null, failures: 0 });
    expect(before).toMatchObject({ state: 'closed', cause: 'missing' });
  });

  it('never shortens a cooldown', async () => {
    const bench = await aCircuit();
    const [one, two] = [await bench.acquire(), await bench.acquire()];
    await one.record('rate-limited', { retryAfterMs: 60_000 });
    await two.record('rate-limited', { retryAfterMs: 2_000 });
    expect(await cooldownMs(bench)).toBe(60_000);
  });

  it('that asks for no time at all still waits a second', async () => {
    const bench = await aCircuit();
    await bench.call('rate-limited', { retryAfterMs: 0 });
    expect(await cooldownMs(bench)).toBe(1_000);
  });

  it('without a header waits 5 s, doubling to 15 min while 429s follow', async () => {
    const bench = await aCircuit();
    expect(await follow(bench, 10)).toEqual(
      [5, 10, 20, 40, 80, 160, 320, 640, 900, 900].map((seconds) => seconds * 1_000),
    );
  });

  it('begins again at 5 s after a success', async () => {
    const bench = await aCircuit();
    expect(await follow(bench, 2)).toEqual([5_000, 10_000]);
    await bench.succeed(1);
    expect(await follow(bench, 1)).toEqual([5_000]);
  });

  it('doubles only once for all the answers of one burst', async () => {
    const bench = await aCircuit();
    await follow(bench, 1);
    const burst = await Promise.all(Array.from({ length: 10 }, () => bench.acquire()));
    for (const asked of burst) await asked.record('rate-limited');
    expect(await cooldownMs(bench)).toBe(10_000);
  });

  it('is waited out before the ramp begins', async () => {
    const bench = await aCircuit();
    await bench.call('rate-limited', { retryAfterMs: 7_000 });
    expect(await bench.redis.hget(bench.keys.circuit, 'rampAt')).toBe(String(START + 7_000));
  });

  it('is waited out before the ramp begins, also when the circuit closes meanwhile', async () => {
    const bench = await aCircuit({ successThreshold: 2 });
    await bench.fail(5);
    await bench.toTrials();
    const [one, two] = [await bench.acquire(), await bench.acquire()];
    await one.record('success');
    await two.record('ignored');
    const last = await bench.acquire();
    await bench.redis.hset(bench.keys.circuit, 'cooldownUntil', START + 90_000);
    expect(await last.record('success')).toMatchObject({ state: 'closed' });
    expect(await bench.redis.hget(bench.keys.circuit, 'rampAt')).toBe(String(START + 90_000));
  });

  it('neither loses nor extends an opening', async () => {
    const bench = await aCircuit();
    const early = await bench.acquire();
    await bench.fail(5);
    const before = await bench.circuit.status();
    expect(await early.record('rate-limited', { retryAfterMs: 60_000 })).toMatchObject({ kind: 'stale' });
    expect(await bench.circuit.status()).toEqual(before);
  });

  it('of a trial gives its permit back, and trials go on after the cooldown', async () => {
    const bench = await aCircuit({ successThreshold: 1 });
    await bench.fail(5);
    await bench.toTrials();
    await bench.call('rate-limited', { retryAfterMs: 9_000 });
    expect((await bench.acquire()).answer).toMatchObject({ reason: 'cooldown', waitMs: 9_000 });
    await bench.clock.pass(9_000);
    expect(await bench.circuit.status()).toMatchObject({ state: 'half-open', phase: 'trials' });
    expect((await bench.acquire()).answer).toMatchObject({ kind: 'permitted', trial: true });
  });

  it('doubles over health calls, which are no successes of a job', async () => {
    const bench = await aCircuit();
    await bench.fail(5);
    await bench.clock.pass(1_000);
    for (const wait of [5_000, 10_000, 20_000]) {
      await bench.circuit.endHealth(await health(bench.circuit), 'rate-limited');
      expect(await cooldownMs(bench)).toBe(wait);
      await bench.clock.pass(wait);
    }
  });
});
