import type { PushSales } from '../../src/index.ts';

const STORES = [
  'harbor-street',
  'mill-road',
  'old-station',
  'market-square',
  'university',
  'airport',
  'riverside',
  'north-gate',
  'lakeview',
  'elm-park',
  'city-hall',
  'south-mall',
] as const;

const GOODS = [
  { sku: 'coffee-250', cents: 749 },
  { sku: 'tea-100', cents: 529 },
  { sku: 'bread-rye', cents: 380 },
  { sku: 'butter', cents: 265 },
  { sku: 'wine-red', cents: 1_290 },
  { sku: 'chocolate', cents: 199 },
  { sku: 'olive-oil', cents: 985 },
] as const;

export const STORE_COUNT = STORES.length;

/** A made-up chain of stores: the next `count` sales at its tills, no two alike. */
export function createChain(): (count: number) => PushSales[] {
  let rung = 0;
  return (count) => Array.from({ length: count }, () => ringUp((rung += 1)));
}

/** One sale with up to three items, by its running number. */
function ringUp(number: number): PushSales {
  const store = STORES[number % STORES.length] ?? STORES[0];
  const lines = Array.from({ length: 1 + (number % 3) }, (_, line) => {
    const { sku, cents } = GOODS[(number * 5 + line) % GOODS.length] ?? GOODS[0];
    return { sku, cents, quantity: 1 + ((number + line) % 4) };
  });
  const total = lines.reduce((sum, { cents, quantity }) => sum + cents * quantity, 0);
  const timestamp = new Date().toISOString();
  return {
    date: timestamp.slice(0, 10),
    locationId: store,
    transactions: [
      {
        id: `${store}-${String(number).padStart(5, '0')}`,
        timestamp,
        total: total / 100,
        items: lines.map(({ sku, cents, quantity }) => ({ sku, quantity, price: cents / 100 })),
      },
    ],
  };
}
