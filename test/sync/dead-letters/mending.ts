import { parseJob } from '../../../src/sync/jobs/jobs.ts';
import type { PushSales } from '../../../src/sync/jobs/push-sales.ts';
import { sales } from '../sales.ts';

/** The sale of `sales(unlike)` with another item. */
export function mended(unlike: string, sku = '16677'): PushSales {
  const { transactions, ...rest } = sales(unlike);
  const items = [{ sku, quantity: 2, price: 15.35 }];
  return { ...rest, transactions: transactions.map((one) => ({ ...one, items })) };
}

/** As a person gives it, without numbers that its text had otherwise. */
export const edited = (data: unknown) => ({ data, changed: [] });

/** Of a valid payload. */
export function keyOf(data: unknown): string {
  const parsed = parseJob('push_sales', data);
  return parsed.ok ? (parsed.job.syncKey ?? '') : '';
}

export const redact = (text: string) => text.replace('canary', '[redacted]');
