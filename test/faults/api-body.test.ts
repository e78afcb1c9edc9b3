import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { makeSales } from '../support/sales.ts';
import { type FaultStand, SALES_PATH, startFaultStand } from './fault-stand.ts';

const MB = 2 ** 20;
const ANSWERS = 4;

let stand: FaultStand;

beforeAll(async () => {
  // Never cut by the clock: the row is about size.
  stand = await startFaultStand({ env: { CONEXXUS_TIMEOUT: '60000', WORKER_CONCURRENCY: '1' } });
}, 60_000);

afterAll(() => stand.close());

/** The most memory that a process ever had, in bytes. */
function peakMemory(pid: number): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  return Number(/^VmHWM:\s+(\d+) kB$/m.exec(status)?.[1]) * 1_024;
}

const onLinux = process.platform === 'linux' ? describe : describe.skip;

onLinux('an answer without end (skipped where there is no /proc to read memory from)', () => {
  it('[12] a body of 1 GB: refused at 50 MB, memory flat', async () => {
    const worker = await stand.startWorker();
    await stand.enqueue(makeSales(5, 'row-12-warm'));
    await stand.untilAtRest();
    const before = peakMemory(worker.pid);
    await stand.simulator.setFaults([
      { match: { path: SALES_PATH, times: ANSWERS }, fault: { kind: 'hugeBody' } },
    ]);
    const jobIds = await stand.enqueue(makeSales(ANSWERS, 'row-12'));
    await stand.untilAtRest(60_000);

    const failures = await stand.failures(jobIds);
    expect(failures).toHaveLength(ANSWERS);
    for (const failure of failures) {
      expect(failure).toMatchObject({ outcome: 'transient', code: 'answer_too_large' });
    }
    // One body of 50 MB, and what of its predecessors the garbage collector left lying.
    expect(peakMemory(worker.pid) - before).toBeLessThan(150 * MB);
    for (const jobId of jobIds) stand.lostAnswers.add(jobId);
    await stand.expectSums();
  }, 120_000);
});
