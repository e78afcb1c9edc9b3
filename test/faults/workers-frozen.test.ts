import { afterEach, describe, expect, it } from '@jest/globals';
import { eventually } from '../support/eventually.ts';
import type { RunningProcess } from '../support/process.ts';
import { makeSales } from '../support/sales.ts';
import { type FaultStand, SALES_PATH, startFaultStand } from './fault-stand.ts';
import { succeedInATrial } from './trial-by-hand.ts';

let stand: FaultStand;

afterEach(async () => {
  await stand.close();
});

/** The lines in which a worker said what came of its calls. */
function recorded(worker: RunningProcess) {
  return worker.logs.filter(({ msg }) => msg === 'attempt recorded').map(({ circuit }) => circuit);
}

/** A worker that freezes in the middle of its call, and another that does the job meanwhile. */
async function freezeInACall(
  entry: string,
  freeze: (worker: RunningProcess) => void,
): Promise<RunningProcess> {
  stand = await startFaultStand({ env: { CONEXXUS_TIMEOUT: '30000', BLOCK_MS: '14000' } });
  const slow = { kind: 'slow', latency: { kind: 'fixed', ms: 1_000 } } as const;
  await stand.simulator.setFaults([{ match: { times: 1 }, fault: slow }]);
  const frozen = await stand.startWorker({}, entry);
  const [id = ''] = await stand.enqueue(makeSales(1));
  await stand.simulator.waitFor({ inFlight: 1 });
  freeze(frozen);
  stand.lostAnswers.add(id);
  const other = await stand.startWorker();
  await eventually(async () => expect(await stand.queue.getJobState(id)).toBe('completed'), 13_000);
  expect(recorded(frozen)).toEqual([]);
  expect(recorded(other)).toEqual([
    { kind: 'recorded', state: 'closed', moved: false, verdict: null, waitMs: null },
  ]);
  return frozen;
}

async function expectStale(frozen: RunningProcess): Promise<void> {
  await frozen.waitForLog('attempt recorded', 20_000);
  expect(recorded(frozen)).toMatchObject([{ kind: 'stale', state: 'closed', moved: false }]);
  await stand.untilAtRest();
  expect(await stand.queue.getJobCounts('completed', 'failed')).toEqual({ completed: 1, failed: 0 });
  const rows = await stand.database.sql`
    select payload->>'stale' as stale from event_log where event_type like 'conexxus.sync.%' order by "timestamp"`;
  expect([...rows]).toEqual([{ stale: null }, { stale: 'true' }]);
  await stand.expectSums();
  expect((await stand.simulator.summary()).applied).toBe(1);
  // It goes on as if nothing had been.
  await stand.enqueue(makeSales(20, 'after'));
  await stand.untilAtRest();
  await stand.expectSums();
}

describe('workers that freeze', () => {
  it('[24] SIGSTOP longer than the lock, then SIGCONT: another did it, the stale one moves nothing', async () => {
    const frozen = await freezeInACall('dist/worker.js', (worker) => worker.signal('SIGSTOP'));
    frozen.signal('SIGCONT');
    await expectStale(frozen);
  });

  it('[25] event loop blocked longer than the lock: another did it, the stale one moves nothing', async () => {
    const frozen = await freezeInACall('test/faults/worker-that-blocks.ts', (worker) =>
      worker.signal('SIGUSR2'),
    );
    await expectStale(frozen);
  });

  it('[32] results of an older epoch arrive: logged, and they move nothing', async () => {
    stand = await startFaultStand({ env: { CONEXXUS_TIMEOUT: '30000' } });
    const late = { kind: 'status', status: 500, latency: { kind: 'fixed', ms: 6_000 } } as const;
    await stand.simulator.setFaults([{ match: { path: SALES_PATH, times: 5 }, fault: late, name: 'late' }]);
    const worker = await stand.startWorker();
    const lateIds = await stand.enqueue(makeSales(5, 'late'));
    await stand.simulator.waitFor({ inFlight: 5 });
    await stand.simulator.setMode(503);
    await stand.enqueue(makeSales(5, 'others'));
    await stand.untilPaused();
    await stand.simulator.setMode('ok');
    await eventually(async () => expect((await stand.circuit.status()).phase).toBe('trials'));
    // The queue gives no job for a trial while more jobs than trials are active.
    await succeedInATrial(stand, 'by-hand-1');
    await succeedInATrial(stand, 'by-hand-2');
    const { epoch } = await stand.circuit.status();
    expect((await stand.simulator.summary()).inFlight).toBe(5);

    // A slot may have called one of the others again before the fifth failure: that one is stale while it is open.
    const lateOnes = () =>
      recorded(worker).filter((recording) => isStale(recording) && stateOf(recording) === 'closed');
    await eventually(() => expect(lateOnes()).toHaveLength(5));
    expect(await stand.circuit.status()).toMatchObject({ state: 'closed', epoch, failures: 0 });
    await stand.untilAtRest(30_000);
    const rows = await stand.database.sql`
      select distinct aggregate_id from event_log
      where payload->>'stale' = 'true' and payload->>'httpStatus' = '500'`;
    expect(rows.map(({ aggregate_id }) => String(aggregate_id)).sort()).toEqual([...lateIds].sort());
    expect(await stand.circuit.status()).toMatchObject({ state: 'closed', epoch });
    await stand.expectSums();
  });
});

function isStale(recording: unknown): boolean {
  return typeof recording === 'object' && recording !== null && Reflect.get(recording, 'kind') === 'stale';
}

function stateOf(recording: unknown): unknown {
  return typeof recording === 'object' && recording !== null ? Reflect.get(recording, 'state') : undefined;
}
