import { afterAll, describe, expect, it } from '@jest/globals';
import { aCircuit, disconnectAll, health, START } from './harness.ts';

afterAll(disconnectAll);

describe('the kept state', () => {
  it.each([
    ['a string key', undefined],
    ['no state', { epoch: '5', since: '5' }],
    ['a state unheard of', { state: 'ajar', epoch: '5', since: '5' }],
    ['a bad epoch', { state: 'closed', epoch: 'x', since: '5' }],
    ['an infinite epoch', { state: 'closed', epoch: 'inf', since: '5' }],
    ['an epoch that is no number', { state: 'closed', epoch: 'nan', since: '5' }],
    ['a negative epoch', { state: 'closed', epoch: '-5', since: '5' }],
    ['an epoch that cannot grow', { state: 'closed', epoch: '1e300', since: '5' }],
    ['no since', { state: 'closed', epoch: '5' }],
    ['open for ever', { state: 'open', epoch: '5', since: '5', retryAt: 'inf' }],
    ['open without an end', { state: 'open', epoch: '5', since: '5' }],
    ['half-open in no phase', { state: 'half-open', epoch: '5', since: '5', phase: 'x' }],
  ])('with %s is rebuilt closed, and logged', async (_title, junk) => {
    const { circuit, redis, keys, call, fail, entries } = await aCircuit();
    if (junk) await redis.hset(keys.circuit, junk);
    else await redis.set(keys.circuit, 'junk');
    expect(await circuit.status()).toMatchObject({ state: 'closed', epoch: START });
    expect(await call('failure')).toMatchObject({ kind: 'recorded', state: 'closed' });
    const cause = junk === undefined || 'state' in junk ? 'junk' : 'missing';
    expect(await entries('conexxus.circuit.closed')).toMatchObject([
      { event: { dedupeKey: `circuit:${START}`, payload: { cause, to: 'closed', epoch: START } } },
    ]);
    await fail(4);
    expect(await circuit.status()).toMatchObject({ state: 'open' });
  });

  it.each(['{', '"x"', '7', '{"until":null}', '{"until":"x"}', '{"until":[]}', '{"until":-1}', ''])(
    'with %p as hold or bypass stops nobody for ever',
    async (junk) => {
      const { circuit, redis, keys, acquire } = await aCircuit();
      await circuit.operate('reset', { actor: 'ann', reason: 'test' });
      await redis.hset(keys.circuit, { hold: junk, bypass: junk });
      const { hold } = await circuit.status();
      if (hold) await circuit.operate('release', { actor: 'ann', reason: 'test' });
      expect((await acquire()).answer).toMatchObject({ kind: 'permitted' });
    },
  );

  it('with junk beside the machine goes on', async () => {
    const { circuit, redis, keys, fail, call } = await aCircuit();
    await call('success');
    await redis.hset(keys.circuit, {
      window: 'x:y,1:2:3',
      successes: 'many',
      failedTrials: 'nan',
      rejections: '-1',
      cooldownUntil: 'inf',
      cooldownMs: 'x',
      floorUntil: 'inf',
      healthUntil: 'nan',
    });
    await fail(5);
    expect(await circuit.status()).toMatchObject({ state: 'open', retryAt: START + 1_000 });
  });

  it('with a health lease of no end gives the call again', async () => {
    const { circuit, clock, redis, keys, fail } = await aCircuit();
    await fail(5);
    await clock.pass(1_000);
    const held = await health(circuit);
    await redis.hset(keys.circuit, 'healthUntil', 'inf');
    await circuit.endHealth(held, 'failed');
    expect(await circuit.status()).toMatchObject({ state: 'half-open', phase: 'health' });
    expect(await circuit.beginHealth()).not.toBeNull();
  });

  it('with junk in place of the trials still records, and is rid of it at the next half-open', async () => {
    const { acquire, fail, redis, keys, toTrials } = await aCircuit();
    const asked = await acquire();
    await redis.set(keys.trials, 'junk');
    expect(await asked.record('failure')).toMatchObject({ kind: 'recorded' });
    await fail(4);
    await toTrials();
    expect((await acquire()).answer).toMatchObject({ kind: 'permitted', trial: true });
  });

  it('keeps fields it does not know, for a newer version wrote them', async () => {
    const { redis, keys, fail, toTrials, succeed } = await aCircuit();
    await fail(1);
    await redis.hset(keys.circuit, 'fieldOfTomorrow', 'kept');
    await fail(4);
    await toTrials();
    await succeed(2);
    expect(await redis.hget(keys.circuit, 'fieldOfTomorrow')).toBe('kept');
  });

  it('that is missing is rebuilt closed with an epoch that no outcome of before has', async () => {
    const { circuit, redis, keys, acquire, fail, call, clock } = await aCircuit();
    await call('success');
    const before = await acquire();
    await redis.del(keys.circuit);
    await clock.pass(1);
    expect(await before.record('misconfigured')).toMatchObject({ kind: 'stale', state: 'closed' });
    await fail(5);
    expect(await circuit.status()).toMatchObject({ state: 'open' });
  });

  it('grows its epoch with every transition, also within one millisecond, at least to the clock', async () => {
    const { circuit, clock, entries } = await aCircuit();
    const word = { actor: 'ann', reason: 'test' };
    for (let i = 0; i < 5; i += 1) await circuit.operate('reset', word);
    await clock.pass(10_000);
    await circuit.operate('reset', word);
    const epochs = (await entries('conexxus.circuit.closed')).map(({ event }) => event.payload['epoch']);
    expect(epochs).toEqual([...[0, 1, 2, 3, 4, 5].map((step) => START + step), START + 10_000]);
  });

  it('is not reset by a process that boots, or by a call that is denied', async () => {
    const { another, redis, keys, fail, acquire } = await aCircuit();
    await fail(5);
    const before = await redis.hgetall(keys.circuit);
    await another().status();
    await acquire();
    expect(await redis.hgetall(keys.circuit)).toEqual(before);
  });
});

describe('who listens', () => {
  it('is told of every transition and of nothing else', async () => {
    const { circuit, redis, keys, fail, succeed, toTrials, acquire } = await aCircuit();
    const heard: string[] = [];
    const listener = redis.duplicate();
    await listener.subscribe(`${keys.circuit}:changed`);
    listener.on('message', (_channel, epoch) => heard.push(epoch));
    await succeed(3);
    expect((await acquire()).answer.kind).toBe('permitted');
    await fail(5);
    await toTrials();
    const { epoch } = await circuit.status();
    await circuit.operate('reset', { actor: 'ann', reason: 'test' });
    await redis.publish(`${keys.circuit}:changed`, 'end');
    while (heard.at(-1) !== 'end') await new Promise((resolve) => setImmediate(resolve));
    await listener.quit();
    // Rebuilt closed, opened, half-opened, into its trials (the same epoch), reset.
    expect(heard).toEqual([START, START + 1, epoch, epoch, epoch + 1, 'end'].map(String));
  });
});
