import { execFileSync } from 'node:child_process';
import { chownSync, mkdtempSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { freePort, unprivilegedIdentity } from '../../scripts/services/machine.ts';
import { findPostgres } from '../../scripts/services/postgres.ts';
import { eventually } from '../support/eventually.ts';
import { makeSales } from '../support/sales.ts';
import { type PostgresStand, startPostgresStand } from './postgres-server.ts';

const disk = mkdtempSync(join(tmpdir(), 'conexxus-small-disk-'));
const BACKLOG_MAX = 40;
const SALES = 800;

/** Why this row can't be done here, or undefined with the small disk mounted. */
async function mountSmallDisk(): Promise<string | undefined> {
  if ((await findPostgres(process.env['PATH'])) === undefined) return 'no Postgres server on this machine';
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=24m', 'tmpfs', disk], { stdio: 'pipe' });
  } catch {
    return 'mounting a small tmpfs is not permitted here';
  }
  return undefined;
}

const obstacle = await mountSmallDisk();
let stand: PostgresStand;

beforeAll(async () => {
  if (obstacle !== undefined) return;
  const identity = unprivilegedIdentity();
  if (identity) chownSync(disk, identity.uid, identity.gid);
  stand = await startPostgresStand({ env: { EVENT_BACKLOG_MAX: String(BACKLOG_MAX) } }, async (admin) => {
    await admin.unsafe(`create tablespace small location '${disk}'`);
    await admin`create database on_small_disk tablespace small`;
    const url = new URL(`postgres://postgres@127.0.0.1:${admin.options.port[0]}/on_small_disk`);
    return url.href;
  });
});

afterAll(async () => {
  if (obstacle === undefined) {
    await stand.close();
    execFileSync('umount', [disk]);
  }
  rmSync(disk, { recursive: true });
});

async function readiness(port: number): Promise<unknown> {
  const answer = await fetch(`http://127.0.0.1:${port}/health/ready`);
  const body: unknown = await answer.json();
  return { status: answer.status, checks: Reflect.get(Object(body), 'checks') };
}

describe('the disk of Postgres', () => {
  const row = obstacle === undefined ? it : it.skip;
  const why = obstacle === undefined ? '' : ` (skipped: ${obstacle})`;

  row(`[46] full: intake pauses at the backlog limit, health is red, nothing is lost${why}`, async () => {
    const port = await freePort();
    await stand.startWorker({ WORKER_HEALTH_PORT: String(port) });
    await stand.enqueue(makeSales(20, 'before'));
    await stand.untilAtRest();
    expect(await readiness(port)).toMatchObject({ status: 200 });
    const { bavail, bsize } = statfsSync(disk);
    writeFileSync(join(disk, 'filler'), Buffer.alloc(bavail * bsize));

    // Slow enough that the pause, which may take a second, comes long before the last one.
    await stand.simulator.setSettings({ latency: { kind: 'fixed', ms: 50 } });
    await stand.enqueue(makeSales(SALES));
    await stand.untilPaused();
    await eventually(async () => expect(await stand.queue.getActiveCount()).toBe(0));
    const backlog = await stand.redis.xlen(`{${stand.namespace}}:events`);
    expect(backlog).toBeGreaterThanOrEqual(BACKLOG_MAX);
    const { requests } = await stand.simulator.summary();
    expect(requests).toBeLessThan(SALES);
    await eventually(async () =>
      expect(await readiness(port)).toMatchObject({
        status: 503,
        checks: { postgres: { status: 'failed' }, events: { status: 'failed' }, redis: { status: 'ok' } },
      }),
    );
    expect((await stand.simulator.summary()).requests).toBe(requests);

    rmSync(join(disk, 'filler'));
    await stand.untilAtRest(60_000);
    expect(await stand.reconcile()).toMatchObject({
      delivered: 20 + SALES,
      succeededRows: 20 + SALES,
      problems: [],
    });
    await eventually(async () => expect(await readiness(port)).toMatchObject({ status: 200 }));
  });
});
