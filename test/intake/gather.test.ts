import { describe, expect, it } from '@jest/globals';
import { createGatherer } from '../../src/intake/gather.ts';
import { deferred } from '../support/deferred.ts';

class Poison extends Error {}

/** Writes when it is told to. */
function aGatherer() {
  const writes: { readonly items: readonly number[]; readonly end: () => void }[] = [];
  const gatherer = createGatherer<number, string>({
    async write(items) {
      const gate = deferred<void>();
      writes.push({ items, end: () => gate.resolve() });
      await gate.promise;
      if (items.includes(13)) throw new Poison();
      if (items.includes(99)) throw new Error('away');
      return items.map(String);
    },
    sizeOf: (item) => (item >= 1_000_000 ? item : 1),
    isOfOneItem: (error) => error instanceof Poison,
  });
  return { gatherer, writes };
}

/** Ends each as it comes, until all is settled. */
async function drain({ writes }: ReturnType<typeof aGatherer>, count: number): Promise<void> {
  for (let n = 0; n < count; n += 1) {
    writes[n]?.end();
    await new Promise((resolve) => setImmediate(resolve));
  }
}

describe('a gatherer', () => {
  it('writes one at once that is alone', async () => {
    const bench = aGatherer();
    const written = bench.gatherer.write([1]);
    expect(bench.writes).toHaveLength(1);
    await drain(bench, 1);
    expect(await written).toEqual(['1']);
  });

  it('writes together what comes while others are written, and gives each its own', async () => {
    const bench = aGatherer();
    const all = [[1], [2], [3, 4], [5]].map((items) => bench.gatherer.write(items));
    expect(bench.writes.map(({ items }) => items)).toEqual([[1], [2]]);
    expect(bench.gatherer.waiting()).toBe(3);
    await drain(bench, 3);
    expect(bench.writes.map(({ items }) => items)).toEqual([[1], [2], [3, 4, 5]]);
    expect(await Promise.all(all)).toEqual([['1'], ['2'], ['3', '4'], ['5']]);
    expect(bench.gatherer.waiting()).toBe(0);
  });

  it('writes no more than 250 and 8 MB together, but one group whatever it is', async () => {
    const bench = aGatherer();
    const groups = [[1], [2], Array(200).fill(3), Array(51).fill(4), [5_000_000], [5_000_001], [9_000_000]];
    const all = groups.map((items) => bench.gatherer.write(items));
    await drain(bench, 7);
    await Promise.all(all);
    expect(bench.writes.map(({ items }) => items.length)).toEqual([1, 1, 200, 52, 1, 1]);
  });

  it('tells all of a group that where they are written is away', async () => {
    const bench = aGatherer();
    const all = [[1], [2], [3], [99]].map((items) => bench.gatherer.write(items));
    const settled = Promise.allSettled(all);
    await drain(bench, 3);
    expect((await settled).map(({ status }) => status)).toEqual([
      'fulfilled',
      'fulfilled',
      'rejected',
      'rejected',
    ]);
    expect(bench.writes).toHaveLength(3);
  });

  it('lets one that is to blame spoil no other', async () => {
    const bench = aGatherer();
    const all = [[1], [2], [3], [13], [4]].map((items) => bench.gatherer.write(items));
    const settled = Promise.allSettled(all);
    await drain(bench, 6);
    expect((await settled).map(({ status }) => status)).toEqual([
      'fulfilled',
      'fulfilled',
      'fulfilled',
      'rejected',
      'fulfilled',
    ]);
  });
});
