import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { rawRequest } from './raw-http.ts';
import type { Fault, FaultMatch } from './simulator/protocol.ts';
import { sampleLatency, seededRandom } from './simulator/random.ts';
import { type Simulator, startSimulator } from './simulator/simulator.ts';

const PUSH = '/api/v1/sales/push';

let simulator: Simulator;

beforeAll(async () => {
  simulator = await startSimulator();
});
afterEach(() => simulator.clearLedger());
afterAll(() => simulator.stop());

function push(key: string, locationId = 'store-1', transactionId = 't1') {
  const sale = { date: '2024-03-01', locationId, transactions: [{ id: transactionId }] };
  const headers = { 'x-api-key': simulator.apiKey, 'idempotency-key': key };
  return rawRequest(simulator.url + PUSH, { method: 'POST', headers, body: JSON.stringify(sale) });
}

describe('rules', () => {
  const failing: Fault = { kind: 'status', status: 500 };

  /** The statuses that requests of these keys get, one after the other. */
  async function statuses(keys: readonly string[]): Promise<number[]> {
    const seen: number[] = [];
    for (const key of keys) seen.push((await push(key)).status);
    return seen;
  }

  it('strike by path, method, location, transaction and key', async () => {
    const rules: [FaultMatch, number][] = [
      [{ path: '/api/v1/health' }, 501],
      [{ method: 'delete' }, 502],
      [{ locationId: 'store-9' }, 503],
      [{ transactionId: 'poison' }, 504],
      [{ keyPrefix: 'ps-' }, 505],
    ];
    await simulator.setFaults(rules.map(([match, status]) => ({ match, fault: { kind: 'status', status } })));
    const answers = [
      await rawRequest(`${simulator.url}/api/v1/health`),
      await rawRequest(simulator.url + PUSH, { method: 'DELETE' }),
      await push('k1', 'store-9'),
      await push('k2', 'store-1', 'poison'),
      await push('ps-1'),
      await push('k3'),
    ];

    expect(answers.map(({ status }) => status)).toEqual([501, 502, 503, 504, 505, 200]);
  });

  it('strike in order: the first that is due wins', async () => {
    await simulator.setFaults([
      { match: { times: 1 }, fault: { kind: 'status', status: 500 }, name: 'once' },
      { fault: { kind: 'status', status: 429 } },
    ]);

    expect(await statuses(['a', 'b'])).toEqual([500, 429]);
    expect((await simulator.ledger()).map(({ fault }) => fault)).toEqual(['once', 'status']);
    expect(await simulator.faults()).toMatchObject([
      { name: 'once', seen: 2, fired: 1 },
      { seen: 1, fired: 1 },
    ]);
  });

  it('strike each nth request after the first few, so many times', async () => {
    await simulator.setFaults([{ match: { after: 2, everyNth: 2, times: 2 }, fault: failing }]);

    const seen = await statuses('abcdefgh'.split(''));
    expect(seen).toEqual([200, 200, 200, 500, 200, 500, 200, 200]);
  });

  it.each<[string, Fault, FaultMatch]>([
    ['a rule with a probability', failing, { probability: 0.5 }],
    ['a flapping API', { kind: 'flap', status: 500 }, {}],
  ])('%s fails about half, the same ones for the same seed', async (_, fault, match) => {
    const keys = Array.from({ length: 100 }, (_, index) => `k${index}`);
    const runs: number[][] = [];
    for (const seed of [7, 7, 8]) {
      await simulator.setSettings({ seed });
      await simulator.setFaults([{ match, fault }]);
      runs.push(await statuses(keys));
    }
    const [first, second, third] = runs;

    expect(first?.filter((status) => status === 500).length).toBeGreaterThan(30);
    expect(first?.filter((status) => status === 200).length).toBeGreaterThan(30);
    expect(second).toEqual(first);
    expect(third).not.toEqual(first);
  });
});

describe('latency', () => {
  const draws = (latency: Parameters<typeof sampleLatency>[0]) => {
    const random = seededRandom(1);
    return Array.from({ length: 2_001 }, () => sampleLatency(latency, random)).sort((a, b) => a - b);
  };

  it('uniform stays within its bounds and fills them', () => {
    const sorted = draws({ kind: 'uniform', min: 10, max: 20 });

    expect(sorted.at(0)).toBeGreaterThanOrEqual(10);
    expect(sorted.at(0)).toBeLessThan(10.1);
    expect(sorted.at(-1)).toBeGreaterThan(19.9);
    expect(sorted.at(-1)).toBeLessThan(20);
  });

  it('lognormal has its median, and a long tail on one side', () => {
    const sorted = draws({ kind: 'lognormal', median: 80, sigma: 0.5 });

    expect(sorted[1_000]).toBeGreaterThan(75);
    expect(sorted[1_000]).toBeLessThan(85);
    expect(sorted.at(0)).toBeGreaterThan(0);
    expect(sorted.at(-1)).toBeGreaterThan(300);
  });

  it('of the settings holds for every answer', async () => {
    await simulator.setFaults([]);
    await simulator.setSettings({ latency: { kind: 'fixed', ms: 60 } });
    const began = performance.now();
    await rawRequest(`${simulator.url}/api/v1/health`);
    const took = performance.now() - began;
    await simulator.setSettings({ latency: null });

    expect(took).toBeGreaterThan(55);
  });
});
