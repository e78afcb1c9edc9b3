import type { PushSales } from '../../src/sync/jobs/push-sales.ts';

/** A valid payload with one transaction; `unlike` makes it another. */
export function sales(unlike: string | number = '', more: Record<string, unknown> = {}): PushSales {
  return {
    date: '2026-01-31',
    locationId: 'store-1',
    transactions: [
      {
        id: `sale-${unlike}`,
        timestamp: '2026-01-31T14:30:00-06:00',
        total: 30.7,
        items: [{ sku: '16676', quantity: 2, price: 15.35 }],
      },
    ],
    ...more,
  };
}
