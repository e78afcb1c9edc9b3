import * as z from 'zod';
import type { Problem } from './problems.ts';
import type { FetchInventory, PushSales } from './push-sales.ts';

/**
 * What jobs carry. Unknown members are allowed everywhere and sent unchanged. Nothing is summed up or
 * compared: refunds are negative, gifts cost 0, and the back office is the judge of the rest.
 */
const text = z.string(must('a string'));
const name = text.min(1, { error: 'must not be empty' });
const number = z.number(must('a finite number'));
const object = must('an object');
const list = must('a list');

function must(be: string) {
  return {
    error: ({ input }: { input?: unknown }) => (input === undefined ? 'is missing' : `must be ${be}`),
  };
}

const salesItem = z.looseObject({ sku: text, quantity: number, price: number }, object);

const transaction = z.looseObject(
  {
    id: name,
    timestamp: z.iso.datetime({
      offset: true,
      ...must('an ISO 8601 time with offset, like 2026-01-31T14:30:00-06:00'),
    }),
    total: number,
    items: z.array(salesItem, list),
  },
  object,
);

const summary = z.looseObject(
  {
    totalOrders: number.optional(),
    totalRevenue: number.optional(),
    totalTax: number.optional(),
    totalDiscount: number.optional(),
    averageOrderValue: number.optional(),
    itemsSold: number.optional(),
  },
  object,
);

export const pushSales = z.looseObject(
  {
    // Postgres begins with the year 1: no relay could write down a sale of the year 0.
    date: z.iso
      .date(must('a calendar date as YYYY-MM-DD'))
      .regex(/^(?!0000)/, { error: 'must be a calendar date as YYYY-MM-DD' }),
    locationId: name,
    transactions: z.array(transaction, list),
    summary: summary.optional(),
  },
  object,
) satisfies z.ZodType<PushSales>;

export const fetchInventory = z.looseObject({ locationId: name }, object) satisfies z.ZodType<FetchInventory>;

/** The rules that span several members. They read data of any shape, so that all problems come at once. */
export function salesProblems(data: unknown): Problem[] {
  return [...duplicateIds(data), ...emptiness(data)];
}

function duplicateIds(data: unknown): Problem[] {
  const problems: Problem[] = [];
  const firstIndex = new Map<string, number>();
  for (const [index, transaction] of transactionsOf(data).entries()) {
    const id = member(transaction, 'id');
    if (typeof id !== 'string' || id === '') continue;
    const first = firstIndex.get(id);
    if (first === undefined) firstIndex.set(id, index);
    else problems.push({ path: `transactions[${index}].id`, message: duplicateOf(id, first) });
  }
  return problems;
}

function duplicateOf(id: string, first: number): string {
  return `${JSON.stringify(id.slice(0, 100))} is already the id of transactions[${first}]`;
}

function emptiness(data: unknown): Problem[] {
  // What is no list is named by the schema already.
  if (!Array.isArray(member(data, 'transactions'))) return [];
  if (transactionsOf(data).some(hasItems) || hasFigures(member(data, 'summary'))) return [];
  return [
    {
      path: 'transactions',
      message: 'must hold at least one transaction with an item, or a summary be given',
    },
  ];
}

function hasItems(transaction: unknown): boolean {
  const items = member(transaction, 'items');
  return Array.isArray(items) && items.length > 0;
}

function hasFigures(given: unknown): boolean {
  return Object.keys(summary.shape).some((field) => member(given, field) !== undefined);
}

function transactionsOf(data: unknown): readonly unknown[] {
  const transactions = member(data, 'transactions');
  return Array.isArray(transactions) ? transactions : [];
}

/** The ids of the transactions, as far as they can be read: bad data is logged by them too. */
export function transactionIdsOf(data: unknown): string[] {
  return transactionsOf(data)
    .map((transaction) => member(transaction, 'id'))
    .filter((id) => typeof id === 'string');
}

export function locationIdOf(data: unknown): string | undefined {
  const locationId = member(data, 'locationId');
  return typeof locationId === 'string' ? locationId : undefined;
}

function member(value: unknown, key: string): unknown {
  if (typeof value !== 'object' || value === null || !Object.hasOwn(value, key)) return undefined;
  return Reflect.get(value, key);
}
