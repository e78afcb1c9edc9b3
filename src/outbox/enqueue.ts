/**
 * What a POS with Postgres imports, as `conexxus-sync/outbox`, to write a sale and its job in one transaction. Brings
 * zod and canonicalize, and neither a driver nor Redis nor HTTP code; its types need no other package.
 *
 * @packageDocumentation
 */
import { ConexxusSyncError } from '../base/errors.ts';
import { parseJob } from '../sync/jobs/jobs.ts';
import type { PushSales } from '../sync/jobs/push-sales.ts';
import { InvalidPayloadError } from '../sync/producer/producer-errors.ts';
import { jsonbProblems } from './jsonb.ts';

export type { Problem } from '../sync/jobs/problems.ts';
export type { SalesItem, SalesSummary, SalesTransaction } from '../sync/jobs/push-sales.ts';
export { ConexxusSyncError, InvalidPayloadError, type PushSales };

const JOB_NAME = 'push_sales';
const PROBLEMS_LISTED = 50;

/**
 * A transaction of Drizzle's, as `db.transaction` gives it, whatever driver is below it and whichever copy of Drizzle
 * it is of. `rollback` tells it from the database, which would write the row outside of the transaction.
 *
 * @example
 * ```ts
 * import { checkSale, type DrizzleTransaction, enqueueInTransaction, type PushSales } from 'conexxus-sync/outbox';
 *
 * declare const db: { transaction(work: (tx: DrizzleTransaction) => Promise<void>): Promise<void> };
 *
 * async function ringUp(sales: PushSales): Promise<void> {
 *   const sale = checkSale(sales);
 *   await db.transaction(async (tx) => {
 *     // … the receipt
 *     await enqueueInTransaction(tx, sale);
 *   });
 * }
 * ```
 */
export interface DrizzleTransaction {
  execute(query: string | { getSQL(): unknown }): PromiseLike<unknown>;
  rollback(): never;
}

/**
 * A transaction of the driver `postgres`, as `sql.begin` gives it. `savepoint` tells it from `sql` itself.
 *
 * @example
 * ```ts
 * import { checkSale, enqueueInTransaction, type PostgresTransaction, type PushSales } from 'conexxus-sync/outbox';
 *
 * declare const sql: { begin(work: (tx: PostgresTransaction) => Promise<void>): Promise<void> };
 *
 * async function ringUp(sales: PushSales): Promise<void> {
 *   const sale = checkSale(sales);
 *   await sql.begin(async (tx) => {
 *     // … the receipt
 *     await enqueueInTransaction(tx, sale);
 *   });
 * }
 * ```
 */
export interface PostgresTransaction {
  unsafe(query: string, parameters: string[], options: { prepare: boolean }): PromiseLike<unknown>;
  readonly savepoint: object;
}

/**
 * Sales that keep the rules, written out: whoever changes his object afterwards changes no sale. Only `checkSale` makes
 * one.
 *
 * @example
 * ```ts
 * import { type CheckedSale, checkSale, type PushSales } from 'conexxus-sync/outbox';
 *
 * const checked = (day: readonly PushSales[]): CheckedSale[] => day.map((sales) => checkSale(sales));
 * ```
 */
class CheckedSale {
  /** As it goes to Postgres. At most 10 MB. */
  readonly json: string;

  constructor(json: string) {
    this.json = json;
  }
}

export type { CheckedSale };

/**
 * What was given as the transaction is none: the sale could be undone and its row stay, or the other way round. Nothing
 * was written.
 *
 * @example
 * ```ts
 * import { checkSale, enqueueInTransaction, NoTransactionError, type PushSales } from 'conexxus-sync/outbox';
 *
 * async function enqueued(tx: Parameters<typeof enqueueInTransaction>[0], sales: PushSales): Promise<void> {
 *   try {
 *     await enqueueInTransaction(tx, checkSale(sales));
 *   } catch (error) {
 *     if (error instanceof NoTransactionError) console.error('`db` or `sql` was passed, and not the transaction');
 *     throw error;
 *   }
 * }
 * ```
 */
export class NoTransactionError extends ConexxusSyncError {
  readonly code = 'NO_TRANSACTION';
}

/**
 * Checks sales before there is a transaction to undo: what Conexxus would refuse by its form, and what Postgres
 * would.
 *
 * @param sales - At most 10 MB as JSON.
 * @returns For `enqueueInTransaction`, now or later.
 * @throws InvalidPayloadError with all problems.
 *
 * @example
 * ```ts
 * import { checkSale, InvalidPayloadError } from 'conexxus-sync/outbox';
 *
 * try {
 *   checkSale({
 *     date: '2026-11-20',
 *     locationId: 'store-8',
 *     transactions: [
 *       {
 *         id: 'T-1001',
 *         timestamp: '2026-11-20T09:15:00-06:00',
 *         total: 21.98,
 *         items: [{ sku: '73050', quantity: 2, price: 10.99 }],
 *       },
 *     ],
 *   });
 * } catch (error) {
 *   if (!(error instanceof InvalidPayloadError)) throw error;
 *   for (const { path, message } of error.problems) console.error(path, message);
 * }
 * ```
 */
export function checkSale(sales: PushSales): CheckedSale {
  const parsed = parseJob(JOB_NAME, sales);
  if (!parsed.ok) throw new InvalidPayloadError(parsed.problems, parsed.more);
  const json = JSON.stringify(sales);
  const problems = jsonbProblems(sales, json);
  if (problems.length > 0) {
    const listed = problems.slice(0, PROBLEMS_LISTED);
    throw new InvalidPayloadError(listed, problems.length - listed.length);
  }
  return new CheckedSale(json);
}

/**
 * Writes sales into the outbox: they go to Conexxus if the transaction commits, and never if it does not. The
 * same sales twice are sent once. One statement: nothing is waited for but the POS's own database.
 *
 * @param transaction - Of Drizzle or of `postgres`, not the database itself. Its user needs EXECUTE on
 *   `conexxus_enqueue` (`conexxus-sync migrate --outbox` prints it).
 * @param sales - Best what `checkSale` gave: what is not valid shall not undo a receipt.
 * @throws InvalidPayloadError before any SQL, for what was not checked yet.
 * @throws NoTransactionError before any SQL.
 * @throws The error of Drizzle or the driver; then Postgres undoes the transaction.
 *
 * @example
 * ```ts
 * import { checkSale, enqueueInTransaction, type PostgresTransaction } from 'conexxus-sync/outbox';
 *
 * declare const sql: { begin(work: (tx: PostgresTransaction) => Promise<void>): Promise<void> };
 *
 * const sale = checkSale({
 *   date: '2026-11-20',
 *   locationId: 'store-8',
 *   transactions: [
 *     {
 *       id: 'T-1001',
 *       timestamp: '2026-11-20T09:15:00-06:00',
 *       total: 21.98,
 *       items: [{ sku: '73050', quantity: 2, price: 10.99 }],
 *     },
 *   ],
 * });
 * await sql.begin(async (tx) => {
 *   // … the receipt
 *   await enqueueInTransaction(tx, sale);
 * });
 * ```
 */
export async function enqueueInTransaction(
  transaction: DrizzleTransaction | PostgresTransaction,
  sales: CheckedSale | PushSales,
): Promise<void> {
  const { json } = sales instanceof CheckedSale ? sales : checkSale(sales);
  // As text first: drivers that see jsonb would write a text of JSON as a JSON text.
  if (isOfPostgres(transaction)) {
    const statement = 'select public.conexxus_enqueue($1::text, $2::text::jsonb)';
    await transaction.unsafe(statement, [JOB_NAME, json], { prepare: true });
  } else if (isOfDrizzle(transaction)) {
    // Only where it is there anyway.
    const { sql } = await import('drizzle-orm');
    await transaction.execute(sql`select public.conexxus_enqueue(${JOB_NAME}::text, ${json}::text::jsonb)`);
  } else {
    throw new NoTransactionError(
      'A transaction is needed, as `db.transaction` of Drizzle or `sql.begin` of postgres gives it',
    );
  }
}

function isOfPostgres(transaction: object): transaction is PostgresTransaction {
  return typeof transaction === 'function' && 'unsafe' in transaction && 'savepoint' in transaction;
}

function isOfDrizzle(transaction: object): transaction is DrizzleTransaction {
  return typeof transaction === 'object' && 'execute' in transaction && 'rollback' in transaction;
}
