import { afterEach, describe, expect, it } from '@jest/globals';
import { crashAt } from '../support/crash-points.ts';
import { eventually } from '../support/eventually.ts';
import { makeSales } from '../support/sales.ts';
import type { LedgerEntry } from '../support/simulator/protocol.ts';
import { type Stand, startStand } from '../support/stand.ts';
import { readTransitions } from '../support/transitions.ts';

const PUSH = '/api/v1/sales/push';

let stand: Stand;

afterEach(async () => {
  await stand.close();
});

async function untilDelivered(jobs: number): Promise<void> {
  await eventually(async () => {
    expect(await stand.queue.getCompletedCount()).toBe(jobs);
    expect(await stand.redis.xlen(`{${stand.namespace}}:events`)).toBe(0);
  }, 90_000);
}

/** The sale call under way that came after so many requests. */
async function hangingCall(since: number): Promise<LedgerEntry> {
  let found: LedgerEntry | undefined;
  await eventually(async () => {
    const calls = await stand.simulator.ledger({ path: PUSH, since });
    found = calls.find(({ fault }) => fault === 'hang');
    expect(found).toBeDefined();
  }, 30_000);
  if (!found) throw new Error('No call hangs.');
  return found;
}

/** Whether the open time is over by the clock of Redis, with nobody there to act on it. */
async function isDue(): Promise<boolean> {
  const [seconds] = await stand.redis.time();
  const retryAt = await stand.redis.hget(`{${stand.namespace}}:circuit`, 'retryAt');
  // Killed when it was half-open already, there is no time left to wait for.
  return retryAt === null || Number(seconds) * 1_000 > Number(retryAt);
}

describe('a worker that dies', () => {
  it.each([
    { point: 'before-call', calls: 1 },
    { point: 'before-record', calls: 2 },
    { point: 'after-record', calls: 1 },
  ] as const)('$point: another delivers the sale, in $calls calls', async ({ point, calls }) => {
    stand = await startStand();
    const first = await stand.startWorker(...crashAt(point));
    const [sale] = await stand.enqueue(makeSales(1));
    expect(await first.exited).toEqual({ code: null, signal: 'SIGKILL' });
    await stand.startWorker();
    await untilDelivered(1);
    const pushes = await stand.simulator.ledger({ path: PUSH });
    expect(pushes.map(({ key }) => key)).toEqual(Array.from({ length: calls }, () => sale));
    const lostAnswers = new Set(sale === undefined ? [] : [sale]);
    expect((await stand.reconcile({ lostAnswers })).problems).toEqual([]);
  });

  it('between opening and pausing, alone: the next worker that comes pauses the queue before it calls', async () => {
    stand = await startStand({ env: { CIRCUIT_OPEN: '60000', CIRCUIT_OPEN_MAX: '60000' } });
    await stand.simulator.setMode(503);
    const first = await stand.startWorker(...crashAt('before-pause'));
    await stand.enqueue(makeSales(50));
    expect(await first.exited).toEqual({ code: null, signal: 'SIGKILL' });
    expect(await stand.redis.hget(`{${stand.namespace}}:circuit`, 'state')).toBe('open');
    expect(await stand.queue.isPaused()).toBe(false);
    const { requests } = await stand.simulator.summary();
    await stand.startWorker();
    await eventually(async () => expect(await stand.queue.isPaused()).toBe(true), 2_000);
    expect((await stand.simulator.summary()).requests).toBe(requests);
  });

  it('during a trial: its lease runs out, another trial follows and closes the circuit', async () => {
    stand = await startStand({ env: { CIRCUIT_SUCCESS_THRESHOLD: '1' } });
    await stand.simulator.setFaults([{ match: { path: PUSH }, fault: { kind: 'status', status: 503 } }]);
    const victim = await stand.startWorker();
    await stand.enqueue(makeSales(50));
    await eventually(async () => expect(await stand.queue.isPaused()).toBe(true), 30_000);
    const { requests } = await stand.simulator.summary();
    await stand.simulator.setFaults([{ match: { path: PUSH, times: 1 }, fault: { kind: 'hang' } }]);
    const trial = await hangingCall(requests);
    victim.signal('SIGKILL');
    await stand.startWorkers(7);
    await untilDelivered(50);

    const pushes = await stand.simulator.ledger({ path: PUSH });
    const next = pushes.find(({ seq }) => seq > trial.seq);
    // A lease lives five seconds longer than its call may; it began a moment before the call came in.
    const gapMs = (next?.receivedAt ?? 0) - trial.receivedAt;
    expect(gapMs).toBeGreaterThan(2_000 + 5_000 - 1_000);
    const causes = (await readTransitions(stand.database)).map(({ cause }) => cause);
    expect(causes.filter((cause) => cause === 'recovered')).toHaveLength(1);
    expect(causes.at(-1)).toBe('recovered');
    expect((await stand.reconcile({ lostAnswers: new Set([trial.key ?? '']) })).problems).toEqual([]);
  });

  it('with all others while the queue is paused: those started later try, close and drain, by themselves', async () => {
    // No call may time out on a busy machine: the API would have taken its sale all the same.
    stand = await startStand({
      env: { CIRCUIT_OPEN: '3000', CIRCUIT_OPEN_MAX: '3000', CONEXXUS_TIMEOUT: '20000' },
    });
    await stand.simulator.setMode(503);
    const workers = await stand.startWorkers(8);
    await stand.enqueue(makeSales(200));
    await eventually(async () => {
      expect(await stand.queue.isPaused()).toBe(true);
      expect(await stand.queue.getActiveCount()).toBe(0);
    }, 30_000);
    for (const worker of workers) worker.signal('SIGKILL');
    await Promise.all(workers.map(({ exited }) => exited));
    await stand.simulator.setMode('ok');
    expect(await stand.queue.isPaused()).toBe(true);
    await eventually(async () => expect(await isDue()).toBe(true), 30_000);

    await stand.startWorkers(8);
    await untilDelivered(200);
    expect(await stand.queue.isPaused()).toBe(false);
    expect((await readTransitions(stand.database)).at(-1)).toMatchObject({ cause: 'recovered' });
    expect(await stand.reconcile()).toMatchObject({ delivered: 200, deadLettered: 0, problems: [] });
  });
});
