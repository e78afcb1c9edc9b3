import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { PrivateServer } from '../../scripts/services/service.ts';
import { startPrivateRedis } from '../../scripts/services.ts';
import { runCommand } from '../cli/command.ts';
import { startProcess } from '../support/process.ts';
import { type OutboxStand, startOutboxStand } from './outbox-stand.ts';

let server: PrivateServer;
let stand: OutboxStand;

beforeEach(async () => {
  server = await startPrivateRedis();
  stand = await startOutboxStand({ redisUrl: server.url });
});

afterEach(async () => {
  await stand.close();
  await server.stop();
});

const COUNT = 10_000;

describe('the example of a POS', () => {
  it('rings up 10,000 sales while Redis is stopped, started and wiped: each arrives, the books balance to the cent', async () => {
    await stand.startWorkers(2);
    await stand.startRelay();
    const pos = startProcess('scripts/examples/pos-with-postgres.ts', { DATABASE_URL: stand.databaseUrl }, [
      String(COUNT),
    ]);
    await rungUp(COUNT / 5);
    await server.halt('fast');
    await rungUp((2 * COUNT) / 5);
    await server.start();
    await rungUp((3 * COUNT) / 5);
    await stand.redis.flushall();
    expect(await pos.exited).toEqual({ code: 0, signal: null });

    await stand.untilSettled(['delivered'], 90_000);
    const ids = (await stand.till<{ id: string }[]>`select id from receipts`).map(({ id }) => id);
    const applied = await stand.applied();
    expect([ids.length, new Set(applied.keys())]).toEqual([COUNT, new Set(ids)]);
    // What was delivered before the wipe and not yet in Postgres goes again, under its key: the API knows it by that.
    expect([...applied].filter(([, times]) => times !== 1)).toEqual([]);
    expect([...(await stand.keys())].filter(([, keys]) => keys.size !== 1)).toEqual([]);
    await expectBalanced(ids);
  }, 240_000);
});

/** By the command that a store uses at closing time, against the till's own list. */
async function expectBalanced(ids: readonly string[]): Promise<void> {
  const [day] = await stand.till<{ date: string }[]>`select min(date)::text as date from conexxus_sales`;
  const folder = await mkdtemp(join(tmpdir(), 'z-'));
  try {
    const list = join(folder, 'z.csv');
    await writeFile(list, ['transaction_id,total', ...ids.map((id) => `${id},10.99`)].join('\n'));
    const args = ['books', '--date', day?.date ?? '', '--compare', list, '--json'];
    const { code, out, err } = await runCommand(args, { OUTBOX_DATABASE_URL: stand.databaseUrl });
    expect({ code, err }).toEqual({ code: 0, err: '' });
    const money = String((COUNT * 1_099) / 100);
    expect(JSON.parse(out)).toMatchObject({
      total: { sales: { sold: { count: COUNT, money }, delivered: { count: COUNT, money } } },
      compared: { difference: '0', missing: { count: 0 }, unknown: { count: 0 } },
    });
  } finally {
    await rm(folder, { recursive: true });
  }
}

async function rungUp(count: number): Promise<void> {
  for (;;) {
    const [row] = await stand.till<{ count: number }[]>`
      select count(*)::int as count from information_schema.tables where table_name = 'receipts'`;
    if (row?.count === 1) {
      const [receipts] = await stand.till<{ count: number }[]>`select count(*)::int as count from receipts`;
      if ((receipts?.count ?? 0) >= count) return;
    }
    await delay(50);
  }
}
