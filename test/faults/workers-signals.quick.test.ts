import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, describe, expect, it } from '@jest/globals';
import { eventually } from '../support/eventually.ts';
import { type RunningProcess, startCommand } from '../support/process.ts';
import { makeSales } from '../support/sales.ts';
import { type FaultStand, startFaultStand } from './fault-stand.ts';

let stand: FaultStand;
let worker: RunningProcess;

afterEach(async () => {
  await worker.stop();
  await stand.close();
});

const UNSHARE = ['--pid', '--fork', '--kill-child'];
/** Longer than what counts as one and the same signal, and shorter than the grace period. */
const LATER_MS = 1_300;

/** With two calls that hang. */
async function startHanging(command: string, args: readonly string[]): Promise<string[]> {
  stand = await startFaultStand({ env: { SHUTDOWN_TIMEOUT: '2000', CONEXXUS_TIMEOUT: '30000' } });
  await stand.simulator.setFaults([{ match: { times: 2 }, fault: { kind: 'hang' } }]);
  worker = startCommand(command, args, stand.env);
  await worker.waitForLog('worker started', 30_000);
  const ids = await stand.enqueue(makeSales(2));
  await stand.simulator.waitFor({ inFlight: 2 });
  return ids;
}

/** Nobody goes on behind our back: the next worker has them for itself. */
async function expectHandedBack(ids: readonly string[]): Promise<void> {
  expect(await worker.exited).toEqual({ code: 0, signal: null });
  expect(await stand.states(ids)).toEqual(['waiting', 'waiting']);
  expect(await stand.attemptsSpent(ids)).toBe(0);
  await eventually(async () => expect((await stand.simulator.summary()).inFlight).toBe(0));
  await stand.startWorker();
  await stand.untilAtRest();
  await stand.expectSums();
}

describe('a worker in the middle of a call that hangs', () => {
  it('[79] hands back and exits 0 on SIGTERM to `npm run worker` alone', async () => {
    const ids = await startHanging('npm', ['run', 'worker']);
    worker.signal('SIGTERM');
    await expectHandedBack(ids);
  });

  it('[79] the same where SIGTERM comes twice, at once and later', async () => {
    const ids = await startHanging('npm', ['run', 'worker']);
    worker.signal('SIGTERM');
    worker.signal('SIGTERM');
    await delay(LATER_MS);
    worker.signal('SIGTERM');
    await expectHandedBack(ids);
  });

  const obstacle = namespaceObstacle();
  const row = obstacle === undefined ? it : it.skip;
  const why = obstacle === undefined ? '' : ` (skipped: ${obstacle})`;

  row(`[79] the same as process 1, which no signal ends by default${why}`, async () => {
    const ids = await startHanging('unshare', [...UNSHARE, process.execPath, 'dist/worker.js']);
    process.kill(childOf(worker.pid), 'SIGTERM');
    await expectHandedBack(ids);
  });
});

/** `unshare` passes no signal on. */
function childOf(pid: number): number {
  return Number(readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8'));
}

function namespaceObstacle(): string | undefined {
  try {
    execFileSync('unshare', [...UNSHARE, 'true'], { stdio: 'ignore' });
    return undefined;
  } catch {
    return 'a process namespace of its own is not permitted here';
  }
}
