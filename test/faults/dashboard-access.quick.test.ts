import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { eventually } from '../support/eventually.ts';
import { type RunningProcess, startProcess } from '../support/process.ts';
import { type FaultStand, startFaultStand } from './fault-stand.ts';

const LOGINS = {
  DASHBOARD_USER: 'olga',
  DASHBOARD_PASSWORD: 'opens and closes',
  DASHBOARD_VIEWER_USER: 'vera',
  DASHBOARD_VIEWER_PASSWORD: 'only looks',
};
const HOLD = '/api/circuit/hold';

let stand: FaultStand;
let dashboard: RunningProcess;
let origin: string;

beforeAll(async () => {
  stand = await startFaultStand();
  await stand.startWorkers(1);
  const env = { ...stand.env, ...LOGINS, DASHBOARD_PORT: '0', TRUST_PROXY: '127.0.0.1' };
  dashboard = startProcess('dist/dashboard.js', env);
  const { port } = await dashboard.waitForLog('dashboard is up');
  origin = `http://127.0.0.1:${String(port)}`;
}, 60_000);

afterAll(async () => {
  await dashboard.stop();
  await stand.close();
});

function login(user: string, password: string): Record<string, string> {
  return { authorization: `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}` };
}

const OPERATOR = login('olga', LOGINS.DASHBOARD_PASSWORD);
const VIEWER = login('vera', LOGINS.DASHBOARD_VIEWER_PASSWORD);

async function hold(headers: Record<string, string>): Promise<number> {
  const body = JSON.stringify({ reason: 'row 53' });
  const { status } = await fetch(`${origin}${HOLD}`, {
    method: 'POST',
    body,
    headers: { 'content-type': 'application/json', ...headers },
  });
  return status;
}

async function read(path: string, headers: Record<string, string>): Promise<unknown> {
  const answer = await fetch(`${origin}${path}`, { headers });
  return answer.json();
}

describe('who may steer', () => {
  it('[53] no login, a wrong one, a viewer, another site: refused; the operator is in the event log', async () => {
    expect(await hold({})).toBe(401);
    expect(await hold(login('olga', 'guessed'))).toBe(401);
    expect(await hold(VIEWER)).toBe(403);
    expect(await hold({ ...OPERATOR, origin: 'https://evil.example' })).toBe(403);
    expect(await hold({ ...OPERATOR, 'sec-fetch-site': 'cross-site' })).toBe(403);
    expect(await read('/api/circuit', VIEWER)).toMatchObject({ hold: null });

    expect(await hold(OPERATOR)).toBe(200);
    expect(await read('/api/circuit', VIEWER)).toMatchObject({ hold: { actor: 'olga', reason: 'row 53' } });
    await eventually(async () =>
      expect(await read('/api/events?type=operator.*', VIEWER)).toMatchObject({
        events: [{ type: 'conexxus.operator.hold', payload: { actor: 'olga', reason: 'row 53' } }],
        next: null,
      }),
    );
  }, 40_000);

  it('[53] a thousand tries to log in: ten are looked at, and others behind the proxy are not locked out', async () => {
    const from = (client: string, password: string) =>
      fetch(`${origin}/api/circuit`, {
        headers: { ...login('olga', password), 'x-forwarded-for': `198.51.100.1, ${client}` },
      }).then(({ status }) => status);
    const statuses: number[] = [];
    for (let n = 0; n < 1_000; n += 1) statuses.push(await from('203.0.113.9', `guess ${n}`));
    expect(statuses.filter((status) => status === 401)).toHaveLength(10);
    expect(statuses.filter((status) => status === 429)).toHaveLength(990);
    expect(await from('203.0.113.9', LOGINS.DASHBOARD_PASSWORD)).toBe(429);
    expect(await from('203.0.113.10', LOGINS.DASHBOARD_PASSWORD)).toBe(200);
  }, 40_000);
});
