import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmdirSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, describe, expect, it } from '@jest/globals';
import { freePort } from '../../scripts/services/machine.ts';
import type { PrivateServer } from '../../scripts/services/service.ts';
import { startPrivateRedis } from '../../scripts/services.ts';
import { fieldsOf } from '../../src/base/redis-memory.ts';
import { eventually } from '../support/eventually.ts';
import { makeSales } from '../support/sales.ts';
import { findings } from './doctor-findings.ts';
import { type FaultStand, SALES_PATH, startFaultStand } from './fault-stand.ts';

let server: PrivateServer;
let stand: FaultStand;

afterEach(async () => {
  await stand.close();
  await server.stop();
});

/** Longer than the lock of a job, which can't be renewed meanwhile. */
const REFUSING_MS = 8_000;

/** A way to have real writes to disk fail, and to have them succeed again. */
interface Obstacle {
  /** What `doctor` says of it, by name. */
  readonly said: Readonly<Record<string, RegExp>>;
  place(): Promise<void>;
  remove(): Promise<void>;
}

async function persistence(field: string): Promise<string> {
  return fieldsOf(await stand.redis.info('persistence'))(field);
}

/** A folder where the snapshot's file belongs: what was written cannot be put in its place. */
async function blockedSnapshot(): Promise<Obstacle> {
  const [, folder = ''] = await stand.redis.config('GET', 'dir');
  const snapshot = join(folder, 'dump.rdb');
  await stand.redis.config('SET', 'save', '3600 1000000');
  const snapshotEnds = async (status: string) => {
    await stand.redis.call('BGSAVE');
    await eventually(async () => expect(await persistence('rdb_last_bgsave_status')).toBe(status));
  };
  return {
    said: { 'Redis saving': /the last snapshot failed: .*run BGSAVE/ },
    async place() {
      rmSync(snapshot, { force: true });
      mkdirSync(snapshot);
      await snapshotEnds('err');
    },
    async remove() {
      rmdirSync(snapshot);
      await snapshotEnds('ok');
    },
  };
}

const disk = mkdtempSync(join(tmpdir(), 'conexxus-small-disk-'));

/** The disk of the append-only file, full. */
function fullDisk(): Obstacle {
  const filler = join(disk, 'filler');
  return {
    said: {
      'Redis saving': /the last write to the append-only file failed: .*free its disk/,
      'Redis disk': /^0 B free: a rewrite of its file needs \d+ MB/,
    },
    async place() {
      const { bavail, bsize } = statfsSync(disk);
      writeFileSync(filler, Buffer.alloc(bavail * bsize));
      await eventually(async () => {
        await stand.redis.call('SET', 'anything', 'x'.repeat(10_000)).catch(() => undefined);
        expect(await persistence('aof_last_write_status')).toBe('err');
      });
    },
    async remove() {
      rmSync(filler);
      await eventually(async () => expect(await persistence('aof_last_write_status')).toBe('ok'));
    },
  };
}

function mountSmallDisk(): string | undefined {
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=8m', 'tmpfs', disk], { stdio: 'pipe' });
  } catch {
    return 'mounting a small tmpfs is not permitted here';
  }
  return undefined;
}

async function readiness(port: number): Promise<unknown> {
  const answer = await fetch(`http://127.0.0.1:${port}/health/ready`);
  const body: unknown = await answer.json();
  return { status: answer.status, redis: Reflect.get(Object(Reflect.get(Object(body), 'checks')), 'redis') };
}

async function expectRefusals(port: number, said: Obstacle['said']): Promise<void> {
  await expect(stand.enqueue(makeSales(1, 'refused'))).rejects.toMatchObject({
    code: 'QUEUE_UNAVAILABLE',
    message: expect.stringMatching(/Redis refuses writes, since it could not save .*\(MISCONF\)/),
  });
  await eventually(async () =>
    expect(await readiness(port)).toMatchObject({
      status: 503,
      redis: { status: 'failed', reason: expect.stringMatching(/MISCONF/) },
    }),
  );
  const wrong = await findings(stand);
  for (const [name, text] of Object.entries({ ...said, 'Redis writes': /MISCONF/ })) {
    expect(wrong[name]).toMatch(text);
  }
  await delay(REFUSING_MS);
  expect((await stand.simulator.summary()).byPath[SALES_PATH]).toBe(6);
}

/** With six calls in flight, three of each worker. */
async function writesRefusedAndTaken(obstacleOf: () => Obstacle | Promise<Obstacle>): Promise<void> {
  const port = await freePort();
  const env = { WORKER_CONCURRENCY: '3', WORKER_HEALTH_PORT: String(port) };
  stand = await startFaultStand({ redisUrl: server.url, env });
  const obstacle = await obstacleOf();
  await stand.startWorker();
  await stand.startWorker({ WORKER_HEALTH_PORT: '0' });
  await stand.simulator.setFaults([
    { match: { times: 6 }, fault: { kind: 'slow', latency: { kind: 'fixed', ms: 1_500 } } },
  ]);
  await stand.enqueue(makeSales(20));
  await stand.simulator.waitFor({ inFlight: 6 });
  await obstacle.place();
  try {
    await expectRefusals(port, obstacle.said);
  } finally {
    await obstacle.remove();
  }
  await stand.enqueue(makeSales(5, 'after'));
  await stand.untilAtRest(30_000);
  await eventually(async () =>
    expect(await readiness(port)).toMatchObject({ status: 200, redis: { status: 'ok' } }),
  );
  expect(await stand.reconcile()).toMatchObject({ accepted: 25, delivered: 25, problems: [] });
  expect((await stand.simulator.summary()).byPath[SALES_PATH]).toBe(25);
}

describe('Redis that cannot save what it is given', () => {
  it('[74] failed snapshot: the producer is told why, no new call, outcomes recorded later, one call a sale', async () => {
    server = await startPrivateRedis();
    await writesRefusedAndTaken(blockedSnapshot);
  });

  const refusal = mountSmallDisk();
  const row = refusal === undefined ? it : it.skip;
  const why = refusal === undefined ? '' : ` (skipped: ${refusal})`;

  row(`[74] full disk of the append-only file: the same${why}`, async () => {
    server = await startPrivateRedis({ args: ['--dir', disk] });
    await writesRefusedAndTaken(fullDisk);
  });
});
