import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { PrivateServer } from '../../scripts/services/service.ts';
import { startPrivateRedis } from '../../scripts/services.ts';
import { readMemory } from '../../src/base/redis-memory.ts';
import type { PushSales } from '../../src/index.ts';
import { eventually } from '../support/eventually.ts';
import { makeSales } from '../support/sales.ts';
import { findings } from './doctor-findings.ts';
import { type FaultStand, startFaultStand } from './fault-stand.ts';

const MB = 2 ** 20;
const ROUND = 20;

let server: PrivateServer;
let stand: FaultStand;

beforeEach(async () => {
  server = await startPrivateRedis();
});

afterEach(async () => {
  await stand.close();
  await server.stop();
});

/** Of 100 KB each, so that a few megabytes are soon full. */
function heavySales(batch: string): PushSales[] {
  return makeSales(ROUND, batch).map((sale) => ({ ...sale, note: 'x'.repeat(100_000) }));
}

/** Of what is in use now; the limit takes effect at once. */
async function leaveRoom(megabytes: number): Promise<void> {
  const { used } = await readMemory(stand.redis);
  await stand.redis.config('SET', 'maxmemory', String(used + megabytes * MB));
}

async function deliver(batch: string): Promise<string[]> {
  const ids = await stand.enqueue(heavySales(batch));
  await stand.untilAtRest();
  return ids;
}

const finishedIds = () => stand.redis.zrange(stand.queue.toKey('completed'), '0', '-1');

describe('Redis at its limit because of what is finished', () => {
  it('[75] COMPLETED_MAX bounds it, the oldest go first: every sale is taken, ten times what fits', async () => {
    stand = await startFaultStand({ redisUrl: server.url, env: { COMPLETED_MAX: String(ROUND) } });
    await stand.startWorkers(2);
    await leaveRoom(8);
    let last: string[] = [];
    for (let round = 0; round < 40; round += 1) last = await deliver(`row-75-${round}`);
    expect((await finishedIds()).sort()).toEqual(last.sort());
    expect(await stand.reconcile()).toMatchObject({
      accepted: 40 * ROUND,
      delivered: 40 * ROUND,
      problems: [],
    });
  });

  it('[75] full all the same: finished jobs make room, and what is accepted then is delivered', async () => {
    stand = await startFaultStand({ redisUrl: server.url });
    const before = await stand.startWorker();
    const old = [...(await deliver('row-75-old')), ...(await deliver('row-75-older'))];
    await before.stop();
    await leaveRoom(-1);
    await expect(stand.enqueue(heavySales('row-75-new'))).rejects.toMatchObject({ code: 'QUEUE_FULL' });
    expect(await findings(stand)).toMatchObject({
      'Redis memory': expect.stringMatching(
        /^nearly full, .*: finished jobs 40 \(4\.\d MB\), .*; lower COMPLETED_MAX$/,
      ),
      'Redis writes': expect.stringMatching(/^refused: Redis is at its maxmemory \(OOM\)/),
    });

    const worker = await stand.startWorker();
    const fresh = await eventually(() => stand.enqueue(heavySales('row-75-new')), 20_000);
    await stand.untilAtRest();
    await worker.waitForLog('Redis is nearly full: the oldest finished jobs made room for sales');
    expect((await finishedIds()).filter((id) => old.includes(id)).length).toBeLessThan(old.length);
    // Known all the same: the mark of a delivery does not go with its job.
    const again = await stand.producer.pushSalesMany(heavySales('row-75-old'));
    expect(new Set(again.map(({ status }) => status))).toEqual(new Set(['known']));
    expect(await stand.reconcile()).toMatchObject({
      accepted: old.length + fresh.length,
      delivered: old.length + fresh.length,
      problems: [],
    });
  });
});
