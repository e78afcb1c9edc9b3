import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { freePort } from '../../../scripts/services/machine.ts';
import { eventually } from '../../support/eventually.ts';
import type { RunningProcess } from '../../support/process.ts';
import { startTcpProxy, type TcpProxy } from '../../support/tcp-proxy.ts';
import {
  type Attempt,
  type Fleet,
  failedCalls,
  happens,
  OPEN_MS,
  percent,
  SLOTS,
  startFleet,
  THRESHOLD,
  tellFigures,
} from './fleet.ts';
import { type Load, sell } from './load.ts';
import { answers, type SickProxy, startSickProxy, WELL } from './sick-proxy.ts';

const SLOW_MS = 1_500;
const HTML = '<!doctype html><html><body><h1>Sign in to the store network</h1></body></html>';
/** Its own health call is due after the open time, then after twice as long. */
const SECOND_DUE_MS = 3 * OPEN_MS;
/** Ends before that with time for a look, so that the row need not wait long for the worker to come back. */
const LOAD_MS = SECOND_DUE_MS - 3_000;

let fleet: Fleet;
let proxy: SickProxy;
let route: TcpProxy;
let sick: RunningProcess | undefined;

beforeAll(async () => {
  fleet = await startFleet({
    env: { CONEXXUS_TIMEOUT: '3000', CONEXXUS_RETRY_DELAY: '1000' },
  });
  const { port } = new URL(fleet.simulator.url);
  [proxy, route] = await Promise.all([
    startSickProxy(fleet.simulator.url),
    startTcpProxy({ port: Number(port) }),
    fleet.startWell(4),
  ]);
});

// Whatever became of the row: the next one begins with four well workers and nothing left to do.
afterEach(async () => {
  proxy.become(WELL);
  await route.listen(true);
  await sick?.stop();
  sick = undefined;
  await fleet.calm();
  await fleet.untilAtRest(60_000);
});

afterAll(async () => {
  await fleet.close();
  await Promise.all([proxy.stop(), route.stop()]);
});

interface Fault {
  readonly row: string;
  readonly name: string;
  readonly load: Load;
  /** It stood on the bench in `circuit status` and `workers`, while the load went on. */
  readonly shown: boolean;
  /** Calls of the sick worker that failed until the load ended. */
  readonly calls: number;
  /** Answered or not: on probation it may make one call more. */
  readonly callsAtMost: number;
}

/** What is said of every row, before its expectations: a product without benches has figures too. */
async function tell({ row, name, load, calls }: Omit<Fault, 'shown' | 'callsAtMost'>): Promise<void> {
  const [benched] = await fleet.workerEvents('benched', name);
  tellFigures(row, {
    paused: percent(load.paused),
    delivered: percent(load.delivered),
    pauses: load.pauses,
    'calls of the sick worker': calls,
    'benched for': benched?.cause ?? 'never',
    openings: (await fleet.openings()).length,
  });
}

/** While sales come in, somebody looks who is on the bench. */
async function sellAndLook(name: string, forMs = LOAD_MS): Promise<Pick<Fault, 'load' | 'shown'>> {
  const inStatus = expect.objectContaining({ worker: name, cause: expect.any(String) });
  const known = expect.objectContaining({ name, takesJobs: false, benched: expect.any(Object) });
  const [load, shown] = await Promise.all([
    sell(fleet, { forMs, batch: name }),
    happens(async () => {
      expect(await fleet.workerEvents('benched', name)).not.toEqual([]);
      const [{ benched }, workers] = await Promise.all([fleet.status(), fleet.knownWorkers()]);
      expect(benched).toContainEqual(inStatus);
      expect(workers).toContainEqual(known);
    }, forMs),
  ]);
  return { load, shown };
}

/** The fleet does not feel it, and the worker is named wherever somebody looks. */
async function expectBenched(fault: Fault): Promise<void> {
  const { load, shown, calls, callsAtMost } = fault;
  await tell(fault);
  expect(load.paused).toBeLessThan(0.05);
  expect(load.delivered).toBeGreaterThanOrEqual(0.9);
  expect(calls).toBeLessThanOrEqual(callsAtMost);
  expect(shown).toBe(true);
  expect(await fleet.openings()).toEqual([]);
}

/** All that it held is delivered by others, while it is still sick. */
async function expectDeliveredByOthers({ name, load }: Fault): Promise<void> {
  await fleet.untilAtRest();
  const attempts = await fleet.attempts(load.jobIds);
  const failed = new Set(
    attempts.filter(({ worker, delivered }) => worker === name && !delivered).map(jobOf),
  );
  const saved = new Set(attempts.filter(({ worker, delivered }) => worker !== name && delivered).map(jobOf));
  expect(failed.size).toBeGreaterThan(0);
  expect([...failed].filter((jobId) => !saved.has(jobId))).toEqual([]);
}

/** Its route is good again, and nobody does a thing: it has delivered, and nothing is left of the bench. */
async function expectBack(name: string): Promise<void> {
  const bench = (await fleet.status()).benched.find(({ worker }) => worker === name);
  const dueMs = Math.max(0, (bench?.retryAt ?? 0) - Date.now());
  await eventually(async () => {
    expect(await fleet.workerEvents('returned', name)).not.toEqual([]);
  }, dueMs + 5_000);
  await eventually(async () => {
    const { jobIds } = await sell(fleet, { forMs: 400, batch: `${name}-${Math.random()}` });
    const delivered = (await fleet.attempts(jobIds)).filter((attempt) => attempt.delivered);
    expect(delivered.map(({ worker }) => worker)).toContain(name);
  }, 20_000);
  await eventually(async () => expect((await fleet.status()).benched).toEqual([]));
  await fleet.untilAtRest();
  await fleet.expectSums();
}

const jobOf = ({ jobId }: Attempt) => jobId;

/** Failed attempts of the worker that were recorded before the one that benched it. */
async function failuresBeforeBench(name: string, { jobIds }: Load): Promise<number> {
  const [benched] = await fleet.workerEvents('benched', name);
  const attempts = (await fleet.attempts(jobIds)).filter(({ worker }) => worker === name);
  return attempts.filter(({ delivered, at }) => !delivered && at < (benched?.at ?? 0)).length;
}

describe('one worker of five', () => {
  it('[57] with a dead route: benched by name, its sales go by others, and it comes back by itself', async () => {
    await fleet.calm();
    const name = 'dead-route';
    const port = await freePort();
    await route.listen(false);
    const url = route.through(fleet.simulator.url);
    const worker = await fleet.startNamed(name, { CONEXXUS_API_URL: url, WORKER_HEALTH_PORT: String(port) });
    sick = worker;
    const seen = await sellAndLook(name, 4 * OPEN_MS);
    const fault = { row: '57', name, ...seen, calls: failedCalls(worker), callsAtMost: THRESHOLD + SLOTS };
    await expectBenched(fault);

    expect(await fleet.statusText()).toContain(name);
    const told = fleet.workers.flatMap(({ logs }) => logs).map((line) => JSON.stringify(line));
    expect(told.filter((line) => /bench/i.test(line) && line.includes(name))).not.toEqual([]);
    const ready = await fetch(`http://127.0.0.1:${port}/health/ready`);
    expect([ready.status, await ready.text()]).toEqual([503, expect.stringMatching(/bench/i)]);
    expect((await fetch(`http://127.0.0.1:${port}/health/live`)).status).toBe(200);

    await expectDeliveredByOthers(fault);
    await route.listen(true);
    await expectBack(name);
    expect((await fetch(`http://127.0.0.1:${port}/health/ready`)).status).toBe(200);
  });

  it('[58] with a stale key (401): benched at its first such answer, nothing burnt, well after a restart', async () => {
    await fleet.calm();
    const name = 'stale-key';
    const worker = await fleet.startNamed(name, { CONEXXUS_API_KEY: 'the-key-of-yesterday' });
    sick = worker;
    const seen = await sellAndLook(name);
    // The health call wants no key, so it is answered, and one call on probation follows.
    const fault = { row: '58: 401', name, ...seen, calls: failedCalls(worker), callsAtMost: SLOTS + 1 };
    await expectBenched(fault);
    expect(await failuresBeforeBench(name, seen.load)).toBe(0);
    await expectDeliveredByOthers(fault);
    const attempts = await fleet.attempts(seen.load.jobIds);
    expect(attempts.filter(({ delivered, attempt }) => delivered && attempt > 1)).toEqual([]);

    await worker.stop();
    sick = await fleet.startNamed('fresh-key');
    await eventually(async () => {
      expect((await fleet.knownWorkers()).map((known) => known.name)).not.toContain(name);
    });
    expect((await fleet.status()).benched).toEqual([]);
    await fleet.expectSums();
  });

  const early = THRESHOLD - 1;
  it.each([
    { row: '58', kind: '301', early: 0, ill: answers(301, { location: 'https://moved.test/' }) },
    { row: '65e', kind: '503', early, ill: answers(503) },
    { row: '65e', kind: '403', early, ill: answers(403) },
    { row: '65e', kind: 'HTML', early, ill: answers(200, { 'content-type': 'text/html' }, HTML) },
  ])(
    '[$row] behind a proxy that says $kind to all: benched by name, its sales go by others, back by itself',
    async ({ row, kind, early, ill }) => {
      await fleet.calm();
      const name = `behind-${kind}`;
      proxy.become(ill);
      const worker = await fleet.startNamed(name, { CONEXXUS_API_URL: proxy.url });
      sick = worker;
      const seen = await sellAndLook(name);
      const calls = failedCalls(worker);
      const fault = { row: `${row}: ${kind}`, name, ...seen, calls, callsAtMost: SLOTS + early };
      await expectBenched(fault);
      expect(await failuresBeforeBench(name, seen.load)).toBeLessThanOrEqual(early);
      await expectDeliveredByOthers(fault);
      proxy.become(WELL);
      await expectBack(name);
    },
  );

  it('[65e] that is slow: benched by name, though what it sends arrives, and it comes back by itself', async () => {
    await fleet.calm();
    const name = 'slow';
    proxy.become(() => ({ kind: 'pass', afterMs: SLOW_MS }));
    // Of this worker alone: on a busy machine a well one has its slow moments too.
    const worker = await fleet.startNamed(name, { CONEXXUS_API_URL: proxy.url, CIRCUIT_SLOW_CALL: '1000' });
    sick = worker;
    const seen = await sellAndLook(name);
    const calls = worker.logs.filter(({ msg }) => msg === 'attempt recorded').length;
    await expectBenched({ row: '65e: slow', name, ...seen, calls, callsAtMost: THRESHOLD + SLOTS + 1 });
    await fleet.untilAtRest();
    proxy.become(WELL);
    await expectBack(name);
  });

  it('[62] that loses half its calls: never opens alone, and is benched only by a row of its own', async () => {
    await fleet.calm();
    const name = 'half-lost';
    proxy.become(({ method }, count) => ({
      kind: method === 'POST' && count % 2 === 1 ? 'swallow' : 'pass',
    }));
    const worker = await fleet.startNamed(name, { CONEXXUS_API_URL: proxy.url });
    sick = worker;
    // In bursts, so that many are lost in one moment, and their timeouts come in one row between two of them.
    const load = await sell(fleet, { forMs: 12_000, batch: name, everyMs: 1_300 });
    await tell({ row: '62', name, load, calls: failedCalls(worker) });
    expect(failedCalls(worker)).toBeGreaterThanOrEqual(THRESHOLD);
    proxy.become(WELL);
    await fleet.untilAtRest();
    expect(await fleet.openings()).toEqual([]);

    const own = (await fleet.attempts(load.jobIds)).filter((attempt) => attempt.worker === name);
    expect(own.length).toBeGreaterThan(THRESHOLD);
    const benches = await fleet.workerEvents('benched', name);
    for (const [index, { at }] of benches.entries()) {
      const isOnProbation =
        benches[index - 1] !== undefined && !deliveredBetween(own, benches[index - 1]?.at ?? 0, at);
      expect(failuresInARow(own, at)).toBeGreaterThanOrEqual(isOnProbation ? 1 : THRESHOLD);
    }
    await fleet.expectSums();
  });
});

/** Its failures up to that time, since its last success before it. */
function failuresInARow(own: readonly Attempt[], until: number): number {
  const successes = own.filter(({ delivered, at }) => delivered && at < until);
  const lastSuccessAt = successes.at(-1)?.at ?? 0;
  return own.filter(({ delivered, at }) => !delivered && at >= lastSuccessAt && at <= until).length;
}

function deliveredBetween(own: readonly Attempt[], from: number, until: number): boolean {
  return own.some(({ delivered, at }) => delivered && at > from && at < until);
}
