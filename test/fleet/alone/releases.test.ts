import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { eventually } from '../../support/eventually.ts';
import type { RunningProcess } from '../../support/process.ts';
import { makeSales } from '../../support/sales.ts';
import { type Fleet, happens, OPEN_MS, startFleet, tellFigures } from './fleet.ts';

const REJECTIONS = 50;
const BUGGY = 'test/faults/worker-with-a-bug.ts';

let fleet: Fleet;

beforeEach(async () => {
  fleet = await startFleet({ env: { CIRCUIT_REJECTIONS: String(REJECTIONS) } });
});

afterEach(() => fleet.close());

/** Workers of a release that throws on every job: `bad-1` and so on. */
function startBad(count: number): Promise<RunningProcess[]> {
  const names = Array.from({ length: count }, (_, index) => `bad-${index + 1}`);
  return Promise.all(names.map((name) => fleet.startNamed(name, { BUG_BITES: 'every' }, BUGGY)));
}

const dead = () => fleet.queue.getFailedCount();

describe('a release that throws on every job', () => {
  it('[65] beside an old worker: each is benched until it restarts, and the old one delivers the rest', async () => {
    const old = await fleet.startWell(1);
    const bad = await startBad(3);
    await fleet.calm();
    const jobIds = await fleet.enqueue(makeSales(1_000));
    await fleet.untilAtRest(60_000);
    const buried = await dead();
    const benched = new Set((await fleet.workerEvents('benched')).map(({ worker }) => worker));
    tellFigures('65: an old one beside it', {
      'dead letters': buried,
      delivered: await fleet.queue.getCompletedCount(),
      benched: benched.size,
      openings: (await fleet.openings()).length,
    });
    expect(buried).toBeLessThanOrEqual(REJECTIONS);
    expect([...benched].sort()).toEqual(['bad-1', 'bad-2', 'bad-3']);
    expect((await fleet.status()).benched).toContainEqual(
      expect.objectContaining({ worker: 'bad-1', cause: expect.any(String), retryAt: null }),
    );
    expect(await fleet.reconcile()).toMatchObject({ delivered: jobIds.length - buried, problems: [] });

    // The good release takes their place, under their names, and the old one goes too.
    await Promise.all([...old, ...bad].map((worker) => worker.stop()));
    await fleet.startNamed('bad-1');
    const more = await fleet.enqueue(makeSales(100, 'after'));
    await fleet.untilAtRest();
    const delivered = (await fleet.attempts(more)).filter((attempt) => attempt.delivered);
    expect(new Set(delivered.map(({ worker }) => worker))).toEqual(new Set(['bad-1']));
    await eventually(async () => expect((await fleet.status()).benched).toEqual([]));
    await fleet.expectSums();
  });

  it('[65] alone: stops at CIRCUIT_REJECTIONS, and a good release delivers the rest', async () => {
    const bad = await startBad(2);
    await fleet.calm();
    const jobIds = await fleet.enqueue(makeSales(300));
    const stopped = await happens(() => fleet.untilPaused(), 1_000);
    // Time enough for the health call, and for a trial to be buried too.
    await delay(OPEN_MS + 2_500);
    const buried = await dead();
    tellFigures('65: no other beside it', {
      'dead letters': buried,
      paused: stopped,
      openings: (await fleet.openings()).join(', ') || 'none',
    });
    expect(buried).toBeLessThanOrEqual(REJECTIONS);
    expect(await fleet.openings()).toContain('rejecting');

    await Promise.all(bad.map((worker) => worker.stop()));
    await fleet.startNamed('good');
    await fleet.untilAtRest(60_000);
    expect(await fleet.reconcile()).toMatchObject({
      delivered: jobIds.length - (await dead()),
      problems: [],
    });
    expect(await dead()).toBeLessThanOrEqual(REJECTIONS);
    await fleet.expectSums();
  });
});

describe('a release that throws on one job', () => {
  it('[65] buries it alone: nobody is benched, and the others flow', async () => {
    await Promise.all(['one', 'two'].map((name) => fleet.startNamed(name, {}, BUGGY)));
    await fleet.calm();
    const sales = makeSales(60).map((sale, n) => (n === 7 ? { ...sale, locationId: 'poison' } : sale));
    const jobIds = await fleet.enqueue(sales);
    await fleet.untilAtRest();
    expect(await fleet.reconcile()).toMatchObject({ delivered: 59, deadLettered: 1, problems: [] });
    expect(await fleet.states([jobIds[7] ?? ''])).toEqual(['failed']);
    expect(await fleet.workerEvents('benched')).toEqual([]);
    expect(await fleet.openings()).toEqual([]);
  });
});
