import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { openPostgres } from '../../src/base/postgres.ts';
import { eventually } from '../support/eventually.ts';
import { buildPreviousRelease, NO_PREVIOUS_RELEASE } from '../support/previous-release.ts';
import { type RunningProcess, startProcess } from '../support/process.ts';
import { makeSales } from '../support/sales.ts';
import { type Stand, startStand } from '../support/stand.ts';
import { migrationsIn, waysBack } from '../support/ways-back.ts';

const row = NO_PREVIOUS_RELEASE === undefined ? it : it.skip;
const why = NO_PREVIOUS_RELEASE === undefined ? '' : ` (skipped: ${NO_PREVIOUS_RELEASE})`;

let previous: ReturnType<typeof buildPreviousRelease>;
let stand: Stand;

beforeAll(async () => {
  stand = await startStand({ simulator: { latency: { kind: 'fixed', ms: 20 } } });
  if (NO_PREVIOUS_RELEASE === undefined) previous = buildPreviousRelease();
}, 120_000);

afterAll(async () => {
  await stand.close();
  if (NO_PREVIOUS_RELEASE === undefined) previous.remove();
});

/** As it was before this release's migrations. */
async function goBack(): Promise<void> {
  const known = new Set(migrationsIn(previous.folder));
  const person = openPostgres(stand.databaseUrl, { max: 1 });
  for (const { migration, statements } of waysBack()) {
    if (!known.has(migration)) await person.unsafe(statements);
  }
  await person.end();
}

async function untilAtRest(): Promise<void> {
  await eventually(async () => {
    const counts = await stand.queue.getJobCounts('waiting', 'active', 'delayed', 'prioritized');
    expect(counts).toEqual({ waiting: 0, active: 0, delayed: 0, prioritized: 0 });
    expect(await stand.redis.xlen(`{${stand.namespace}}:events`)).toBe(0);
  }, 60_000);
}

const recordedBy = ({ logs }: RunningProcess) => logs.filter(({ msg }) => msg === 'attempt recorded').length;

describe('an update', () => {
  row(
    `is no outage: the release before works beside this one, on one queue and one circuit${why}`,
    async () => {
      await goBack();
      const old = await stand.startWorker({}, join(previous.folder, 'dist', 'worker.js'));
      await stand.enqueue(makeSales(20, 'old-alone'));
      await untilAtRest();

      const migration = startProcess('dist/cli.js', stand.env, ['migrate']);
      expect(await migration.exited).toEqual({ code: 0, signal: null });
      const young = await stand.startWorker();
      await stand.enqueue(makeSales(300, 'both'));
      const { jobId } = await stand.producer.fetchInventory({ locationId: 'store-1' });
      stand.accept(jobId);
      await untilAtRest();
      const recorded = [recordedBy(old), recordedBy(young)];
      expect(Math.min(...recorded)).toBeGreaterThan(10);

      await stand.simulator.setMode(503);
      await stand.enqueue(makeSales(100, 'outage'));
      await eventually(async () => expect(await stand.queue.isPaused()).toBe(true));
      await stand.simulator.setMode('ok');
      await untilAtRest();
      await stand.enqueue(makeSales(100, 'last'));
      expect(await old.stop()).toEqual({ code: 0, signal: null });
      await untilAtRest();
      expect(await stand.reconcile()).toMatchObject({ accepted: 521, delivered: 521, problems: [] });
    },
    180_000,
  );
});
