import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { METRICS, OPERATOR, type OpsHarness, startOps, VIEWER } from './harness.ts';

/** What a client sees of a refusal. */
const TOO_MANY = { type: 'urn:conexxus-sync:problem:too-many-logins', status: 429 };

describe('guessing passwords', () => {
  let ops: OpsHarness;
  beforeAll(async () => {
    ops = await startOps();
  });
  afterAll(() => ops.close());

  it('is stopped after ten tries, and the right password with it', async () => {
    const statuses = [];
    for (let i = 0; i < 1_000; i += 1) {
      statuses.push((await ops.call('GET', '/', { as: { ...OPERATOR, password: `guess ${i}` } })).status);
    }
    expect(statuses.filter((status) => status === 401)).toHaveLength(10);
    expect(statuses.filter((status) => status === 429)).toHaveLength(990);

    const blocked = await ops.call('GET', '/', { as: OPERATOR });
    expect(blocked.json()).toMatchObject(TOO_MANY);
    expect(Number(blocked.headers['retry-after'])).toBeGreaterThan(0);
    expect(Number(blocked.headers['retry-after'])).toBeLessThanOrEqual(60);
  });

  it('behind a named proxy counts by client, and what a client says of itself counts for nothing', async () => {
    const proxies = [{ address: '127.0.0.1', family: 'ipv4', prefix: 32 } as const];
    const behind = await startOps({ access: { host: '127.0.0.1', operator: OPERATOR, proxies } });
    const from = async (said: string, password: string) => {
      const headers = { 'x-forwarded-for': said };
      return (await behind.call('GET', '/', { as: { ...OPERATOR, password }, headers })).status;
    };
    try {
      // Ten guesses of one client, who says each time that it is another.
      for (let n = 0; n < 10; n += 1) {
        expect(await from(`198.51.100.${n}, 203.0.113.9`, `guess ${n}`)).toBe(401);
      }
      expect(await from('198.51.100.77, 203.0.113.9', OPERATOR.password)).toBe(429);
      expect(await from('203.0.113.10', OPERATOR.password)).toBe(200);
    } finally {
      await behind.close();
    }
  });

  it('is counted by the connection where no proxy is named', async () => {
    const alone = await startOps();
    try {
      for (let n = 0; n < 10; n += 1) {
        const headers = { 'x-forwarded-for': `198.51.100.${n}` };
        await alone.call('GET', '/', { as: { ...OPERATOR, password: `guess ${n}` }, headers });
      }
      expect((await alone.call('GET', '/', { as: OPERATOR })).status).toBe(429);
    } finally {
      await alone.close();
    }
  });

  it('at the pages does not lock out who reads the metrics, where guessing is stopped as well', async () => {
    const { status, text } = await ops.call('GET', '/metrics', { as: VIEWER });
    expect([status, text]).toEqual([200, METRICS]);
    const guess = (n: number) => ops.call('GET', '/metrics', { as: { ...VIEWER, password: `guess ${n}` } });
    const statuses = [];
    for (let n = 0; n < 20; n += 1) statuses.push((await guess(n)).status);
    expect(statuses.filter((status) => status === 401)).toHaveLength(10);
    expect((await ops.call('GET', '/metrics', { as: VIEWER })).json()).toMatchObject(TOO_MANY);
  });
});
