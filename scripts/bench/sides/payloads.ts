import type { PushSales } from '../../../src/index.ts';
import { makeSales } from '../../../test/support/sales.ts';

const TRANSACTIONS = 5;

/** As a till gathers them: five sales in each. */
export function makePayloads(count: number, batch?: string): PushSales[] {
  return makeSales(count, batch).map((sale) => ({
    ...sale,
    transactions: (sale.transactions ?? []).flatMap((transaction) =>
      Array.from({ length: TRANSACTIONS }, (_, place) => ({
        ...transaction,
        id: `${transaction.id}-${place}`,
      })),
    ),
  }));
}
