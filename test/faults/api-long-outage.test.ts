import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, describe, expect, it } from '@jest/globals';
import { eventually } from '../support/eventually.ts';
import { type ProcessLoad, processLoad } from '../support/process-load.ts';
import { makeSales } from '../support/sales.ts';
import { readTransitions } from '../support/transitions.ts';
import { type FaultStand, SALES_PATH, startFaultStand } from './fault-stand.ts';

const BACKLOG = 100_000;
const WORKERS = 2;
const SLOTS = 25;
const THRESHOLD = 5;
const TRIALS = 2;
/** Eight hours, and the open times of the defaults: as short as those may be. */
const COMPRESSED = 600;
const OUTAGE_MS = (8 * 3_600_000) / COMPRESSED;
const OPEN = { CIRCUIT_OPEN: String(60_000 / COMPRESSED), CIRCUIT_OPEN_MAX: String(600_000 / COMPRESSED) };
const RAMP_STEP_MS = 1_000;
const MB = 2 ** 20;

let stand: FaultStand;

afterEach(() => stand.close());

const loads = () => Promise.all(stand.workers.map(({ pid }) => processLoad(pid)));
const rssOf = (all: readonly ProcessLoad[]) => Math.max(...all.map(({ rssBytes }) => rssBytes)) / MB;
const cpuOf = (all: readonly ProcessLoad[]) => all.reduce((total, { cpuSeconds }) => total + cpuSeconds, 0);

describe('an outage of eight hours, six hundred times faster', () => {
  it('[54] with 100,000 waiting: flat CPU and memory, no call but health calls; then a ramped drain', async () => {
    stand = await startFaultStand({
      env: {
        ...OPEN,
        RAMP_STEP: String(RAMP_STEP_MS),
        WORKER_CONCURRENCY: String(SLOTS),
        CIRCUIT_FAILURE_THRESHOLD: String(THRESHOLD),
        CIRCUIT_SUCCESS_THRESHOLD: String(TRIALS),
      },
    });
    await stand.simulator.setSettings({ latency: { kind: 'fixed', ms: 20 } });
    await stand.enqueue(makeSales(BACKLOG, 'row-54'));
    await stand.simulator.setMode(503);
    await stand.startWorkers(WORKERS);
    await stand.untilPaused();
    await eventually(async () => expect(await stand.queue.getActiveCount()).toBe(0));
    await delay(OUTAGE_MS / 10);

    const before = await loads();
    await delay(OUTAGE_MS / 2);
    const halfway = await loads();
    await delay(OUTAGE_MS / 2);
    const after = await loads();
    expect(rssOf(after)).toBeLessThan(rssOf(before) + 15);
    const firstHalf = cpuOf(halfway) - cpuOf(before);
    expect(cpuOf(after) - cpuOf(halfway)).toBeLessThan(1.5 * firstHalf + 0.2);
    const { byPath } = await stand.simulator.summary();
    // Before the fifth failure, a slot whose call had failed may have begun another one.
    expect(byPath[SALES_PATH]).toBeLessThan(WORKERS * SLOTS + THRESHOLD);
    expect(byPath['/api/v1/health']).toBeGreaterThan(30);

    await stand.simulator.setMode('ok');
    await stand.untilAtRest(300_000);
    await stand.expectSums();
    const closing = (await readTransitions(stand.database)).at(-1);
    expect(closing).toMatchObject({ to: 'closed', cause: 'recovered' });
    const closedAt = closing?.at ?? 0;
    const drain = (await stand.simulator.ledger({ path: SALES_PATH })).filter(
      ({ receivedAt }) => receivedAt > closedAt,
    );
    for (let step = 0; step < 4; step += 1) {
      const until = closedAt + (step + 1) * RAMP_STEP_MS;
      const calls = drain.filter(({ receivedAt }) => receivedAt < until).map((call) => call.inFlightOnPath);
      expect(Math.max(...calls)).toBeLessThanOrEqual(TRIALS * 2 ** step);
    }
    expect(Math.max(...drain.map((call) => call.inFlightOnPath))).toBeGreaterThan(TRIALS * 2 ** 3);
    expect(drain.length).toBeGreaterThan(BACKLOG - WORKERS * SLOTS - THRESHOLD - TRIALS);
  }, 600_000);
});
