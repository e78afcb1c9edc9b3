import { ConexxusSyncError } from '../../src/base/errors.ts';
import { type Reconciliation, reconcile } from '../../test/support/reconcile.ts';
import { callsOf } from './calls.ts';
import { columns, type Screen } from './screen.ts';
import type { Stage } from './stage.ts';

/** Where to look. */
type Books = Pick<Stage, 'namespace' | 'redis' | 'queue' | 'database' | 'simulator'>;

/** The sums at the end, each from where the truth is. */
interface Sums extends Reconciliation {
  /** Different sales that the API applied. */
  readonly applied: number;
  /** That carried a sale. */
  readonly calls: number;
}

export class UnbalancedBooksError extends ConexxusSyncError {
  readonly code = 'UNBALANCED_BOOKS';
}

/**
 * Shows what became of the accepted sales, by the books of Redis, Postgres and the API. To be read at rest.
 * @throws UnbalancedBooksError
 */
export async function compareBooks(
  books: Books,
  screen: Pick<Screen, 'heading' | 'note' | 'print'>,
  accepted: readonly string[],
): Promise<void> {
  screen.heading('The books');
  const sums = await readSums(books, accepted);
  screen.print(columns(tableOf(sums)));
  const problems = [...sums.problems, ...disagreements(sums)];
  if (problems.length > 0) {
    throw new UnbalancedBooksError(
      `The books do not balance:\n${problems.map((text) => `  ${text}`).join('\n')}`,
    );
  }
  screen.note('They balance: none lost, none applied twice, one row for each call.', 'green');
}

async function readSums(books: Books, accepted: readonly string[]): Promise<Sums> {
  const reconciliation = await reconcile({ ...books, accepted });
  const { pushes } = await callsOf(books, 0, Date.now());
  const { keys } = await books.simulator.summary();
  return { ...reconciliation, applied: keys, calls: pushes.length };
}

function disagreements({ delivered, applied, calls, succeededRows, failedRows }: Sums): string[] {
  const rows = succeededRows + failedRows;
  return [
    ...(applied === delivered ? [] : [`${delivered} delivered, but ${applied} applied by the API`]),
    ...(calls === rows ? [] : [`${calls} calls with a sale, but ${rows} rows of attempts`]),
  ];
}

function tableOf(sums: Sums): readonly (readonly [string, number, string])[] {
  const { waiting, active, delayed } = sums;
  return [
    ['sales accepted', sums.accepted, 'producer'],
    ['  delivered', sums.delivered, 'Redis'],
    ['  waiting', waiting + active + delayed, 'Redis'],
    ['  dead-lettered', sums.deadLettered, 'Redis'],
    ['applied by Conexxus', sums.applied, 'API ledger'],
    ['  applied twice', sums.appliedTwice, 'API ledger'],
    ['calls with a sale', sums.calls, 'API ledger'],
    ['event rows of sales', sums.succeededRows + sums.failedRows + sums.deadLetterRows, 'Postgres'],
    ['  succeeded', sums.succeededRows, 'Postgres'],
    ['  failed', sums.failedRows, 'Postgres'],
    ['  dead-lettered', sums.deadLetterRows, 'Postgres'],
  ];
}
