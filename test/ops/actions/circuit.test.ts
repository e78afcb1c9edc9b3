import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { CIRCUIT_ACTIONS } from '../../../src/ops/actions/circuit-action.ts';
import { OPERATOR, type OpsHarness, startOps, VIEWER } from '../harness.ts';
import { open, send, submit, textOf } from './harness.ts';

const HOLD = '/act/circuit/hold';

let ops: OpsHarness;

beforeEach(async () => {
  ops = await startOps({ realCircuit: true });
});

afterEach(() => ops.close());

const report = async () => (await ops.call('GET', '/api/circuit', { as: OPERATOR })).json();
const acts = async () => (await ops.audited()).filter(({ type }) => type.startsWith('conexxus.operator.'));

describe('a circuit action', () => {
  it('shows first what it will touch, and does nothing', async () => {
    await ops.queue.add('push_sales', {});
    await ops.queue.add('push_sales', {});
    for (const action of CIRCUIT_ACTIONS) {
      const page = await open(ops, `/act/circuit/${action}`);
      expect(page.status).toBe(200);
      expect(textOf(page)).toContain('2 jobs');
      expect(page.text).toMatch(/<input id="reason"[^>]* required /);
    }
    expect(await report()).toMatchObject({ hold: null, bypass: null });
    expect(await ops.audited()).toEqual([]);
  });

  it('is done with its reason, and is in the audit trail', async () => {
    const done = await submit(ops, HOLD, { reason: 'stocktaking', until: '30m' });
    expect(done.status).toBe(200);
    expect(textOf(done)).toMatch(
      /Done, and in the audit trail\..*Held\. olga stopped all calls: stocktaking/,
    );
    expect(await report()).toMatchObject({ hold: { actor: 'olga', reason: 'stocktaking' } });
    expect(await acts()).toMatchObject([{ type: 'conexxus.operator.hold', payload: { actor: 'olga' } }]);
  });

  it('without a reason is not done: the form comes again, with what was typed', async () => {
    const again = await submit(ops, HOLD, { until: '30m' });
    expect(again.status).toBe(422);
    expect(textOf(again)).toContain('reason must be a text that says why, for the audit trail');
    expect(again.text).toContain('role="alert"');
    expect(again.text).toMatch(/name="until"[^>]* value="30m"/);
    expect(await report()).toMatchObject({ hold: null });
  });

  it('that makes no sense now says why', async () => {
    const again = await submit(ops, '/act/circuit/trial', { reason: 'now' });
    expect(again.status).toBe(409);
    expect(textOf(again)).toContain('the circuit is closed, neither open nor rate limited');
    expect(await ops.audited()).toEqual([]);
  });

  it('a reason that looks like a page stays text', async () => {
    const page = await submit(ops, HOLD, { reason: '<script>alert(1)</script>' });
    expect(page.text).not.toContain('<script>');
    expect(page.text).toContain('&lt;script&gt;');
  });
});

describe('who may', () => {
  it('a viewer sees no form, and can do nothing', async () => {
    for (const path of ['/act', HOLD, '/act/dead-letters/replay', '/act/resend', '/act/outbox/relays']) {
      expect((await ops.call('GET', path, { as: VIEWER })).status).toBe(403);
      expect((await send(ops, path, [['reason', 'x']], { as: VIEWER })).status).toBe(403);
    }
    expect((await ops.call('GET', '/act')).status).toBe(401);
    expect(await ops.audited()).toEqual([]);
  });

  it.each<[string, Record<string, string>]>([
    ['another site', { origin: 'https://evil.example' }],
    ['a sandboxed page', { origin: 'null' }],
    ['a link of another site', { 'sec-fetch-site': 'cross-site' }],
  ])('no form of %s', async (_what, headers) => {
    expect((await send(ops, HOLD, [['reason', 'x']], { headers })).status).toBe(403);
    expect(await report()).toMatchObject({ hold: null });
  });

  it('no body but that of a form', async () => {
    const headers = { 'content-type': 'text/plain' };
    expect((await send(ops, HOLD, [['reason', 'x']], { headers })).status).toBe(415);
    expect(await report()).toMatchObject({ hold: null });
  });

  it('a form goes to ourselves alone, and a browser says where it comes from', async () => {
    const { headers } = await open(ops, HOLD);
    expect(headers['content-security-policy']).toContain("form-action 'self'");
    expect(headers['content-security-policy']).not.toContain('unsafe');
    expect(headers['referrer-policy']).toBe('same-origin');
    expect((await open(ops, '/')).headers['referrer-policy']).toBe('no-referrer');
  });
});

it('a fault is said on a page, and Redis that is away too', async () => {
  ops.redis.disconnect();
  const page = await open(ops, HOLD);
  expect(page.status).toBe(503);
  expect(textOf(page)).toContain('Redis is away');
  await ops.redis.connect();
});
