import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { sql } from 'drizzle-orm';
import { drizzle } from 'drizzle-orm/postgres-js';
import { z } from 'zod';
import { openPostgres } from '../../src/base/postgres.ts';
import { lookQuery } from '../../src/outbox/look.ts';
import { eventually } from '../support/eventually.ts';
import { aSale, ringUp } from '../support/outbox.ts';
import { type OutboxStand, startOutboxStand } from './outbox-stand.ts';
import { itOnServer } from './postgres-server.ts';

let stand: OutboxStand;

beforeEach(async () => {
  stand = await startOutboxStand();
});
afterEach(() => stand.close());

/** So many sales of ten stores, a few at a time. Resolves to their ids. */
async function sell(
  prefix: string,
  { perSecond, forMs }: { perSecond: number; forMs: number },
): Promise<string[]> {
  const ids: string[] = [];
  const begun = performance.now();
  while (performance.now() - begun < forMs) {
    const due = Math.floor(((performance.now() - begun) * perSecond) / 1_000);
    while (ids.length < due) {
      const id = `${prefix}-${ids.length}`;
      await ringUp(stand.till, aSale(id, { locationId: `store-${ids.length % 10}` }));
      ids.push(id);
    }
    await delay(20);
  }
  return ids;
}

describe('several relays', () => {
  it.each(['replay', 'conflict'] as const)(
    '[84] of which one is killed each second, and a wiped Redis, lose and double nothing (the API answers a key again by %s)',
    async (idempotency) => {
      await stand.simulator.setSettings({ idempotency });
      await stand.startWorkers(2);
      for (let n = 0; n < 3; n += 1) await stand.startRelay();
      const selling = sell('s', { perSecond: 60, forMs: 12_000 });
      for (let n = 0; n < 8; n += 1) {
        await delay(1_000);
        const relay = stand.relays[n];
        relay?.signal('SIGKILL');
        await relay?.exited;
        await stand.startRelay();
        if (n === 4) await stand.wipeRedis();
      }
      const ids = await selling;
      // After the wipe a 409 is asked again for 155 s before it is believed.
      await stand.untilSettled(['delivered'], 240_000);
      const applied = await stand.applied();
      expect(new Set(applied.keys())).toEqual(new Set(ids));
      expect([...applied].filter(([, times]) => times !== 1)).toEqual([]);
      // Never under another key, for the API knows them by it.
      expect([...(await stand.keys())].filter(([, keys]) => keys.size !== 1)).toEqual([]);
    },
    300_000,
  );
});

describe('a POS', () => {
  itOnServer(
    '[81] commits while a relay stands still in the middle of its work, and while a till leaves its transaction open',
    async () => {
      const till = openPostgres(stand.databaseUrl, { max: 1 });
      await stand.startWorkers(1);
      const relay = await stand.startRelay();
      await till.unsafe('begin');
      await ringUp(till, aSale('open'));
      const ids: string[] = [];
      for (let round = 0; round < 10; round += 1) {
        const selling = sell(`r${round}`, { perSecond: 200, forMs: 300 });
        await delay(round * 20);
        relay.signal('SIGSTOP');
        ids.push(...(await selling));
        await stand.till.begin(async (tx) => {
          // Whatever the relay holds, nothing of it is in the way.
          await tx.unsafe(`set local lock_timeout = '50ms'`);
          await ringUp(tx, aSale(`while-${round}`));
        });
        ids.push(`while-${round}`);
        relay.signal('SIGCONT');
      }
      await till.unsafe('commit');
      await till.end();
      await stand.untilSettled();
      expect(new Set((await stand.applied()).keys())).toEqual(new Set([...ids, 'open']));
    },
  );

  it('[81] that had no relay for long finds all its sales delivered when there is one', async () => {
    await stand.till.unsafe(
      `select conexxus_enqueue('push_sales', jsonb_set($1::text::jsonb, '{transactions,0,id}', to_jsonb('s-' || n)))
       from generate_series(1, 20000) as n`,
      [JSON.stringify(aSale('x'))],
    );
    await stand.startWorkers(1);
    await stand.startRelay();
    await stand.untilSettled(['delivered'], 90_000);
    const applied = await stand.applied();
    expect([applied.size, new Set(applied.values())]).toEqual([20_000, new Set([1])]);
  });

  itOnServer(
    '[82] with an old snapshot open delivers as quickly and reads as little after many sales as before',
    async () => {
      await stand.startWorkers(1);
      await stand.startRelay();
      const report = openPostgres(stand.databaseUrl, { max: 1 });
      await report.unsafe('begin isolation level repeatable read');
      await report.unsafe('select count(*) from conexxus.outbox');
      const before = { buffers: await buffersOfALook(), waits: await waitsOfLoneSales('before') };
      await sell('s', { perSecond: 200, forMs: 20_000 });
      await stand.untilSettled();
      const after = { buffers: await buffersOfALook(), waits: await waitsOfLoneSales('after') };
      await report.unsafe('commit');
      await report.end();
      process.stderr.write(`figures [82] ${JSON.stringify({ before, after })}\n`);
      expect(after.buffers).toBeLessThanOrEqual(before.buffers + 5);
      // Half a second to the queue, and the call.
      expect(Math.max(...before.waits, ...after.waits)).toBeLessThan(2_000);
    },
  );
});

/** Of a look that finds nothing. */
async function buffersOfALook(): Promise<number> {
  const db = drizzle(stand.till);
  const [row] = await stand.till<
    { xmax: string }[]
  >`select pg_snapshot_xmax(pg_current_snapshot())::text as xmax`;
  const query = lookQuery({ xid: row?.xmax ?? '0', id: 0 }, []);
  const [plan] = await db.execute(sql`explain (analyze, buffers, format json) ${query}`);
  const { 0: explained } = z
    .array(z.object({ Plan: z.object({ 'Shared Hit Blocks': z.number() }) }))
    .parse(plan?.['QUERY PLAN']);
  return explained?.Plan['Shared Hit Blocks'] ?? Number.NaN;
}

async function waitsOfLoneSales(prefix: string): Promise<number[]> {
  const waits: number[] = [];
  for (let n = 0; n < 5; n += 1) {
    const id = `${prefix}-${n}`;
    const begun = performance.now();
    await ringUp(stand.till, aSale(id));
    await eventually(async () => expect((await stand.applied()).get(id)).toBe(1));
    waits.push(Math.round(performance.now() - begun));
  }
  return waits;
}
