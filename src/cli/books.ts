import { type Command, InvalidArgumentError } from 'commander';
import * as z from 'zod';
import { loadConfig, secretsOf } from '../base/config/config.ts';
import { createRedactor, redactJson } from '../base/redaction.ts';
import { areWrong, readBooks } from '../outbox/books.ts';
import { compareWithTill, isDifferent } from '../outbox/compare.ts';
import { type BooksView, renderBooks } from './books-view.ts';
import { notEmpty, positive } from './options.ts';
import { write } from './output.ts';
import { readTillList } from './till-list.ts';
import { withOutbox } from './with-outbox.ts';

interface BooksOptions {
  readonly date: string;
  readonly location?: string;
  readonly compare?: string;
  readonly limit: number;
  readonly json?: true;
}

const NAMED = 5;

export function registerBooks(program: Command): void {
  program
    .command('books')
    .description(
      'what became of the sales of a day, from the outbox; exits 1 where anything is flagged, dead or set ' +
        'apart, or where it differs from what the till lists. What still waits is told, and is not wrong',
    )
    .requiredOption('--date <date>', "the stores' business date, like 2026-11-24", calendarDate)
    .option('--location <id>', 'of this store alone', notEmpty)
    .option(
      '--compare <file>',
      "the till's list of that day, CSV with transaction_id,total; - is the input",
      notEmpty,
    )
    .option('--limit <n>', 'name at most so many sales of a kind; all are counted', positive, NAMED)
    .option('--json', 'as JSON')
    .action(showBooks);
}

export function calendarDate(value: string): string {
  if (!z.iso.date().safeParse(value).success)
    throw new InvalidArgumentError('It is no date like 2026-11-24.');
  return value;
}

async function showBooks({ date, location, compare, limit, json }: BooksOptions): Promise<void> {
  const { outboxDatabaseUrl } = loadConfig('books');
  const list = compare === undefined ? undefined : await readTillList(compare);
  const day = { date, locationId: location };
  const view = await withOutbox(outboxDatabaseUrl, (database) =>
    database.read(async (tx): Promise<BooksView> => {
      const books = await readBooks(tx, day, limit);
      if (list === undefined) return { ...day, books };
      const { sales, badLines } = list;
      return { ...day, books, till: { ...(await compareWithTill(tx, day, sales, limit)), badLines } };
    }),
  );
  const redact = createRedactor(secretsOf());
  await write(
    json
      ? `${redactJson(JSON.stringify(recordOf(view, limit)), redact)}\n`
      : `${redact(renderBooks(view))}\n`,
  );
  if (isWrong(view)) process.exitCode = 1;
}

function isWrong({ books, till }: BooksView): boolean {
  if (till !== undefined && (till.badLines.length > 0 || isDifferent(till))) return true;
  return areWrong(books);
}

/** For scripts. */
function recordOf({ books, till, locationId }: BooksView, limit: number): object {
  if (till === undefined) return { locationId, ...books };
  const badLines = { count: till.badLines.length, first: till.badLines.slice(0, limit) };
  return { locationId, ...books, compared: { ...till, badLines } };
}
