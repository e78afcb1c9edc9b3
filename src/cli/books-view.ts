import { shellWords } from '../base/shell-words.ts';
import {
  type Account,
  type Accounts,
  type Books,
  FATES,
  type Fate,
  type Problem,
  type Sum,
  type Wrong,
  type WrongSale,
} from '../outbox/books.ts';
import type { Comparison, Difference, Differences } from '../outbox/compare.ts';
import { times } from './dead-letter-view.ts';
import { oneLine, table } from './table.ts';
import type { BadLine } from './till-list.ts';

export interface BooksView {
  readonly date: string;
  readonly locationId: string | undefined;
  readonly books: Books;
  /** Where the till's list was given. */
  readonly till?: Comparison & { readonly badLines: readonly BadLine[] };
}

const NO_STORE = '(no store)';
const NONE = '-';
/** What is told beside the sales and not in columns of their own. */
const SELDOM = FATES.filter((fate) => fate !== 'delivered');
const WORDS: Readonly<Record<Fate, string>> = {
  delivered: 'delivered',
  flagged: 'flagged',
  waiting: 'waiting',
  dead: 'dead',
  discarded: 'discarded',
  replaced: 'replaced by a correction',
  apart: 'set apart',
};

export function renderBooks(view: BooksView): string {
  const { books, till } = view;
  return [
    `Books of ${view.date}`,
    '',
    ...storeLines(view),
    ...waitingLines(books.total),
    ...books.problems.flatMap((problem) => problemLines(view, problem)),
    ...unplacedLines(books),
    ...(till === undefined ? [] : tillLines(view, till)),
  ].join('\n');
}

function storeLines({ books, locationId }: BooksView): string[] {
  const { stores, total, withoutBooks } = books;
  const rows = stores.map((store) => accountsRow(store.locationId ?? NO_STORE, store));
  const head = ['', 'sold', 'money', 'delivered', 'money', ''];
  const sum = stores.length > 1 ? [accountsRow('all', total)] : [];
  const asked = stores.length === 0 && locationId !== undefined ? [locationId] : [];
  const nobody = stores.length === 0 && locationId === undefined ? ['  No store has books of this day.'] : [];
  return [
    ...(rows.length === 0 ? nobody : table(flushRight([head, ...rows, ...sum]))),
    ...[...asked, ...withoutBooks].map((store) => `  ${oneLine(store)}: no books`),
  ];
}

function accountsRow(name: string, { sales, corrections, payloads }: Accounts): string[] {
  const more = [
    ...SELDOM.filter((fate) => sales[fate].count > 0).map((fate) => sumWords(sales[fate], WORDS[fate])),
    ...apartWords('correction', corrections),
    ...apartWords('payload without a transaction', payloads, 'payloads without a transaction'),
  ];
  const { sold, delivered } = sales;
  return [
    oneLine(name),
    String(sold.count),
    money(sold.money),
    String(delivered.count),
    money(delivered.money),
    more.join(', '),
  ];
}

/** `2 corrections (12.00): 1 delivered (5.00), 1 dead (7.00)`, as one item. */
function apartWords(one: string, account: Account, many = `${one}s`): string[] {
  const { sold } = account;
  if (sold.count === 0) return [];
  const fates = FATES.filter((fate) => account[fate].count > 0);
  const [only] = fates;
  const name = sold.count === 1 ? one : many;
  if (fates.length === 1 && only !== undefined) return [`${sumWords(sold, name)} ${WORDS[only]}`];
  return [
    `${sumWords(sold, name)}: ${fates.map((fate) => sumWords(account[fate], WORDS[fate])).join(' and ')}`,
  ];
}

function sumWords({ count, money: sum }: Sum, what: string): string {
  return `${count} ${what}${sum === null ? '' : ` (${money(sum)})`}`;
}

function waitingLines({ sales, corrections, payloads }: Accounts): string[] {
  const count = sales.waiting.count + corrections.waiting.count + payloads.waiting.count;
  if (count === 0) return [];
  const [what, it] = count === 1 ? ['1 is', 'It goes'] : [`${count} are`, 'They go'];
  return ['', `${what} waiting, which is not wrong. ${it} by itself; how it stands: ${CLI} outbox status`];
}

const CLI = 'node dist/cli.js';

const ADVICE: Readonly<Record<Wrong, { title: string; advice: (filter: string) => string[] }>> = {
  flagged: {
    title: 'delivered, but the answer names them as refused',
    advice: () => [
      'Ask Conexxus; what they refused, the POS may enqueue corrected. Nothing goes again by itself.',
    ],
  },
  dead: {
    title: 'dead: given up after what stands beside them',
    advice: (filter) => [
      `Once that is put right: ${CLI} outbox release ${filter}`,
      `To give them up:        ${CLI} outbox discard ${filter}`,
    ],
  },
  apart: {
    title: 'set apart: they cannot be sent, or nobody knows whether they were',
    advice: (filter) => [
      `To have them tried again: ${CLI} outbox release ${filter}`,
      `To give them up:          ${CLI} outbox discard ${filter}`,
    ],
  },
};

function problemLines({ date }: BooksView, { locationId, state, count, first }: Problem): string[] {
  const { title, advice } = ADVICE[state];
  const ofDay = shellWords('--date', date, ...(locationId === null ? [] : ['--location', locationId]));
  // Of no store: no other filter would mean these alone.
  const filter =
    locationId === null ? first.map(({ line }) => `--line ${line}`).join(' ') : `${ofDay} --state ${state}`;
  return [
    '',
    `${oneLine(locationId ?? NO_STORE)}: ${count} ${title}`,
    ...table(first.map(wrongRow)),
    ...rest(first.length, count, `books ${ofDay}`),
    ...advice(filter).map((line) => `  ${line}`),
  ];
}

function wrongRow({ transactionId, line, total, reason }: WrongSale): string[] {
  return [oneLine(transactionId ?? `line ${line}`), money(total), oneLine(reason ?? NONE)];
}

function rest(named: number, count: number, command: string): string[] {
  return named < count ? [`  and ${count - named} more: ${CLI} ${command} --limit ${count}`] : [];
}

function unplacedLines({ unplaced }: Books): string[] {
  if (unplaced === 0) return [];
  const rows = unplaced === 1 ? '1 row is' : `${unplaced} rows are`;
  return [
    '',
    `${rows} set apart of which no store or date can be read: they may be of these books.`,
    `  psql "$OUTBOX_DATABASE_URL" -c "select * from conexxus_sales where state = 'apart' and (date is null or location_id is null)"`,
  ];
}

function tillLines(view: BooksView, till: NonNullable<BooksView['till']>): string[] {
  const store = view.locationId === undefined ? [] : ['--location', view.locationId];
  const again = shellWords('books', '--date', view.date, ...store, '--compare', 'FILE');
  const part = (title: string, { count, first }: Differences) =>
    count === 0
      ? []
      : ['', `${count} ${title}`, ...table(first.map(differenceRow)), ...rest(first.length, count, again)];
  const { missing, unknown, differing, badLines } = till;
  const agree = [missing, unknown, differing].every(({ count }) => count === 0);
  return [
    '',
    `The till lists ${sumWords(till.till, times(till.till.count, 'sale').replace(/^\d+ /, ''))}, the books have ` +
      `${till.books.count} (${money(till.books.money)}): ${agree ? 'they agree.' : `${money(till.difference)} apart.`}`,
    ...part('the till has, and the books have not', missing),
    ...part('the books have, and the till has not', unknown),
    ...part('with another total in the books', differing),
    ...badLineLines(badLines),
  ];
}

function differenceRow({ id, till, books }: Difference): string[] {
  const sides =
    till !== null && books !== null
      ? [`till ${money(till)}`, `books ${money(books)}`]
      : [money(till ?? books)];
  return [oneLine(id), ...sides];
}

function badLineLines(badLines: readonly BadLine[]): string[] {
  if (badLines.length === 0) return [];
  const shown = badLines.slice(0, BAD_LINES_SHOWN);
  const more = badLines.length - shown.length;
  return [
    '',
    `${times(badLines.length, 'line')} of the till's list cannot be read, and took no part:`,
    ...shown.map(({ line, problem }) => `  line ${line}: ${oneLine(problem)}`),
    ...(more > 0 ? [`  and ${more} more`] : []),
  ];
}

const BAD_LINES_SHOWN = 20;

/** With at least two decimals, since that is how money is read. */
function money(text: string | null): string {
  if (text === null) return NONE;
  const [whole = '', decimals = ''] = text.split('.');
  return `${whole}.${decimals.padEnd(2, '0')}`;
}

/** All but the first column and the last. */
function flushRight(rows: readonly string[][]): string[][] {
  const width = (column: number) => Math.max(...rows.map((row) => (row[column] ?? '').length));
  return rows.map((row) =>
    row.map((cell, column) =>
      column === 0 || column === row.length - 1 ? cell : cell.padStart(width(column)),
    ),
  );
}
