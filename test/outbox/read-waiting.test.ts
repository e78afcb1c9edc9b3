import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { readWaiting } from '../../src/outbox/read-waiting.ts';
import { type OutboxBench, outboxBench } from '../support/outbox.ts';

let bench: OutboxBench;

beforeAll(async () => {
  bench = await outboxBench();
});
afterAll(() => bench.close());
beforeEach(() => bench.database.sql`truncate conexxus.sale restart identity`);

/** Rows of so many lines each. */
async function write(count: number, each: number, firstRow = 1): Promise<void> {
  await bench.database.sql`
    insert into conexxus.sale (row_id, location_id, transaction_id, group_key, bytes, created_at)
    select ${firstRow}::int + n / ${each}::int, 'store-1', 't-' || n, 'a day', 10, to_timestamp(n)
    from generate_series(0, ${count * each - 1}::int) as n`;
}
const read = (after = 0) => bench.database.write((tx) => readWaiting(tx, 'store-1', after));

/** All of it, page by page, as a relay is fed. */
async function pages(): Promise<number[][][]> {
  const all: number[][][] = [];
  for (let after = 0, more = true; more; ) {
    const page = await read(after);
    ({ more } = page);
    all.push(page.units.map(({ lines }) => [...lines]));
    after = page.units.at(-1)?.lines.at(-1) ?? after;
  }
  return all;
}

describe('what waits of a store', () => {
  it('is read in whole rows', async () => {
    await write(3, 2);
    const { units, more } = await read();
    expect(more).toBe(false);
    expect(units).toMatchObject([
      { lines: [1, 2], transactionIds: ['t-0', 't-1'], bytes: 20, groupKey: 'a day', since: 0 },
      { lines: [3, 4] },
      { lines: [5, 6] },
    ]);
    expect((await read(2)).units).toHaveLength(2);
  });

  it('is no line of a payload, none with a fate of its own and none of another store', async () => {
    await write(4, 1);
    await bench.database.sql.unsafe(`
      update conexxus.sale set payload_id = 1 where id = 1; update conexxus.sale set fate = 'discarded' where id = 2;
      update conexxus.sale set location_id = 'store-2' where id = 3`);
    expect((await read()).units).toMatchObject([{ lines: [4] }]);
  });

  it.each([
    [1_667, 3],
    [5_000, 1],
    [5_001, 1],
    [3, 4_000],
    [2, 7_000],
    [1, 12_000],
  ])('is cut into pages of whole rows: %p rows of %p lines', async (count, each) => {
    await write(count, each);
    const rows = (await pages()).flat();
    expect(rows.map(({ length }) => length)).toEqual(Array.from({ length: count }, () => each));
    expect(rows.flat()).toEqual(Array.from({ length: count * each }, (_, n) => n + 1));
  });
});
