import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { type Ended, runCommand } from '../../cli/command.ts';
import { eventually } from '../../support/eventually.ts';
import { makeSales } from '../../support/sales.ts';
import { readTransitions } from '../../support/transitions.ts';
import { type Fleet, happens, startFleet, tellFigures } from './fleet.ts';

let fleet: Fleet;

const MACHINE = [
  'state',
  'phase',
  'epoch',
  'since',
  'cause',
  'retryAt',
  'failedTrials',
  'successes',
] as const;
const BESIDE = ['rejections', 'cooldownUntil', 'hold', 'bypass'] as const;

/** Where the machine stands, as Redis holds it. */
function machine(): Promise<(string | null)[]> {
  return fleet.redis.hmget(`{${fleet.namespace}}:circuit`, ...MACHINE);
}

/** The same, with what is beside it. */
function picture(): Promise<(string | null)[]> {
  return fleet.redis.hmget(`{${fleet.namespace}}:circuit`, ...MACHINE, ...BESIDE);
}

describe('two workers with settings of their own on one circuit', () => {
  const ONE = { CIRCUIT_WINDOW: '1500', CIRCUIT_FAILURE_THRESHOLD: '5', CIRCUIT_SUCCESS_THRESHOLD: '1' };
  const OTHER = { CIRCUIT_WINDOW: '60000', CIRCUIT_FAILURE_THRESHOLD: '9', CIRCUIT_SUCCESS_THRESHOLD: '3' };
  const BOTH_THRESHOLDS = 5 + 9;

  afterEach(() => fleet.close());

  it('[65b] open within the sum of both thresholds, close, and the difference is named', async () => {
    // One slot each, so that they take turns, and none has a row of five to itself.
    fleet = await startFleet({ env: { WORKER_CONCURRENCY: '1', CIRCUIT_MINIMUM_CALLS: '1000' } });
    await fleet.startNamed('one', ONE);
    await fleet.startNamed('other', OTHER);
    await fleet.simulator.setMode(503);
    const jobIds = await fleet.enqueue(makeSales(200));
    const opened = await happens(() => fleet.untilPaused(), 10_000);
    await fleet.simulator.setMode('ok');
    // Its rows follow within a second.
    await eventually(async () => {
      const transitions = await readTransitions(fleet.database);
      expect(transitions.map(({ to }) => to)).toContain('open');
    });
    const opening = (await readTransitions(fleet.database)).find(({ to }) => to === 'open');
    const failed = (await fleet.attempts(jobIds)).filter(({ delivered }) => !delivered);
    const counted = failed.filter(({ stale, at }) => !stale && at <= (opening?.at ?? Infinity));
    const doctor = await runCommand(['doctor'], { ...fleet.env, ...ONE });
    const named = doctor.out.split('\n').filter((line) => /differ/i.test(line));
    tellFigures('65b', { opened, 'failures counted': counted.length, 'doctor names it': named.length > 0 });
    expect(opened).toBe(true);
    expect(counted.length).toBeGreaterThanOrEqual(5);
    expect(counted.length).toBeLessThanOrEqual(BOTH_THRESHOLDS);
    for (const variable of Object.keys(ONE)) expect(named.join('\n')).toContain(variable);
    // The workers' log says so too.
    const lines = fleet.workers.flatMap(({ logs }) => logs).filter(({ level = 0 }) => level >= 40);
    expect(lines.map((line) => JSON.stringify(line)).join('\n')).toContain('CIRCUIT_WINDOW');
    await fleet.untilAtRest(30_000);
    expect(await fleet.circuit.status()).toMatchObject({ state: 'closed', cause: 'recovered' });
    await fleet.expectSums();
  });
});

describe("the command line without the workers' settings", () => {
  const THRESHOLD = 10;
  const TRIALS = 3;
  const WORKERS = {
    CIRCUIT_FAILURE_THRESHOLD: String(THRESHOLD),
    CIRCUIT_SUCCESS_THRESHOLD: String(TRIALS),
    CIRCUIT_WINDOW: '30000',
    CIRCUIT_OPEN: '40000',
    CIRCUIT_OPEN_MAX: '40000',
    CONEXXUS_RETRY_DELAY: '10',
  };

  beforeEach(async () => {
    fleet = await startFleet({ env: WORKERS });
    await fleet.startNamed('only');
  });

  afterEach(() => fleet.close());

  const operate = (action: string): Promise<Ended> =>
    runCommand(['circuit', action, '--reason', 'row 65c', '--actor', 'olga'], {
      REDIS_URL: fleet.env['REDIS_URL'],
      SYNC_NAMESPACE: fleet.namespace,
    });

  /** It says that, and Redis holds to the letter what it held. */
  async function expectSeen(exitCode: number, seen: object): Promise<void> {
    const before = await picture();
    expect(await fleet.status()).toMatchObject({ exitCode, ...seen });
    expect(await picture()).toEqual(before);
  }

  /** A hold and its end: nothing else has moved. */
  async function expectHoldMovesNothing(exitCode: number, seen: object): Promise<void> {
    const before = await machine();
    expect((await operate('hold')).code).toBe(0);
    await expectSeen(12, { ...seen, hold: expect.objectContaining({ actor: 'olga' }) });
    expect((await operate('release')).code).toBe(0);
    expect(await machine()).toEqual(before);
    await expectSeen(exitCode, { ...seen, hold: null });
  }

  /** These sales fail so often in all, in a row, and are then left alone for a while. */
  async function fail(batch: string, times: number): Promise<void> {
    const fault = { kind: 'status', status: 503 } as const;
    const give = { kind: 'status', status: 422 } as const;
    const match = { transactionId: `${batch}-0` };
    await fleet.simulator.setFaults([
      { match: { ...match, times }, fault },
      { match, fault: give },
    ]);
    await fleet.enqueue(makeSales(1, batch));
  }

  async function untilSuccesses(successes: number): Promise<void> {
    await eventually(async () => {
      expect(await fleet.circuit.status()).toMatchObject({ state: 'half-open', phase: 'trials', successes });
    }, 20_000);
  }

  it('[65c] closed, open, half-open: tells what the workers see, and moves nothing that was not asked', async () => {
    // More failures than the default threshold, fewer than the workers'.
    await fail('six', 6);
    await fleet.untilAtRest();
    const told = await fleet.status();
    const [failures, code] = [told.failures, told.exitCode];
    await fail('outage', THRESHOLD);
    await eventually(async () => expect(await fleet.openings()).toEqual(['streak']), 20_000);
    const open = await fleet.status();
    await fleet.simulator.setFaults([]);
    expect((await operate('trial')).code).toBe(0);
    // Its own success and this one: as many as close by default, one fewer than the workers want.
    await fleet.enqueue(makeSales(1, 'second'));
    await untilSuccesses(2);
    const halfOpen = await fleet.status();
    tellFigures('65c', {
      'closed, 6 failures': `exit ${code}, ${failures} failures`,
      open: `exit ${open.exitCode}`,
      'half-open, 2 of 3': `exit ${halfOpen.exitCode}, ${halfOpen.state}`,
    });
    expect([code, failures, open.exitCode]).toEqual([0, 6, 11]);
    const seen = { state: 'half-open', phase: 'trials', successes: 2 };
    await expectSeen(10, seen);
    await expectHoldMovesNothing(10, seen);
    // Not to be had in half-open, or of no effect; but no word for closing it.
    const before = await machine();
    await operate('trial');
    expect(await machine()).toEqual(before);
    await fleet.enqueue(makeSales(1, 'third'));
    await eventually(async () => {
      expect(await fleet.circuit.status()).toMatchObject({ state: 'closed', cause: 'recovered' });
    });
    await fleet.untilAtRest();
    await fleet.expectSums();
  });

  it('[65c] held while closed or open: the end of the hold finds all as it was', async () => {
    await fail('six', 6);
    await fleet.untilAtRest();
    const closed = { state: 'closed', failures: 6 };
    await expectHoldMovesNothing(0, closed);
    expect((await fleet.status()).options).toMatchObject({
      failureThreshold: THRESHOLD,
      successThreshold: TRIALS,
      windowMs: 30_000,
      openMs: 40_000,
    });
    await fail('outage', THRESHOLD);
    await eventually(async () => expect(await fleet.openings()).toEqual(['streak']), 20_000);
    await expectHoldMovesNothing(11, { state: 'open' });
    await fleet.calm();
    await fleet.untilAtRest();
    await fleet.expectSums();
  });

  it('[65c] rate limited or bypassed: says so by its exit code, and a trial ends the cooldown', async () => {
    const fault = { kind: 'status', status: 429, headers: { 'retry-after': '60' } } as const;
    await fleet.simulator.setFaults([{ match: { times: 1 }, fault }]);
    const jobIds = await fleet.enqueue(makeSales(3, 'limited'));
    await eventually(async () => expect((await fleet.circuit.status()).cooldownUntil).not.toBeNull());
    const limited = await fleet.status();
    await operate('trial');
    // The one that drew it may have been put off for the minute.
    const completed = async () =>
      (await fleet.states(jobIds)).filter((state) => state === 'completed').length;
    const ended = await happens(async () => expect(await completed()).toBeGreaterThanOrEqual(2), 3_000);
    await operate('bypass');
    const bypassed = await fleet.status();
    tellFigures('65c', {
      'rate limited': `exit ${limited.exitCode}`,
      'a trial ends it': ended,
      bypassed: `exit ${bypassed.exitCode}`,
    });
    expect([limited.exitCode, ended, bypassed.exitCode]).toEqual([13, true, 14]);
    expect(limited).toMatchObject({ state: 'closed', pausedBy: ['cooldown'] });
    await expectSeen(14, { state: 'closed', bypass: expect.objectContaining({ actor: 'olga' }) });
    expect((await operate('release')).code).toBe(0);
    await expectSeen(0, { state: 'closed', bypass: null });
    for (const job of await fleet.queue.getDelayed()) await job.promote();
    await fleet.untilAtRest();
    await fleet.expectSums();
  });
});

describe('an open circuit that is due, with nobody there to ask', () => {
  afterEach(() => fleet.close());

  it('[65c] stays as it is, however often somebody looks', async () => {
    fleet = await startFleet({ env: { CIRCUIT_OPEN: '2000', CIRCUIT_SUCCESS_THRESHOLD: '3' } });
    const worker = await fleet.startNamed('frozen');
    await fleet.simulator.setMode(503);
    await fleet.enqueue(makeSales(20));
    await fleet.untilPaused();
    await eventually(async () => expect(await fleet.queue.getActiveCount()).toBe(0));
    worker.signal('SIGSTOP');
    const { retryAt } = await fleet.circuit.status();
    const before = await picture();
    await delay((retryAt ?? 0) + 100 - Date.now());
    const status = await fleet.status();
    await fleet.statusText();
    tellFigures('65c: due', { state: status.state, exit: status.exitCode ?? 'none' });
    expect([10, 11]).toContain(status.exitCode);
    expect(await picture()).toEqual(before);
    await fleet.simulator.setMode('ok');
    worker.signal('SIGCONT');
    await fleet.untilAtRest(30_000);
    await fleet.expectSums();
  });
});
