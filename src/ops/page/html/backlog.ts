import { html } from 'hono/html';
import { queueWords } from '../../../sync/report/circuit-words.ts';
import { span } from '../../../sync/report/time-words.ts';
import { untilEmptyMs } from '../pace.ts';
import { type Seen, toSendOf } from '../reader.ts';
import { counted, number, rate, since } from '../words.ts';
import { latencyChart, outcomesChart } from './chart.ts';
import { clock, type Fact, facts, type Html, partOf, storeLink } from './html.ts';

const STORES_SHOWN = 8;

/** What waits, since when, and when it will be done. */
export function backlogSection(seen: Seen): Html {
  return partOf('Redis', seen.backlog, (backlog) => {
    const { jobs, oldestDueSince } = backlog;
    const oldest =
      oldestDueSince === null
        ? 'none is due'
        : html`${since(oldestDueSince, seen.now)}, since ${clock(oldestDueSince)}`;
    return html`<p class="figures"><span><b>${number(toSendOf(backlog, seen.outbox.value))}</b> to be sent</span>
<span><b>${oldestDueSince === null ? '–' : since(oldestDueSince, seen.now)}</b> the oldest waits</span>
<span><b>${speedWords(seen)}</b> a second</span>
<span><b>${etaWords(seen)}</b> until done</span></p>
${facts([
  ['Queue', queueFact(seen)],
  [
    'Jobs',
    `${number(jobs.waiting)} waiting, ${number(jobs.delayed)} for later, ${number(jobs.active)} under way`,
  ],
  ['Oldest due', oldest],
  ['Pace', paceFact(seen)],
  ...outboxFacts(seen),
  ...eventLogFacts(seen),
])}`;
  });
}

function queueFact({ fleet: { value }, now }: Seen): string | null {
  return value === null ? null : queueWords(value.report, value.report.pausedBy, value.pauser, now);
}

function isPaused({ fleet }: Seen): boolean {
  return fleet.value === null || fleet.failure !== null || fleet.value.report.pausedBy.length > 0;
}

function speedWords(seen: Seen): string {
  return seen.pace === null ? '–' : rate(seen.pace.delivered);
}

/** Nobody knows when a queue that is paused will be done. */
function etaWords(seen: Seen): string {
  const { backlog, outbox, pace } = seen;
  const count = backlog.value === null ? 0 : toSendOf(backlog.value, outbox.value);
  if (count === 0 || isPaused(seen)) return '–';
  const ms = untilEmptyMs(pace, count);
  return ms === null ? '–' : `~${span(ms)}`;
}

function paceFact({ pace }: Seen): string {
  if (pace === null) return 'not known yet';
  const by = rate(Math.abs(pace.drained));
  const moves =
    by === '0.0' ? 'as much waits as before' : `it ${pace.drained < 0 ? 'grows' : 'drains'} by ${by}`;
  return `${rate(pace.delivered)} delivered and ${rate(pace.failed)} failed a second; ${moves}`;
}

function outboxFacts({ outbox: { value } }: Seen): Fact[] {
  if (value === null) return [];
  const { relay, total, agoMs } = value;
  const counts = `${number(total.waiting + relay.untaken)} waiting, ${number(total.enqueued)} in the queue, ${number(total.dead)} dead, ${number(total.apart)} set apart`;
  return [
    ['Outbox', counts],
    ['Relay', relay.held === null ? `${relay.name}, ${span(agoMs)} ago` : `held: ${relay.held}`],
  ];
}

function eventLogFacts({ unwritten: { value } }: Seen): Fact[] {
  if (value === null) return [];
  const { rows, oldestAt, refused, now } = value;
  const age = oldestAt === null ? '' : `, the oldest for ${since(oldestAt, now)}`;
  const waits =
    rows === 0 ? 'all is written' : `${counted(rows, 'row waits', 'rows wait')} for Postgres${age}`;
  return [
    [
      'Event log',
      html`<span id="event-log">${waits}${refused === 0 ? '' : `; ${number(refused)} set apart`}</span>`,
    ],
  ];
}

export function chartsSection({ minutes }: Seen): Html {
  return partOf('Postgres', minutes, (hour) => html`${outcomesChart(hour)}${latencyChart(hour)}`);
}

interface StoreRow {
  readonly locationId: string | null;
  readonly waiting: number;
  readonly oldestAt: number | null;
  readonly source: string;
}

/** Those whose sales wait longest, of the outbox and of the queue. */
export function storesSection(seen: Seen): Html {
  return partOf('Redis', seen.stores, ({ stores, lookedAt }) => {
    const ofOutbox = outboxStores(seen);
    const known = new Set(ofOutbox.map(({ locationId }) => locationId));
    const ofQueue = stores
      .filter(({ locationId }) => !known.has(locationId))
      .map(({ locationId, jobs, oldestAt }) => ({ locationId, waiting: jobs, oldestAt, source: 'queue' }));
    const age = ({ oldestAt }: StoreRow) => oldestAt ?? Number.POSITIVE_INFINITY;
    const rows = [...ofOutbox, ...ofQueue].toSorted((a, b) => age(a) - age(b) || b.waiting - a.waiting);
    if (rows.length === 0) return html`<p class="soft">No store waits for anything.</p>`;
    const total = seen.backlog.value?.jobs.waiting ?? 0;
    return html`${storeTable(rows.slice(0, STORES_SHOWN), seen.now)}
<p class="soft">${counted(rows.length, 'store')} of which something waits.${total > lookedAt ? ` Of the queue the ${number(lookedAt)} jobs next in turn were looked at.` : ''}</p>`;
  });
}

function outboxStores({ outbox: { value } }: Seen): StoreRow[] {
  const behindMs = value === null ? 0 : Date.now() - value.agoMs - value.relay.now;
  return [...(value?.stores ?? [])]
    .filter(([, { waiting, enqueued }]) => waiting + enqueued > 0)
    .map(([locationId, { waiting, enqueued, oldestAt }]) => ({
      locationId,
      waiting: waiting + enqueued,
      // By the clock of the POS's Postgres.
      oldestAt: oldestAt === null ? null : oldestAt + behindMs,
      source: 'outbox',
    }));
}

function storeTable(rows: readonly StoreRow[], now: number): Html {
  return html`<table><thead><tr><th scope="col">Store</th><th scope="col" class="n">Waiting</th><th scope="col" class="n">Oldest</th><th scope="col">In</th></tr></thead>
<tbody>${rows.map(
    ({ locationId, waiting, oldestAt, source }) =>
      html`<tr><th scope="row">${locationId === null ? 'no store named' : storeLink(locationId)}</th><td class="n">${number(waiting)}</td><td class="n">${oldestAt === null ? '–' : since(oldestAt, now)}</td><td>${source}</td></tr>`,
  )}</tbody></table>`;
}
