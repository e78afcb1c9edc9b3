import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { CLAIM_IN_DOUBT } from '../../../src/circuit/claims.ts';
import { claimKey, deliveredMarkKey } from '../../../src/circuit/keys.ts';
import { createRepairs } from '../../../src/sync/dead-letters/repair.ts';
import { RepairRefusedError } from '../../../src/sync/dead-letters/to-repair.ts';
import { InvalidPayloadError } from '../../../src/sync/producer/producer-errors.ts';
import { sales } from '../sales.ts';
import { openShelf, type Shelf, WORD } from '../shelf.ts';
import { edited, keyOf, mended, redact } from './mending.ts';

let shelf: Shelf;

beforeEach(() => {
  shelf = openShelf();
});

afterEach(() => shelf.close());

const repairs = () => createRepairs({ ...shelf, redact });
const repair = (id: string, data: unknown, more: { inDoubt?: boolean } = {}) =>
  repairs().repair({ id, edited: edited(data), word: WORD, ...more });

/** Nothing but what is told of the audit trail. */
async function untouched(id: string): Promise<void> {
  expect(await shelf.idsOf({})).toContain(id);
  expect(await shelf.waiting()).toEqual([]);
  expect(await shelf.typesOf('conexxus.sync')).toEqual([]);
}

describe('before anything is touched', () => {
  it('a rehearsal tells what would be, and does nothing', async () => {
    await shelf.shelve(1, () => Date.now());
    const mendedSale = mended('letter-0', 'canary-1');
    const { differences, jobId } = await repairs().rehearse({ id: 'letter-0', edited: edited(mendedSale) });
    expect(jobId).toBe(keyOf(mendedSale));
    expect(differences.list).toEqual([
      { path: 'transactions[0].items[0].sku', from: '"16676"', to: '"[redacted]-1"' },
    ]);
    expect(await shelf.events()).toEqual([]);
    await untouched('letter-0');
  });

  it.each([
    ['a bad date', { ...mended('letter-0'), date: '2026-02-30' }, ['date']],
    [
      'no items',
      { ...mended('letter-0'), transactions: [{ ...sales('letter-0').transactions[0], items: [] }] },
      ['transactions'],
    ],
    ['another store', { ...mended('letter-0'), locationId: 'store-2' }, ['locationId']],
    ['another day', { ...mended('letter-0'), date: '2026-02-01' }, ['date']],
    ['another sale', mended('other'), ['transactions', 'transactions[0].id']],
    ['no payload', 'text', ['']],
  ])('%s is refused with its path', async (_what, data, paths) => {
    await shelf.shelve(1, () => Date.now());
    const refused: unknown = await repair('letter-0', data).catch((error: unknown) => error);
    expect(refused).toBeInstanceOf(InvalidPayloadError);
    expect(refused instanceof InvalidPayloadError && refused.problems.map(({ path }) => path)).toEqual(paths);
    expect(await shelf.events()).toEqual([]);
    await untouched('letter-0');
  });

  it('a number that would arrive as another is refused, and one that is dead for it is mended as text', async () => {
    const data = { ...sales('a'), card: 1 };
    await shelf.died({ id: 'a', data });
    const json = JSON.stringify(data).replace('"card":1', '"card":6035710012345678901');
    await shelf.redis.hset(shelf.queue.toKey('a'), 'data', json);
    const changed = [{ path: ['card'], text: '6035710012345678901' }];
    const asNumber = { data: { ...data, card: Number('6035710012345678901') }, changed };
    await expect(repairs().repair({ id: 'a', edited: asNumber, word: WORD })).rejects.toThrow(
      'card: 6035710012345678901 would arrive as',
    );
    const text = { ...data, card: '6035710012345678901' };
    expect((await repair('a', text)).differences.list).toEqual([
      { path: 'card', from: '6035710012345678901', to: '"6035710012345678901"' },
    ]);
  });

  it.each<[string, () => Promise<unknown>, RegExp]>([
    [
      'that changes nothing',
      async () => repair('letter-0', sales('letter-0')),
      /changes nothing of letter-0: replay it/,
    ],
    [
      'of what is no dead letter',
      async () => {
        await shelf.queue.add('push_sales', sales('w'), { jobId: 'w' });
        const refused = repair('w', mended('w'));
        await Promise.allSettled([refused]);
        await shelf.queue.remove('w');
        return refused;
      },
      /w is no dead letter: it is waiting$/,
    ],
    ['of what is unknown', () => repair('nobody', mended('x')), /There is no dead letter nobody/],
    [
      'of a catalog',
      async () => {
        await shelf.died({ id: 'c', name: 'fetch_inventory', data: { locationId: 'store-1' } });
        return repair('c', sales('c'));
      },
      /fetch_inventory delivers nothing/,
    ],
    [
      'of a batch that is about to be split',
      async () => {
        const transactions = [...sales('1').transactions, ...sales('2').transactions];
        await shelf.died({ id: 'b', data: { ...sales(), transactions } });
        await shelf.redis.hset(shelf.queue.toKey('b'), 'splits', '1');
        return repair('b', { ...sales(), transactions, more: 1 });
      },
      /b is a batch that a relay is about to send in halves/,
    ],
    [
      'into a sale that is dead itself',
      async () => {
        const data = mended('letter-0');
        await shelf.died({ id: keyOf(data), data });
        return repair('letter-0', data);
      },
      /The edited sale is known: it is job ps-\w+, which is failed/,
    ],
    [
      'into a sale that was delivered',
      async () => {
        await shelf.redis.set(deliveredMarkKey(shelf.namespace, keyOf(mended('letter-0'))), 'p');
        return repair('letter-0', mended('letter-0'));
      },
      /was delivered before/,
    ],
    [
      'into a sale that is under way in another job',
      async () => {
        await shelf.redis.set(claimKey(shelf.namespace, keyOf(mended('letter-0'))), 'p|1|2|0|another');
        return repair('letter-0', mended('letter-0'));
      },
      /under way in another job/,
    ],
    [
      'of what was delivered by another job',
      async () => {
        await shelf.redis.set(deliveredMarkKey(shelf.namespace, keyOf(sales('letter-0'))), 'p');
        return repair('letter-0', mended('letter-0'));
      },
      /was delivered by another job: discard it/,
    ],
    [
      'of what is in another job too',
      async () => {
        await shelf.died({ id: keyOf(sales('letter-0')), data: sales('letter-0') });
        return repair('letter-0', mended('letter-0'));
      },
      /also in job ps-\w+: decide about that one first/,
    ],
  ])('an edit %s is refused', async (_what, act, words) => {
    await shelf.shelve(1, () => Date.now());
    const refused: unknown = await act().catch((error: unknown) => error);
    expect(refused).toBeInstanceOf(RepairRefusedError);
    expect(String(refused)).toMatch(words);
    await untouched('letter-0');
  });
});

describe('a sale that Conexxus may have', () => {
  const now = Date.now();

  it.each<[string, () => Promise<unknown>]>([
    [
      'a try of it has no known end',
      () => shelf.redis.set(claimKey(shelf.namespace, keyOf(sales('letter-0'))), CLAIM_IN_DOUBT),
    ],
    [
      'its worker died in mid-call',
      () => shelf.redis.set(claimKey(shelf.namespace, keyOf(sales('letter-0'))), 'p|1|2|0|letter-0'),
    ],
    [
      'it died before anybody remembers',
      () => shelf.redis.hset(shelf.queue.toKey('letter-0'), 'finishedOn', now - 90_000_000),
    ],
  ])('is not repaired unless a person says that it has not: %s', async (_what, prepare) => {
    await shelf.shelve(1, () => now);
    await prepare();
    const refused: unknown = await repair('letter-0', mended('letter-0')).catch((error: unknown) => error);
    expect(refused).toMatchObject({ code: 'REPAIR_REFUSED', isInDoubt: true });
    await untouched('letter-0');
    expect(await repair('letter-0', mended('letter-0'), { inDoubt: true })).toMatchObject({ inDoubt: true });
    expect((await shelf.events()).find(({ type }) => type.includes('.replaced.'))?.payload).toMatchObject({
      inDoubt: true,
    });
  });

  it('is repaired where its last try was refused', async () => {
    await shelf.shelve(1, () => now);
    await shelf.redis.set(claimKey(shelf.namespace, keyOf(sales('letter-0'))), 'recorded|p');
    expect(await repair('letter-0', mended('letter-0'))).toMatchObject({ inDoubt: false });
  });
});
