import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { createCleaning, forgetSettled } from '../../src/outbox/retention.ts';
import type { Turn } from '../../src/outbox/turn.ts';
import { type OutboxBench, outboxBench } from '../support/outbox.ts';
import { aLine, aPayload, aSale, someLines } from './tables.ts';

let bench: OutboxBench;

beforeAll(async () => {
  bench = await outboxBench(1);
});
afterAll(() => bench.close());
beforeEach(() => bench.database.sql`truncate conexxus.sale, conexxus.payload`);

const DAY_MS = 86_400_000;
const WEEK_MS = 7 * DAY_MS;
const turn: Turn = (work) => bench.database.write(work);
const forget = (from?: string) => turn((tx) => forgetSettled(tx, WEEK_MS, from));

async function left(): Promise<(string | null)[]> {
  const rows = await bench.database.sql<{ id: string | null }[]>`
    select transaction_id as id from conexxus.sale order by sale.id`;
  return rows.map(({ id }) => id);
}

/** All that is there was settled so long ago. */
async function age(interval: string): Promise<void> {
  await bench.database.sql`update conexxus.payload set since = now() - ${interval}::text::interval`;
  await bench.database.sql`update conexxus.sale set since = now() - ${interval}::text::interval`;
}

describe('retention', () => {
  it('forgets what was settled long ago, and nothing that waits, travels, died or was set apart', async () => {
    const { sql } = bench.database;
    for (const state of ['delivered', 'flagged', 'discarded', 'dead', 'apart', 'open']) {
      await aSale(sql, { id: `old ${state}` }, { state });
    }
    await aLine(sql, { id: 'old given up', fate: 'discarded' });
    await aLine(sql, { id: 'old set apart', fate: 'apart' });
    await aLine(sql, { id: 'old waiting' });
    await age('8 days');
    await aSale(sql, { id: 'new delivered' }, { state: 'delivered' });
    await aLine(sql, { id: 'new given up', fate: 'discarded' });
    expect(await forget()).toMatchObject({ more: false });
    expect(await left()).toEqual([
      'old dead',
      'old apart',
      'old open',
      'old set apart',
      'old waiting',
      'new delivered',
      'new given up',
    ]);
    expect(await sql`select from conexxus.payload where state in ('delivered', 'discarded')`).toHaveLength(1);
  });

  it('keeps what was given up for as long as another line of its row waits, whose payload it has the beginning of', async () => {
    const { sql } = bench.database;
    const [first = '', second = '', third = ''] = await someLines(sql, ['first', 'second', 'third']);
    await sql`update conexxus.sale set row_id = 7 where id in ${sql([first, second, third])}`;
    await sql`update conexxus.sale set fate = 'discarded' where id in ${sql([first, second])}`;
    await aLine(sql, { id: 'of the next row' });
    await age('8 days');
    await forget();
    expect(await left()).toEqual(['first', 'second', 'third', 'of the next row']);
    await aPayload(sql, [third]);
    await forget();
    expect(await left()).toEqual(['third', 'of the next row']);
  });

  it('goes on in small steps until nothing is left, and rests', async () => {
    const { sql } = bench.database;
    await sql`
      insert into conexxus.payload (sync_key, location_id, json, sale_ids, state, since)
      select 'ps-old-' || n, 'store-1', '{}', '{}', 'delivered', now() - interval '9 days' + n * interval '1 s'
      from generate_series(1, 250) n`;
    const payloads = async () => (await sql`select from conexxus.payload`).length;
    const cleaning = createCleaning(WEEK_MS, 0);
    const counts: number[] = [];
    for (let step = 0; step < 3; step += 1) {
      await cleaning.clean(turn);
      counts.push(await payloads());
    }
    expect(counts).toEqual([150, 50, 0]);
    const resting = createCleaning(WEEK_MS);
    await aSale(sql, { id: 'old' }, { state: 'delivered' });
    await age('8 days');
    await resting.clean(turn);
    expect(await payloads()).toBe(1);
  });

  it('begins behind what it deleted before', async () => {
    const { sql } = bench.database;
    await aSale(sql, { id: 'a' }, { state: 'delivered' });
    await age('9 days');
    const { upTo } = await forget();
    await aSale(sql, { id: 'b' }, { state: 'delivered' });
    await age('8 days');
    await forget(upTo);
    expect(await left()).toEqual([]);
    // It was restored: who begins at the start finds it.
    await aSale(sql, { id: 'c' }, { state: 'delivered' });
    await age('10 days');
    await forget(upTo);
    expect(await left()).toEqual(['c']);
    await forget();
    expect(await left()).toEqual([]);
  });
});
