import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { eventually } from '../../support/eventually.ts';
import { makeSales } from '../../support/sales.ts';
import type { Fault } from '../../support/simulator/protocol.ts';
import { readTransitions, type Transition } from '../../support/transitions.ts';
import {
  type Fleet,
  happens,
  LATENCY_MS,
  OPEN_MS,
  percent,
  startFleet,
  THRESHOLD,
  tellFigures,
} from './fleet.ts';
import { sell } from './load.ts';

/** Counted attempts after which a sale dies; with 404, which may be one store's, twice the threshold. */
const MAX_ATTEMPTS = 10;
const MAX_REFUSED_ATTEMPTS = 2 * THRESHOLD;
/** From a due time until the queue runs: a health call, and the gate that looks each second. */
const MARGIN_MS = 1_500;

let fleet: Fleet;

beforeAll(async () => {
  fleet = await startFleet({
    env: {
      CONEXXUS_TIMEOUT: '1000',
      CONEXXUS_RETRY_DELAY: '10',
      CONEXXUS_MAX_ATTEMPTS: String(MAX_ATTEMPTS),
      // Few, so that the sales behind are still in the queue when the first ones have failed.
      WORKER_CONCURRENCY: '2',
    },
  });
  await fleet.startWell(5);
});

afterEach(async () => {
  await fleet.simulator.setSettings({ latency: { kind: 'fixed', ms: LATENCY_MS } });
  await fleet.calm();
  await fleet.untilAtRest(60_000);
});

afterAll(() => fleet.close());

/** The circuit's moves since that time. */
async function movesSince(at: number): Promise<Transition[]> {
  return (await readTransitions(fleet.database)).filter((move) => move.at >= at);
}

/** How long it stood open, each time that it has ended. */
function waits(moves: readonly Transition[]): number[] {
  return moves.flatMap(({ to, at }, index) => {
    const next = moves[index + 1];
    return to === 'open' && next ? [next.at - at] : [];
  });
}

async function isState(jobId: string, state: string): Promise<void> {
  expect(await fleet.queue.getJobState(jobId)).toBe(state);
}

/** One good sale, and how long it waited to be delivered; null: longer than we did. */
async function sellOne(batch: string): Promise<{ readonly jobId: string; readonly waitedMs: number | null }> {
  const soldAt = performance.now();
  const [jobId = ''] = await fleet.enqueue(makeSales(1, batch));
  const delivered = await happens(() => isState(jobId, 'completed'), 30_000);
  return { jobId, waitedMs: delivered ? Math.round(performance.now() - soldAt) : null };
}

const told = (ms: number | null) => (ms === null ? 'never' : `${ms} ms`);

/** It fails whenever it is sent, under that transaction id. */
async function poison(transactionId: string, fault: Fault): Promise<number> {
  await fleet.calm();
  await fleet.simulator.setFaults([{ match: { transactionId }, fault }]);
  return Date.now();
}

describe('one poison sale in a quiet hour', () => {
  interface Poison {
    readonly row: string;
    readonly what: string;
    readonly fault: Fault;
    /** How long the first opening lasts: the open time, or what Conexxus asked for. */
    readonly firstWaitMs: number;
  }
  const RETRY_AFTER_S = 5;

  it.each<Poison>([
    { row: '63', what: 'is always 500', fault: { kind: 'status', status: 500 }, firstWaitMs: OPEN_MS },
    { row: '63', what: 'always times out', fault: { kind: 'hang' }, firstWaitMs: OPEN_MS },
    {
      row: '65g',
      what: 'is always 503 with Retry-After',
      fault: { kind: 'status', status: 503, headers: { 'retry-after': String(RETRY_AFTER_S) } },
      firstWaitMs: RETRY_AFTER_S * 1_000,
    },
  ])(
    '[$row] that $what holds the fleet once, is named, and dies alone',
    async ({ row, what, fault, firstWaitMs }) => {
      const batch = `${row} ${what}`;
      const from = await poison(`${batch}-0`, fault);
      const [poisonId = ''] = await fleet.enqueue(makeSales(1, batch));
      await eventually(
        async () => expect((await movesSince(from)).map(({ to }) => to)).toContain('open'),
        30_000,
      );
      // It has been a trial, and failed as one.
      await happens(async () => {
        const halfOpen = (await movesSince(from)).find(({ to }) => to === 'half-open');
        const tried = (await fleet.attempts([poisonId])).filter(
          ({ at }) => at >= (halfOpen?.at ?? Number.NaN),
        );
        expect(tried.length).toBeGreaterThanOrEqual(1);
      }, 30_000);
      const [status, text] = await Promise.all([fleet.status(), fleet.statusText()]);
      const good = await sellOne(`${batch}, good`);
      const died = await happens(() => isState(poisonId, 'failed'), 20_000);
      const moves = await movesSince(from);
      const [first = 0, ...later] = waits(moves);
      tellFigures(`${row}: ${what}`, {
        'the good one waited': told(good.waitedMs),
        openings: moves.filter(({ to }) => to === 'open').length,
        'longest wait after the first': told(Math.max(0, ...later)),
        suspect: status.suspect?.jobId === poisonId,
        'calls of the poison one': (await fleet.attempts([poisonId])).length,
        'died alone': died,
      });
      expect(first).toBeLessThanOrEqual(firstWaitMs + MARGIN_MS);
      expect(Math.max(0, ...later)).toBeLessThanOrEqual(OPEN_MS + MARGIN_MS);
      expect(good.waitedMs).toBeLessThanOrEqual(1_500);
      expect(died).toBe(true);
      // Those that counted, and the few that met an open circuit.
      expect((await fleet.attempts([poisonId])).length).toBeLessThanOrEqual(MAX_ATTEMPTS + THRESHOLD);
      await expectNamed(poisonId, status, text);
      await fleet.enqueue(makeSales(2, `${batch}, more good ones`));
      await fleet.untilAtRest();
      expect((await fleet.circuit.status()).state).toBe('closed');
      expect(await fleet.workerEvents('benched')).toEqual([]);
      await fleet.expectSums();
    },
  );

  it('[65g] that is always 429 with Retry-After waits alone, and the fleet stands once', async () => {
    const batch = '65g 429';
    const retryAfterMs = 2_000;
    const headers = { 'retry-after': String(retryAfterMs / 1_000) };
    await poison(`${batch}-0`, { kind: 'status', status: 429, headers });
    // The first of the load.
    const load = await sell(fleet, { forMs: 10_000, batch, perSecond: 20 });
    const [poisonId = ''] = load.jobIds;
    const calls = (await fleet.calls(poisonId)).map(({ receivedAt }) => receivedAt);
    tellFigures('65g: is always 429', {
      paused: percent(load.paused),
      pauses: load.pauses,
      delivered: percent(load.delivered),
      'calls of the one': calls.length,
    });
    expect(load.pauses).toBe(1);
    expect(load.paused).toBeLessThanOrEqual((retryAfterMs + MARGIN_MS) / 11_000);
    expect(load.delivered).toBeGreaterThanOrEqual(0.9);
    expect(calls.length).toBeGreaterThanOrEqual(2);
    const gaps = calls.slice(1).map((at, index) => at - (calls[index] ?? 0));
    expect(Math.min(...gaps)).toBeGreaterThanOrEqual(retryAfterMs - 50);
    expect(await fleet.openings()).toEqual([]);
    // It is called again every other second.
    await eventually(() => isState(poisonId, 'delayed'));
    expect(await fleet.attemptsSpent([poisonId])).toBe(0);
    await fleet.simulator.setFaults([]);
    await fleet.untilAtRest();
    await fleet.expectSums();
  });
});

/** In status, event and log: that it may be this sale, and not Conexxus. */
async function expectNamed(
  jobId: string,
  status: Awaited<ReturnType<Fleet['status']>>,
  text: string,
): Promise<void> {
  expect(status.suspect).toMatchObject({ jobId, payload: expect.any(String) });
  expect(text).toContain(jobId);
  expect(text).toMatch(/may be this sale/i);
  const lines = fleet.workers.flatMap(({ logs }) => logs).map((line) => JSON.stringify(line));
  expect(lines.filter((line) => line.includes('suspect') && line.includes(jobId))).not.toEqual([]);
  const rows = await fleet.database.sql<{ suspect: string }[]>`
    select payload->>'suspect' as suspect from event_log
    where event_type = 'conexxus.circuit.opened' and payload->>'suspect' is not null`;
  expect(rows.filter(({ suspect }) => suspect.includes(jobId))).not.toEqual([]);
}

describe('one store whose location is 404, in a quiet hour', () => {
  it("[65f] its 50 sales do not keep another store's for longer than the open time, and die alone", async () => {
    const store = 'a-store-that-is-unknown';
    await fleet.calm();
    // Theirs are 500 calls, one or two at a time.
    await fleet.simulator.setSettings({ latency: { kind: 'fixed', ms: 1 } });
    const from = Date.now();
    const match = { path: '/api/v1/sales/push', locationId: store };
    await fleet.simulator.setFaults([{ match, fault: { kind: 'status', status: 404 } }]);
    const lost = await fleet.enqueue(makeSales(50, '65f').map((sale) => ({ ...sale, locationId: store })));
    const good = await sellOne('65f, good');
    const died = await happens(async () => {
      expect(new Set(await fleet.states(lost))).toEqual(new Set(['failed']));
    }, 40_000);
    const moves = await movesSince(from);
    const calls = (await fleet.attempts(lost)).length;
    tellFigures('65f', {
      "the other store's waited": told(good.waitedMs),
      openings: moves.filter(({ to }) => to === 'open').length,
      'longest wait': told(Math.max(0, ...waits(moves))),
      'calls of the 50': calls,
      'all 50 died': died,
      benched: (await fleet.workerEvents('benched')).length,
    });
    // All 50 are tried before it, two at a time; a second opening would make it three times as long.
    expect(good.waitedMs).toBeLessThanOrEqual(2.5 * OPEN_MS);
    expect(Math.max(0, ...waits(moves))).toBeLessThanOrEqual(OPEN_MS + MARGIN_MS);
    expect(died).toBe(true);
    // Theirs, and one for each slot and sale that met an open circuit.
    expect(calls).toBeLessThanOrEqual(50 * (MAX_REFUSED_ATTEMPTS + 2));
    expect(await fleet.workerEvents('benched')).toEqual([]);
    await fleet.simulator.setFaults([]);
    await fleet.expectSums();
  });
});
