import type { PushSales } from '../../src/index.ts';

/** `count` valid payloads of made-up stores, each with content of its own; `batch` tells batches apart. */
export function makeSales(count: number, batch = 'a'): PushSales[] {
  return Array.from({ length: count }, (_, index) => {
    const store = (index % 20) + 1;
    const price = 5 + (index % 90) + 0.99;
    const quantity = 1 + (index % 6);
    return {
      date: '2026-11-20',
      locationId: `store-${store}`,
      transactions: [
        {
          id: `${batch}-${index}`,
          timestamp: '2026-11-20T12:00:00-06:00',
          total: Number((price * quantity).toFixed(2)),
          items: [{ sku: `sku-${index % 40}`, quantity, price }],
        },
      ],
    };
  });
}
