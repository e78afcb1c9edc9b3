import { html } from 'hono/html';
import { type Account, type Books, FATES, type Fate, KINDS, type Problem } from '../../../outbox/books.ts';
import type { Person } from '../../auth.ts';
import type { StoreSeen } from '../store-page.ts';
import { counted, number, since } from '../words.ts';
import { card, document } from './document.ts';
import { ago, clock, type Fact, facts, type Html, saleLink } from './html.ts';
import { outcomeRow } from './people.ts';

const KIND_NAMES: Readonly<Record<(typeof KINDS)[number], string>> = {
  sales: 'Sales',
  corrections: 'Corrections',
  payloads: 'Payloads without a sale',
};
const FATE_NAMES: Readonly<Record<Fate, string>> = {
  delivered: 'delivered',
  flagged: 'flagged',
  waiting: 'waiting',
  dead: 'dead',
  discarded: 'discarded',
  replaced: 'replaced by a correction',
  apart: 'set apart',
};

/** A store: what it waits for, when it last sold, the books of a day. */
export function storePage(seen: StoreSeen, person: Person): Html {
  const { locationId, log } = seen;
  const events =
    'untold' in log
      ? html`<p class="untold">${log.untold}.</p>`
      : log.told.events.length === 0
        ? html`<p class="soft">The event log has none.</p>`
        : html`<ul class="rows">${log.told.events.map((event) => outcomeRow(event, seen.now, true))}</ul>`;
  const body = html`<h1 class="wide">Store ${locationId}</h1>
${card('now', 'Now', nowOf(seen))}
${card('books', `Books of ${seen.date}`, html`${dateForm(seen)}${booksOf(seen)}`)}
${card('events', 'Last outcomes', events, { wide: true })}`;
  return document({
    title: `${locationId} · conexxus-sync`,
    person,
    search: locationId,
    columns: 'two',
    body,
  });
}

function nowOf({ outbox, inTurn, log, now }: StoreSeen): Html {
  const time = (at: number | null, none: string): Html | string =>
    at === null ? none : html`${ago(at, now)}, ${clock(at)}`;
  const ofLog = (pick: (told: Extract<StoreSeen['log'], { told: unknown }>['told']) => Html | string) =>
    'untold' in log ? log.untold : pick(log.told);
  const all: Fact[] = [
    [
      'Outbox',
      outbox === null
        ? 'no books: it is on no outbox'
        : `${number(outbox.waiting)} waiting, ${number(outbox.enqueued)} in the queue, ${number(outbox.dead)} dead, ${number(outbox.apart)} set apart`,
    ],
    [
      'Queue',
      inTurn === null
        ? 'none of its jobs is among those next in turn'
        : `${counted(inTurn.jobs, 'job')} next in turn${inTurn.oldestAt === null ? '' : `, the oldest for ${since(inTurn.oldestAt, now)}`}`,
    ],
    ['Last sale', ofLog(({ soldAt }) => time(soldAt, 'none delivered among its last rows'))],
    ['Last failure', ofLog(({ failedAt }) => time(failedAt, 'none among its last rows'))],
    ['Last catalog', ofLog(({ catalogAt }) => time(catalogAt, 'none among its last rows'))],
    [
      'Items',
      ofLog(({ catalog: { items, updatedAt } }) =>
        updatedAt === null ? 'none' : html`${number(items)}, changed ${ago(updatedAt, now)}`,
      ),
    ],
  ];
  return facts(all);
}

function dateForm({ date }: StoreSeen): Html {
  return html`<form class="inline"><label for="date">Business date</label> <input id="date" name="date" type="date" value="${date}" required> <button>Show</button></form>`;
}

function booksOf({ books, locationId }: StoreSeen): Html {
  if ('untold' in books) return html`<p class="untold">${books.untold}.</p>`;
  const store = books.told?.stores.find((one) => one.locationId === locationId);
  if (books.told === null || store === undefined) return html`<p class="soft">No books of this day.</p>`;
  const tables = KINDS.filter((kind) => store[kind].sold.count > 0).map((kind) =>
    accountTable(KIND_NAMES[kind], store[kind]),
  );
  return html`${tables}${problemsOf(books.told)}`;
}

function accountTable(name: string, account: Account): Html {
  const row = (fate: Fate | 'sold', title: string) =>
    html`<tr><th scope="row">${title}</th><td class="n">${number(account[fate].count)}</td><td class="n">${money(account[fate].money)}</td></tr>`;
  return html`<table><thead><tr><th scope="col">${name}</th><th scope="col" class="n">Count</th><th scope="col" class="n">Money</th></tr></thead>
<tbody>${row('sold', 'sold')}${FATES.filter((fate) => account[fate].count > 0).map((fate) => row(fate, FATE_NAMES[fate]))}</tbody></table>`;
}

function problemsOf({ problems, unplaced }: Books): Html {
  const all = problems.map(problemRows);
  const rest =
    unplaced === 0
      ? ''
      : html`<p class="untold">${counted(unplaced, 'row is', 'rows are')} set apart of which no store or date can be read: they may be of these books.</p>`;
  return html`${all}${rest}`;
}

function problemRows({ state, count, first }: Problem): Html {
  return html`<h3>${number(count)} ${FATE_NAMES[state]}</h3><ul class="rows">${first.map(
    ({ transactionId, line, total, reason }) =>
      html`<li>${transactionId === null ? `line ${line}` : saleLink(transactionId)} ${money(total)} <span class="soft">${reason ?? ''}</span></li>`,
  )}</ul>`;
}

/** With at least two decimals, since that is how money is read. */
function money(text: string | null): string {
  if (text === null) return '–';
  const [whole = '', decimals = ''] = text.split('.');
  return `${whole}.${decimals.padEnd(2, '0')}`;
}
