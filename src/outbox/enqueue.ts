/** What a POS with Postgres imports, as `conexxus-sync/outbox`. Brings neither a driver nor Redis nor HTTP code. */
import { ConexxusSyncError } from '../base/errors.ts';
import { parseJob } from '../sync/jobs/jobs.ts';
import type { PushSales } from '../sync/jobs/payload.ts';
import { InvalidPayloadError } from '../sync/producer/producer-errors.ts';
import { jsonbProblems } from './jsonb.ts';

export type { Problem } from '../sync/jobs/problems.ts';
export { ConexxusSyncError, InvalidPayloadError, type PushSales };

const JOB_NAME = 'push_sales';
const PROBLEMS_LISTED = 50;

/**
 * A transaction of Drizzle's, whatever driver is below it and whichever copy of Drizzle it is of. `rollback`
 * tells it from the database, which would write the row outside of the transaction.
 */
export interface DrizzleTransaction {
  execute(query: string | { getSQL(): unknown }): PromiseLike<unknown>;
  rollback(): never;
}

/** What `sql.begin` of `postgres` gives. `savepoint` tells it from `sql` itself. */
export interface PostgresTransaction {
  unsafe(query: string, parameters: string[], options: { prepare: boolean }): PromiseLike<unknown>;
  readonly savepoint: object;
}

/** Sales that keep the rules, written out: whoever changes his object afterwards changes no sale. */
class CheckedSale {
  readonly json: string;

  constructor(json: string) {
    this.json = json;
  }
}

export type { CheckedSale };

/** What was given as the transaction is none: the sale could be undone and its row stay, or the other way round. */
export class NoTransactionError extends ConexxusSyncError {
  readonly code = 'NO_TRANSACTION';
}

/**
 * Checks sales before there is a transaction to undo: what Conexxus would refuse by its form, and what Postgres
 * would.
 * @throws InvalidPayloadError with all problems.
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
 * same sales twice are sent once.
 * @throws InvalidPayloadError before any SQL, for what was not checked yet.
 * @throws NoTransactionError before any SQL.
 * Rejects with the error of Drizzle or the driver; then Postgres undoes the transaction.
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
