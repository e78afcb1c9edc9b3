import { ConexxusSyncError } from '../../src/errors.ts';
import { type Reconciliation, reconcile } from '../../test/support/reconcile.ts';
import { callsOf } from './calls.ts';
import { columns, type Screen } from './screen.ts';
import type { Stage } from './stage.ts';

/** The sums at the end, each from where the truth is. */
interface Books extends Reconciliation {
  /** Different sales that the API applied. */
  readonly applied: number;
  /** That carried a sale. */
  readonly calls: number;
}

class UnbalancedBooksError extends ConexxusSyncError {
  readonly code = 'UNBALANCED_BOOKS';
}

/**
 * Shows what became of the accepted sales, by the books of Redis, Postgres and the API. To be read at rest.
 * @throws UnbalancedBooksError
 */
export async function compareBooks(stage: Stage, screen: Screen, accepted: readonly string[]): Promise<void> {
  screen.heading('The books');
  const books = await readBooks(stage, accepted);
  screen.print(columns(tableOf(books)));
  const problems = [...books.problems, ...disagreements(books)];
  if (problems.length > 0) {
    throw new UnbalancedBooksError(
      `The books do not balance:\n${problems.map((text) => `  ${text}`).join('\n')}`,
    );
  }
  screen.note('They balance: none lost, none applied twice, one row for each call.', 'green');
}

async function readBooks(stage: Stage, accepted: readonly string[]): Promise<Books> {
  const books = await reconcile({ ...stage, accepted });
  const { pushes } = await callsOf(stage, 0, Date.now());
  const { keys } = await stage.simulator.summary();
  return { ...books, applied: keys, calls: pushes.length };
}

function disagreements({ delivered, applied, calls, succeededRows, failedRows }: Books): string[] {
  const rows = succeededRows + failedRows;
  return [
    ...(applied === delivered ? [] : [`${delivered} delivered, but ${applied} applied by the API`]),
    ...(calls === rows ? [] : [`${calls} calls with a sale, but ${rows} rows of attempts`]),
  ];
}

function tableOf(books: Books): readonly (readonly [string, number, string])[] {
  const { waiting, active, delayed } = books;
  return [
    ['sales accepted', books.accepted, 'producer'],
    ['  delivered', books.delivered, 'Redis'],
    ['  waiting', waiting + active + delayed, 'Redis'],
    ['  dead-lettered', books.deadLettered, 'Redis'],
    ['applied by Conexxus', books.applied, 'API ledger'],
    ['  applied twice', books.appliedTwice, 'API ledger'],
    ['calls with a sale', books.calls, 'API ledger'],
    ['event rows of sales', books.succeededRows + books.failedRows + books.deadLetterRows, 'Postgres'],
    ['  succeeded', books.succeededRows, 'Postgres'],
    ['  failed', books.failedRows, 'Postgres'],
    ['  dead-lettered', books.deadLetterRows, 'Postgres'],
  ];
}
