import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import type { PrivateServer } from '../../scripts/services/service.ts';
import { startPrivateRedis } from '../../scripts/services.ts';
import { eventually } from '../support/eventually.ts';
import { commandsRun } from '../support/redis-load.ts';
import { monitorRedis, type RedisMonitor, type SeenCommand } from '../support/redis-monitor.ts';
import { makeSales } from '../support/sales.ts';
import type { LedgerEntry } from '../support/simulator/protocol.ts';
import { type Stand, startStand } from '../support/stand.ts';
import { readTransitions } from '../support/transitions.ts';

const WORKERS = 8;
/** Calls in flight per worker. */
const SLOTS = 10;
const BACKLOG = 10_000;
const TRIALS = 3;
const PUSH = '/api/v1/sales/push';

// Its commands are counted: nobody else may use it.
let redis: PrivateServer;
let stand: Stand;
let monitor: RedisMonitor | undefined;

beforeAll(async () => {
  redis = await startPrivateRedis();
});

afterAll(async () => {
  await redis.stop();
});

afterEach(async () => {
  monitor?.stop();
  await stand.close();
});

/** The ids of the backlog. */
async function startFleet(env: Record<string, string> = {}): Promise<string[]> {
  stand = await startStand({
    redisUrl: redis.url,
    env: { CIRCUIT_SUCCESS_THRESHOLD: String(TRIALS), CIRCUIT_OPEN: '700', CIRCUIT_OPEN_MAX: '700', ...env },
  });
  await stand.simulator.setFaults([{ match: { path: PUSH }, fault: { kind: 'status', status: 503 } }]);
  const ids = await stand.enqueue(makeSales(BACKLOG));
  const claims = `{${stand.namespace}}:circuit:claim:`;
  monitor = await monitorRedis(
    redis.url,
    (name, [key, value]) =>
      name === 'set' && key?.startsWith(claims) === true && !value?.startsWith('recorded'),
  );
  await stand.startWorkers(WORKERS);
  return ids;
}

/** Trials in flight + successes, as one picture; 0 unless half-open. */
async function trialsTaken(): Promise<number> {
  const circuit = `{${stand.namespace}}:circuit`;
  const lua = `local circuit = redis.call('HMGET', KEYS[1], 'state', 'successes')
    return circuit[1] == 'half-open' and circuit[2] + redis.call('ZCARD', KEYS[2]) or 0`;
  return Number(await stand.redis.eval(lua, 2, circuit, `${circuit}:trials`));
}

/** Looks all the time until `done` holds; the most trials that were ever taken. */
async function mostTrialsTaken(done: () => Promise<boolean>): Promise<number> {
  let most = 0;
  while (!(await done())) {
    for (let look = 0; look < 20; look += 1) {
      most = Math.max(most, await trialsTaken());
      await delay(5);
    }
  }
  return most;
}

/** How often these jobs were taken from the queue. */
async function timesFetched(jobIds: readonly string[]): Promise<number> {
  const pipeline = stand.redis.pipeline();
  for (const id of jobIds) pipeline.hget(`{${stand.namespace}}:sync:${id}`, 'ats');
  const replies = (await pipeline.exec()) ?? [];
  return replies.reduce((total, [, count]) => total + Number(count ?? 0), 0);
}

async function halfOpenings(): Promise<number> {
  return (await readTransitions(stand.database)).filter(({ to }) => to === 'half-open').length;
}

/** A claim as `acquire` writes it. */
interface Permit {
  readonly key: string;
  readonly epoch: number;
  readonly trial: boolean;
}

function permitOf({ args: [key = '', claim = ''] }: SeenCommand): Permit {
  const [, epoch, , trial] = claim.split('|');
  return {
    key: key.slice(key.lastIndexOf(':') + 1),
    epoch: Number(epoch),
    trial: trial?.startsWith('1') === true,
  };
}

/**
 * Trial calls that reached the API, by the half-open in which they were permitted: a process that is slow
 * may send a trial after its half-open has ended, and that is no trial of the next one. Each permit makes
 * one call, so the n-th call with a key is that of the n-th permit for it.
 */
async function trialCallsByPeriod(permits: () => readonly Permit[]): Promise<number[]> {
  const ledger = await stand.simulator.ledger({ path: PUSH });
  // Jobs flow on meanwhile, and what Redis did is told to us a little later.
  const calls = await eventually(() => permitsOfCalls(ledger, permits()), 10_000);
  const halfOpen = (await readTransitions(stand.database)).filter(({ to }) => to === 'half-open');
  // The health call ends the first phase of a half-open within its epoch.
  return halfOpen.map(({ epoch }) => calls.filter((call) => call.trial && call.epoch === epoch).length);
}

/** How many workers each half-open benched. */
async function benchedByPeriod(): Promise<number[]> {
  const moves = await readTransitions(stand.database);
  const benched = await stand.database.sql<{ at: number }[]>`
    select round(extract(epoch from "timestamp") * 1000)::float8 as at
    from event_log where event_type = 'conexxus.worker.benched'`;
  return moves.flatMap(({ to, at: from }, move) => {
    const until = moves[move + 1]?.at ?? Number.POSITIVE_INFINITY;
    return to === 'half-open' ? benched.filter(({ at }) => at >= from && at <= until).length : [];
  });
}

function permitsOfCalls(ledger: readonly LedgerEntry[], permits: readonly Permit[]): Permit[] {
  const left = [...permits];
  return ledger.map(({ key }) => {
    const at = left.findIndex((permit) => permit.key === key);
    const [permit] = at < 0 ? [] : left.splice(at, 1);
    if (!permit) throw new Error(`A call without a permit: ${key}`);
    return permit;
  });
}

describe('eight workers at half-open, with 10,000 jobs waiting', () => {
  it('[26] make exactly the permitted trials, at every half-open until it closes', async () => {
    const jobs = await startFleet();
    await stand.simulator.setSettings({ latency: { kind: 'fixed', ms: 200 } });
    const most = await mostTrialsTaken(async () => (await halfOpenings()) >= 5);
    await stand.simulator.setFaults([]);
    await eventually(async () => {
      expect((await readTransitions(stand.database)).at(-1)).toMatchObject({ cause: 'recovered' });
    }, 30_000);
    const fetched = await timesFetched(jobs);

    const periods = await trialCallsByPeriod(() => (monitor?.seen ?? []).map(permitOf));
    expect(periods.length).toBeGreaterThanOrEqual(5);
    // Never more at a time (`most`). A failed trial that opens nothing gives its place to another: the first one of a
    // period, which is a question, and each that benches its worker, back on probation or failing a second time.
    const benched = await benchedByPeriod();
    const beyond = periods.map((calls, period) => calls - TRIALS - (benched[period] ?? 0));
    expect(Math.max(...beyond)).toBeLessThanOrEqual(1);
    expect(periods.at(-1)).toBe(TRIALS);
    expect(most).toBe(TRIALS);
    // What is taken is called, but for what the slots held at the first opening.
    const calls = await stand.simulator.ledger({ path: PUSH });
    expect(fetched).toBeLessThanOrEqual(calls.length + WORKERS * SLOTS);
    await eventually(async () => {
      expect(await stand.queue.getCompletedCount()).toBe(BACKLOG);
      expect(await stand.redis.xlen(`{${stand.namespace}}:events`)).toBe(0);
    }, 60_000);
    expect((await stand.reconcile()).problems).toEqual([]);
  });

  it('[26] wait without a hot loop while the trials are under way', async () => {
    const jobs = await startFleet({ CONEXXUS_TIMEOUT: '8000' });
    await eventually(async () => expect(await stand.queue.isPaused()).toBe(true), 30_000);
    await stand.simulator.setFaults([{ match: { path: PUSH }, fault: { kind: 'hang' } }]);
    await eventually(async () => expect(await trialsTaken()).toBe(TRIALS), 30_000);
    await stand.simulator.waitFor({ inFlight: TRIALS });

    const [fetchedBefore, commandsBefore] = [await timesFetched(jobs), await commandsRun(stand.redis)];
    const from = performance.now();
    await delay(3_000);
    const seconds = (performance.now() - from) / 1_000;
    const commands = await commandsRun(stand.redis);
    expect(await trialsTaken()).toBe(TRIALS);
    expect(await timesFetched(jobs)).toBe(fetchedBefore);
    // Locks are renewed and circuits looked at, about ten commands a second; a hot loop makes thousands.
    expect((commands - commandsBefore) / seconds / WORKERS).toBeLessThan(40);
  });
});
