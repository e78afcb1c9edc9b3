import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { OPERATOR, type OpsHarness, startOps, VIEWER } from '../harness.ts';
import { get, post, refusal } from './harness.ts';

let ops: OpsHarness;

beforeEach(async () => {
  ops = await startOps({ realCircuit: true, secrets: ['hunter2hunter2'] });
});

afterEach(() => ops.close());

const acts = async () => (await ops.audited()).filter(({ type }) => type.startsWith('conexxus.operator.'));

describe('a hold', () => {
  it('stops all calls, says who and why, and is in the audit trail', async () => {
    const held = await post(ops, '/api/circuit/hold', { reason: 'stocktaking', until: '30m' });
    expect(held.status).toBe(200);
    expect(held.json()).toMatchObject({
      state: 'closed',
      hold: { actor: OPERATOR.user, reason: 'stocktaking' },
      pausedBy: ['hold'],
    });
    expect((await get(ops, '/api/circuit')).json()['hold']).toEqual(held.json()['hold']);
    expect(await acts()).toMatchObject([
      {
        type: 'conexxus.operator.hold',
        payload: { actor: OPERATOR.user, action: 'hold', reason: 'stocktaking', until: expect.any(Number) },
      },
    ]);
  });

  it('ends when it was told to, by the clock of Redis', async () => {
    const ends = async (until: string) => {
      const { hold } = (await post(ops, '/api/circuit/hold', { reason: 'tonight', until })).json();
      return hold;
    };
    const [seconds] = await ops.redis.time();
    const hold = await ends('2h');
    const spanMs = JSON.parse(JSON.stringify(hold)).until - Number(seconds) * 1_000;
    expect(spanMs).toBeGreaterThanOrEqual(2 * 3_600_000);
    expect(spanMs).toBeLessThan(2 * 3_600_000 + 60_000);
    const at = new Date(Date.now() + 3_600_000).toISOString();
    expect(await ends(at)).toMatchObject({ until: Date.parse(at) });
  });

  it('that would end in the past is refused, and changes nothing', async () => {
    const answer = await post(ops, '/api/circuit/hold', { reason: 'x', until: '2020-01-01T00:00:00Z' });
    expect(refusal(answer)).toEqual({
      status: 409,
      kind: 'illegal-circuit-move',
      detail: "Can't hold: the end lies in the past.",
    });
    expect(await acts()).toEqual([]);
  });

  it('keeps no secret that somebody typed as its reason', async () => {
    const answer = await post(ops, '/api/circuit/hold', { reason: 'key is hunter2hunter2' });
    expect(answer.json()).toMatchObject({ hold: { reason: 'key is [redacted]' } });
    expect(JSON.stringify(await ops.audited())).not.toContain('hunter2');
  });
});

describe('the other acts', () => {
  it('release ends the hold, and is refused where there is none', async () => {
    await post(ops, '/api/circuit/hold', { reason: 'tonight' });
    const released = await post(ops, '/api/circuit/release', { reason: 'migrated early' });
    expect(released.json()).toMatchObject({ hold: null, pausedBy: [] });
    expect(refusal(await post(ops, '/api/circuit/release', { reason: 'again' }))).toMatchObject({
      status: 409,
      detail: "Can't release: there is neither a hold nor a bypass.",
    });
  });

  it('bypass lets everything through until its end', async () => {
    const answer = await post(ops, '/api/circuit/bypass', { reason: 'false alarm', until: '30m' });
    expect(answer.json()).toMatchObject({ bypass: { actor: OPERATOR.user, reason: 'false alarm' } });
  });

  it('a trial is refused while closed, and begins the half-open of an open circuit', async () => {
    expect(refusal(await post(ops, '/api/circuit/trial', { reason: 'now' }))).toMatchObject({
      status: 409,
      detail: "Can't trial: the circuit is closed, neither open nor rate limited.",
    });
    const at = Date.now();
    await ops.redis.hset(`{${ops.namespace}}:circuit`, {
      state: 'open',
      epoch: at,
      since: at,
      cause: 'streak',
      retryAt: at + 600_000,
    });
    expect((await get(ops, '/api/circuit')).json()).toMatchObject({ state: 'open' });
    const answer = await post(ops, '/api/circuit/trial', { reason: 'they say it is back' });
    expect(answer.json()).toMatchObject({ state: 'half-open', phase: 'health' });
  });

  it('reset closes it, with nothing counted', async () => {
    const answer = await post(ops, '/api/circuit/reset', { reason: 'afresh' });
    expect(answer.json()).toMatchObject({ state: 'closed', cause: 'reset', failures: 0 });
    expect((await acts()).map(({ type }) => type)).toEqual(['conexxus.operator.reset']);
  });
});

describe('a request that is not as it must be', () => {
  it.each<[string, object, string]>([
    ['hold', {}, 'reason must be a text that says why, for the audit trail'],
    ['hold', { reason: ' ' }, 'reason must be a text that says why, for the audit trail, and not empty'],
    ['trial', { reason: 7 }, 'reason must be a text that says why, for the audit trail'],
    ['hold', { reason: 'x'.repeat(501) }, 'reason must be at most 500 characters'],
    [
      'hold',
      { reason: 'x', until: 'tomorrow' },
      'until must be a time with its offset, like 2026-01-31T14:30:00-06:00, or a duration, like 30m or 2h',
    ],
    ['release', { reason: 'x', until: '30m' }, 'until is not known here: leave it out'],
    [
      'hold',
      { raeson: 'x' },
      'reason must be a text that says why, for the audit trail; and 1 more: see problems',
    ],
  ])('%s %j is refused with the field and the fix', async (action, body, detail) => {
    const answer = await post(ops, `/api/circuit/${action}`, body);
    expect(refusal(answer)).toEqual({ status: 422, kind: 'invalid-request', detail });
    expect(answer.headers['content-type']).toBe('application/problem+json');
    expect(await ops.audited()).toEqual([]);
  });

  it('names every problem by its path', async () => {
    const answer = await post(ops, '/api/circuit/hold', { raeson: 'x', until: 1 });
    expect(answer.json()['problems']).toEqual([
      { path: 'reason', message: expect.any(String) },
      { path: 'until', message: expect.any(String) },
      { path: 'raeson', message: 'is not known here: leave it out' },
    ]);
  });

  it.each([
    ['text/plain', 415, 'unsupported-media-type'],
    ['application/x-www-form-urlencoded', 415, 'unsupported-media-type'],
    ['application/json', 400, 'not-json'],
  ])('a body that is no JSON, called %s, is refused', async (type, status, kind) => {
    const answer = await post(ops, '/api/circuit/hold', 'reason=x', { headers: { 'content-type': type } });
    expect(refusal(answer)).toMatchObject({ status, kind });
  });

  it.each(['[]', 'null', '"x"', ''])('%s is no object', async (body) => {
    expect(refusal(await post(ops, '/api/circuit/hold', body))).toMatchObject({ kind: 'not-json' });
  });

  it('without a content type, JSON is refused too', async () => {
    const answer = await post(ops, '/api/circuit/hold', { reason: 'x' }, { headers: {} });
    expect(answer.status).toBe(415);
  });

  it('an unknown act is not found', async () => {
    expect((await post(ops, '/api/circuit/explode', { reason: 'x' })).status).toBe(404);
  });
});

describe('who may', () => {
  const CIRCUIT_ACTS = ['hold', 'release', 'bypass', 'trial', 'reset'];

  it('a viewer looks, and every act is refused', async () => {
    expect((await ops.call('GET', '/api/circuit', { as: VIEWER })).status).toBe(200);
    for (const action of CIRCUIT_ACTS) {
      const answer = await post(ops, `/api/circuit/${action}`, { reason: 'x' }, { as: VIEWER });
      expect(refusal(answer)).toMatchObject({ status: 403, kind: 'viewer' });
    }
    expect(await ops.audited()).toEqual([]);
  });

  it('no other site, whatever it sends', async () => {
    const headers = { 'content-type': 'application/json', origin: 'https://evil.example' };
    for (const action of CIRCUIT_ACTS) {
      const answer = await post(ops, `/api/circuit/${action}`, { reason: 'x' }, { headers });
      expect(refusal(answer)).toMatchObject({ status: 403, kind: 'cross-site' });
    }
    expect(await ops.audited()).toEqual([]);
  });
});

it('Redis that takes no writes is named, and nothing is done', async () => {
  const { redis } = ops;
  const user = `nobody-${ops.namespace}`;
  await redis.call('ACL', 'SETUSER', user, 'on', 'nopass', '~*', '&*', '+@all', '-@scripting');
  try {
    await redis.call('AUTH', user, 'any');
    const answer = await post(ops, '/api/dead-letters/replay', { all: true, reason: 'x' });
    expect(answer.json()).toMatchObject({ counts: { replayed: 0 } });
    const held = await post(ops, '/api/circuit/hold', { reason: 'x' });
    expect(refusal(held)).toMatchObject({ status: 503, kind: 'refused' });
  } finally {
    await redis.call('AUTH', 'default', '');
    await redis.call('ACL', 'DELUSER', user);
  }
});
