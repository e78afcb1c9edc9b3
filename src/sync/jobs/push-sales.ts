/**
 * The types of what jobs carry, for who imports the package: they need nothing of its dependencies. `payload.ts` checks
 * the same at run time.
 */

/** Whatever else a POS knows: it is sent along unchanged. */
interface FurtherMembers {
  // oxlint-disable-next-line typescript/no-explicit-any -- of `unknown`, an object whose type is an interface would be refused
  readonly [member: string]: any;
}

/**
 * A day's sales of one store, or a part of them: one payload, one job. The same content is the same job, so put
 * nothing into it that changes from try to try, such as the time of sending.
 *
 * @example
 * ```ts
 * import type { PushSales } from 'conexxus-sync';
 *
 * const sales: PushSales = {
 *   date: '2025-11-20',
 *   locationId: 'store-7',
 *   transactions: [
 *     {
 *       id: 'T-1001',
 *       timestamp: '2025-11-20T09:15:00-06:00',
 *       total: 21.98,
 *       items: [{ sku: '73050', quantity: 2, price: 10.99 }],
 *     },
 *   ],
 * };
 * ```
 */
export interface PushSales extends FurtherMembers {
  /** The store's business date, `YYYY-MM-DD`. */
  readonly date: string;
  /** The store, as Conexxus knows it. Not empty. */
  readonly locationId: string;
  /** No two with one id. At least one with an item, unless there is a `summary`. */
  readonly transactions: readonly SalesTransaction[];
  /** Of the day as a whole; what it says is not compared with the transactions. */
  readonly summary?: SalesSummary | undefined;
}

/**
 * One receipt.
 *
 * @example
 * ```ts
 * import type { SalesTransaction } from 'conexxus-sync';
 *
 * const refund: SalesTransaction = {
 *   id: 'T-1002',
 *   timestamp: '2025-11-20T15:20:30.500Z',
 *   total: -10.99,
 *   items: [{ sku: '73050', quantity: -1, price: 10.99 }],
 *   cashier: 'Ana', // sent along unchanged
 * };
 * ```
 */
export interface SalesTransaction extends FurtherMembers {
  /** What the POS calls it; its fate is told by it. Not empty. */
  readonly id: string;
  /** When it was rung up: ISO 8601 with seconds and offset, `2025-11-20T09:15:00-06:00` or `…Z`. */
  readonly timestamp: string;
  /** Amount in the store's currency, as a decimal number: `21.98`. Negative: a refund. Not compared with the items. */
  readonly total: number;
  /** May be empty, as of a receipt without goods. */
  readonly items: readonly SalesItem[];
}

/**
 * One line of a receipt.
 *
 * @example
 * ```ts
 * import type { SalesItem } from 'conexxus-sync';
 *
 * const cheese: SalesItem = { sku: '00417', quantity: 0.35, price: 23.9 };
 * ```
 */
export interface SalesItem extends FurtherMembers {
  /** The item's number, as Conexxus knows it. A text: leading zeros count. */
  readonly sku: string;
  /** Pieces, or what the item is sold by; may have decimals. Negative: taken back. */
  readonly quantity: number;
  /** Of one: amount in the store's currency, as a decimal number: `10.99`. 0: a gift. */
  readonly price: number;
}

/**
 * Figures of a day, any of them. Amounts are in the store's currency, as decimal numbers.
 *
 * @example
 * ```ts
 * import type { PushSales, SalesSummary } from 'conexxus-sync';
 *
 * const summary: SalesSummary = { totalOrders: 212, totalRevenue: 8410.55, totalTax: 671.2 };
 * const day: PushSales = { date: '2025-11-20', locationId: 'store-7', transactions: [], summary };
 * ```
 */
export interface SalesSummary extends FurtherMembers {
  /** Receipts. */
  readonly totalOrders?: number | undefined;
  /** Amount. */
  readonly totalRevenue?: number | undefined;
  /** Amount. */
  readonly totalTax?: number | undefined;
  /** Amount. */
  readonly totalDiscount?: number | undefined;
  /** Amount. */
  readonly averageOrderValue?: number | undefined;
  /** Pieces. */
  readonly itemsSold?: number | undefined;
}

/**
 * Asks for the catalog of one store.
 *
 * @example
 * ```ts
 * import type { FetchInventory } from 'conexxus-sync';
 *
 * const wanted: FetchInventory = { locationId: 'store-7' };
 * ```
 */
export interface FetchInventory extends FurtherMembers {
  /** The store, as Conexxus knows it. Not empty. */
  readonly locationId: string;
}
