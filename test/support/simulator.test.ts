import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { rawRequest } from './raw-http.ts';
import { connectSimulator } from './simulator/client.ts';
import { type Simulator, startSimulator } from './simulator/simulator.ts';

const PUSH = '/api/v1/sales/push';
const SALE = {
  date: '2024-03-01',
  locationId: 'store-1',
  transactions: [
    { id: 't1', total: 1.5, items: [{ sku: '1', quantity: 1, price: 1.5 }] },
    { id: 't2', total: 2, items: [{ sku: '2', quantity: 1, price: 2 }] },
  ],
};

let simulator: Simulator;

beforeAll(async () => {
  simulator = await startSimulator();
});
afterEach(async () => {
  await simulator.setFaults([]);
  await simulator.setMode('ok');
  const { apiKey } = simulator;
  await simulator.setSettings({ idempotency: 'replay', apiKey, otherApiKeys: [], keepBodies: false });
  await simulator.clearLedger();
});
afterAll(() => simulator.stop());

function push(key: string | null, sale: unknown = SALE, apiKey = simulator.apiKey) {
  const headers = { 'x-api-key': apiKey, ...(key !== null && { 'idempotency-key': key }) };
  return rawRequest(simulator.url + PUSH, { method: 'POST', headers, body: JSON.stringify(sale) });
}

function get(path: string, headers: Record<string, string> = { 'x-api-key': simulator.apiKey }) {
  return rawRequest(simulator.url + path, { headers });
}

describe('the API', () => {
  it('applies a pushed sale and says what it took', async () => {
    const answer = await push('k1');

    expect(answer.status).toBe(200);
    expect(JSON.parse(answer.body)).toEqual({
      success: true,
      data: { locationId: 'store-1', date: '2024-03-01', transactions: 2 },
      timestamp: expect.stringMatching(/^\d{4}-\d\d-\d\dT.*Z$/),
    });
    expect(await simulator.ledger()).toEqual([
      expect.objectContaining({
        seq: 1,
        method: 'POST',
        path: PUSH,
        key: 'k1',
        locationId: 'store-1',
        date: '2024-03-01',
        transactionIds: ['t1', 't2'],
        applied: true,
        duplicate: false,
        status: 200,
        fault: null,
      }),
    ]);
  });

  it('refuses a wrong or missing key for sales and items, and takes a key that was put right', async () => {
    const refused = await push('k1', SALE, 'wrong');
    const unnamed = await get('/api/v1/inventory/items', {});
    await simulator.setSettings({ apiKey: 'wrong' });
    const taken = await push('k1', SALE, 'wrong');

    expect([refused.status, unnamed.status, taken.status]).toEqual([401, 401, 200]);
    expect(JSON.parse(refused.body)).toMatchObject({ success: false, error: 'Invalid API key' });
    expect(await simulator.summary()).toMatchObject({ applied: 1 });
  });

  it('takes two keys while one is being replaced, and notes which it was called with', async () => {
    await simulator.setSettings({ apiKey: 'new', otherApiKeys: ['old'] });
    const both = [await push('k1', SALE, 'old'), await push('k2', SALE, 'new')];
    await simulator.setSettings({ otherApiKeys: [] });
    const revoked = await push('k3', SALE, 'old');

    expect([...both, revoked].map(({ status }) => status)).toEqual([200, 200, 401]);
    expect((await simulator.ledger()).map(({ apiKey }) => apiKey)).toEqual(['old', 'new', 'old']);
  });

  it('reports health without a key', async () => {
    const answer = await get('/api/v1/health', {});

    expect(JSON.parse(answer.body)).toMatchObject({ success: true, data: { status: 'ok' } });
  });

  it('serves forty items, then those it is given, prices digit by digit', async () => {
    const madeUp: { data: unknown[] } = JSON.parse((await get('/api/v1/inventory/items')).body);
    await simulator.setCatalog('[{"sku":"1","name":"Tea","price":1.10}]');
    const given = await get('/api/v1/inventory/items');

    expect(madeUp.data).toHaveLength(40);
    expect(given.body).toContain('"data":[{"sku":"1","name":"Tea","price":1.10}]');
    await expect(simulator.setCatalog('{"no":"array"}')).rejects.toThrow('JSON array');
  });

  it('answers 404 elsewhere and 400 to what is no JSON object', async () => {
    const elsewhere = await get('/api/v2/health');
    const list = await push('k1', [SALE]);

    expect([elsewhere.status, list.status]).toEqual([404, 400]);
  });
});

describe('the same idempotency key again', () => {
  it.each([
    { idempotency: 'replay', second: 200, applied: 1, appliedTwice: 0 },
    { idempotency: 'conflict', second: 409, applied: 1, appliedTwice: 0 },
    { idempotency: 'off', second: 200, applied: 2, appliedTwice: 1 },
  ] as const)('$idempotency: answers $second, applied $applied times', async (mode) => {
    await simulator.setSettings({ idempotency: mode.idempotency });
    await push('k1');
    const again = await push('k1');

    expect(again.status).toBe(mode.second);
    expect(await simulator.summary()).toMatchObject({
      applied: mode.applied,
      appliedTwice: mode.appliedTwice,
      keys: 1,
      duplicates: 1,
      transactions: 2 * mode.applied,
      distinctTransactions: 2,
    });
  });

  it('applies a sale without a key each time', async () => {
    await push(null);
    await push(null);

    expect(await simulator.summary()).toMatchObject({ applied: 2, keys: 0, duplicates: 0 });
  });
});

describe('the ledger', () => {
  it('sums up what came, how it was answered and how much of it at once', async () => {
    await simulator.setFaults([{ match: { keyPrefix: 'held' }, fault: { kind: 'hang' } }]);
    const leave = new AbortController();
    const held = ['held-1', 'held-2'].map((key) =>
      rawRequest(simulator.url + PUSH, {
        method: 'POST',
        headers: { 'idempotency-key': key },
        signal: leave.signal,
      }),
    );
    await simulator.waitFor({ inFlight: 2 });
    await push('k1');
    leave.abort();
    const outcomes = await Promise.allSettled(held);
    await push('k2', { ...SALE, locationId: 'store-2' });
    await get('/api/v1/health');
    const summary = await simulator.waitFor({ ended: 5 });

    expect(outcomes.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    expect(summary).toEqual({
      requests: 5,
      applied: 2,
      keys: 2,
      appliedTwice: 0,
      duplicates: 0,
      transactions: 4,
      distinctTransactions: 4,
      byStatus: { 200: 3, none: 2 },
      byPath: { [PUSH]: 4, '/api/v1/health': 1 },
      inFlight: 0,
      maxInFlight: 3,
      maxInFlightByPath: { [PUSH]: 3, '/api/v1/health': 1 },
    });
    const third = (await simulator.ledger({ key: 'k1' })).at(0);
    expect(third).toMatchObject({ seq: 3, inFlight: 3, inFlightOnPath: 3 });
  });

  it('is read by path, by key and from where the reader left off', async () => {
    await push('k1');
    await push('k2');
    await get('/api/v1/health');
    const seqs = async (filter: Parameters<Simulator['ledger']>[0]) =>
      (await simulator.ledger(filter)).map(({ seq }) => seq);

    expect(await seqs({ path: PUSH })).toEqual([1, 2]);
    expect(await seqs({ key: 'k2' })).toEqual([2]);
    expect(await seqs({ since: 1 })).toEqual([2, 3]);
    expect(await seqs({ since: 3 })).toEqual([]);
  });

  it('keeps bodies only when asked to', async () => {
    await push('k1');
    await simulator.setSettings({ keepBodies: true });
    await push('k2', { ...SALE, note: '🧾' });

    const bodies = (await simulator.ledger()).map(({ body }) => body);
    expect(bodies).toEqual([undefined, JSON.stringify({ ...SALE, note: '🧾' })]);
  });

  it('forgets all when cleared, what was in flight included', async () => {
    await simulator.setMode({ kind: 'slow', latency: { kind: 'fixed', ms: 100 } });
    const underWay = push('k1');
    await simulator.waitFor({ inFlight: 1 });
    await simulator.clearLedger();
    await underWay;

    expect(await simulator.summary()).toMatchObject({ requests: 0, inFlight: 0, byStatus: {} });
  });

  it('tells who waits for more than ever comes what did come', async () => {
    await push('k1');

    await expect(simulator.waitFor({ requests: 2 }, 20)).rejects.toThrow('"requests":1');
  });
});

describe('the API as a whole', () => {
  it('fails after so many more requests, and is well again after its time', async () => {
    await simulator.setMode(503, { afterRequests: 2, forMs: 700 });
    const armed = await simulator.mode();
    const first = [(await push('k1')).status, (await push('k2')).status];
    const failing = [(await push('k3')).status, (await get('/api/v1/health')).status];
    const { mode, until } = await simulator.mode();
    await new Promise((resolve) => setTimeout(resolve, Number(until) - Date.now() + 20));

    expect(armed).toEqual({ mode: 'ok', pending: { mode: 503, inRequests: 2 }, until: null });
    expect([first, failing, mode]).toEqual([[200, 200], [503, 503], 503]);
    expect((await push('k3')).status).toBe(200);
    expect((await simulator.ledger())[2]).toMatchObject({ applied: false, fault: 'mode:503' });
  });

  it('refuses connections while down, can be steered, and comes back on the same port', async () => {
    await simulator.setMode('down');
    const refused = push('k1');

    await expect(refused).rejects.toMatchObject({ code: 'ECONNREFUSED' });
    expect(await simulator.mode()).toMatchObject({ mode: 'down' });
    await simulator.setMode('ok');
    expect((await push('k1')).status).toBe(200);
    expect(await simulator.summary()).toMatchObject({ requests: 1 });
  });

  it('still answers what was under way when it went down', async () => {
    await simulator.setFaults([{ fault: { kind: 'slow', latency: { kind: 'fixed', ms: 100 } } }]);
    await simulator.setMode('down', { afterRequests: 1 });
    const answer = await push('k1');

    expect([answer.status, answer.headers.connection]).toEqual([200, 'close']);
    await expect(push('k2')).rejects.toMatchObject({ code: 'ECONNREFUSED' });
  });
});

describe('steering', () => {
  it('refuses what it does not understand, and says where', async () => {
    const unknown = fetch(`${simulator.controlUrl}/control/faults`, {
      method: 'PUT',
      body: '[{"fault":{"kind":"status","status":503,"heders":{}}}]',
    });
    const garbage = fetch(`${simulator.controlUrl}/control/mode`, { method: 'PUT', body: '{' });

    const answer = await unknown;
    expect([answer.status, (await garbage).status]).toEqual([400, 400]);
    expect(await answer.text()).toContain('[0].fault');
    expect(await simulator.faults()).toEqual([]);
  });

  it('works on a simulator in another process, which ends by SIGTERM with its sums', async () => {
    const port = 30_000 + (process.pid % 1_000) * 2;
    const args = ['--import', 'tsx', 'test/support/simulator/main.ts', '--port', String(port)];
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
    const [greeting] = await once(child.stdout, 'data');
    const other = connectSimulator(`http://127.0.0.1:${port + 1}`);
    await other.setMode(429);
    const answer = await rawRequest(`http://127.0.0.1:${port}${PUSH}`, { method: 'POST' });
    const summary = await other.summary();
    child.kill('SIGTERM');
    const [[farewell], [exitCode]] = await Promise.all([once(child.stdout, 'data'), once(child, 'exit')]);

    expect(String(greeting)).toContain(`CONEXXUS_API_URL=http://127.0.0.1:${port}`);
    expect([answer.status, summary.byStatus, exitCode]).toEqual([429, { 429: 1 }, 0]);
    expect(String(farewell)).toContain('1 requests, 0 sales applied');
  });
});
