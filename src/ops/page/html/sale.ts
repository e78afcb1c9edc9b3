import { html } from 'hono/html';
import type { LoggedEvent } from '../../../events/logged-event.ts';
import type { Answer, FoundSale } from '../../../sales/sale-answer.ts';
import { eventWords } from '../../../sync/report/event-words.ts';
import type { Person } from '../../auth.ts';
import type { SaleSeen } from '../sale-page.ts';
import { counted } from '../words.ts';
import { type ActLinks, actLink } from './act-links.ts';
import { duration } from './chart.ts';
import { card, document } from './document.ts';
import { clock, type Fact, facts, type Html, saleLink, storeLink, withTimes } from './html.ts';
import { outcomeName, outcomeTone } from './people.ts';

/** A sale's life: how it stands, each attempt with what Conexxus answered, what it holds. */
export function salePage(seen: SaleSeen, person: Person, acts: ActLinks | null): Html {
  const { wanted, sales } = seen;
  const body = html`${sales.length === 0 ? unknown(seen) : several(seen)}
${sales.map((sale, index) => saleCard(sale, seen, String(index + 1), acts))}${limits(seen)}`;
  return document({ title: `${wanted.id} · conexxus-sync`, person, search: wanted.id, body });
}

function unknown({ wanted, traces }: SaleSeen): Html {
  const isCertain = Object.values(traces).every((facts: object) => 'told' in facts);
  const words = isCertain ? 'Nobody has heard of it' : 'It was not found where it was looked for';
  return html`<section class="standing tone-careful" aria-label="How it stands"><h1>${wanted.id}: ${words}.</h1></section>`;
}

function several({ wanted, sales }: SaleSeen): Html {
  const [only] = sales;
  if (sales.length > 1 || only === undefined) {
    return html`<section class="standing tone-careful" aria-label="How it stands"><h1>${wanted.id} is ${sales.length} sales, each of its own store or day.</h1></section>`;
  }
  const { head, why } = partsOf(only.answer);
  const reason = why === '' ? '' : html`<p>${withTimes(why)}</p>`;
  return html`<section class="standing tone-${toneOf(only.answer)}" aria-label="How it stands"><h1>${withTimes(sentenceOf(wanted.id, head))}</h1>${reason}</section>`;
}

/** A reason quotes whoever refused it, at whatever length. */
function partsOf({ text }: Answer): { readonly head: string; readonly why: string } {
  const [, head = text, why = ''] = /^(.+? \([^()]*\)): (.*)$/s.exec(text) ?? [];
  return { head, why };
}

/** The page of a payload is asked for by a name that no line holds. */
function sentenceOf(id: string, text: string): string {
  if (/^(waits|is)\b/.test(text)) return `${id} ${text}.`;
  return `${id} ${/ since /.test(text) ? 'has been' : 'was'} ${text}.`;
}

function toneOf({ state }: Answer): 'good' | 'careful' | 'bad' {
  if (state === 'delivered' || state === 'replaced') return 'good';
  return state === 'dead' || state === 'lost' || state === 'apart' ? 'bad' : 'careful';
}

function saleCard(
  sale: FoundSale,
  { payloads, sales }: SaleSeen,
  place: string,
  acts: ActLinks | null,
): Html {
  const { locationId, date, answer, jobs, outbox, history } = sale;
  const isToldAbove = sales.length === 1 && jobs.length === 1;
  const jobFacts = jobs.map(({ id, transactions, answer: of }): Fact => {
    const others =
      transactions === null || transactions < 2 ? '' : ` (with ${counted(transactions - 1, 'other sale')})`;
    const act = actLink(acts?.sale(id, of.state), ACT_NAMES[of.state] ?? 'Act', `job ${id}`);
    const repair = actLink(acts?.repair(id, of.state), 'Repair…', `job ${id}`);
    const text = isToldAbove ? partsOf(of).head : of.text;
    return ['Job', html`${saleLink(id)}${others}: ${withTimes(text)}. ${mayBe(of.state)} ${act} ${repair}`];
  });
  const lines = outbox.map(({ line, total, answer: { text } }): Fact => {
    const name = line === null ? '' : ` (line ${line}${total === null ? '' : `, ${total}`})`;
    return ['Outbox', html`${withTimes(text)}${name}`];
  });
  const content = html`${facts([
    ['Stands', html`<strong class="badge ${toneOf(answer)}">${answer.state}</strong>`],
    ['Store', locationId === null ? 'none is named' : storeLink(locationId)],
    ['Date', date ?? 'none is named'],
    ...jobFacts,
    ...lines,
  ])}
<h3>Its life</h3>${lifeOf(history)}
${jobs.map(({ id }) => payloadOf(id, payloads.get(id), history))}`;
  return card(`sale-${place}`, [locationId ?? 'No store', date ?? 'no date'].join(', '), content);
}

const ACT_NAMES: Partial<Record<Answer['state'], string>> = {
  dead: 'Replay…',
  delivered: 'Send again…',
  flagged: 'Send again…',
};

/** What a person may do with it. */
function mayBe(state: Answer['state']): string {
  switch (state) {
    case 'dead':
      return 'It may be replayed, repaired, or discarded.';
    case 'delivered':
    case 'flagged':
      return 'It may be sent once more on purpose (resend).';
    case 'apart':
      return 'It may be released, or discarded.';
    default:
      return '';
  }
}

function lifeOf(history: readonly LoggedEvent[]): Html {
  if (history.length === 0) return html`<p class="soft">The event log has no row of it.</p>`;
  return html`<ol class="rows life">${history.map(lifeRow)}</ol>`;
}

function lifeRow({ type, at, payload }: LoggedEvent): Html {
  const { answer, durationMs } = payload;
  const took = typeof durationMs === 'number' ? `, ${duration(durationMs)}` : '';
  const answered =
    typeof answer === 'string' && answer !== ''
      ? html`<div>Conexxus answered: <code>${answer}</code></div>`
      : '';
  return html`<li>${clock(at)} <strong class="badge ${outcomeTone(type)}">${outcomeName(type)}</strong> ${eventWords(type, payload)}${took}${answered}</li>`;
}

/** As the queue has it; else its beginning, which is all that the event log keeps. */
function payloadOf(jobId: string, payload: string | undefined, history: readonly LoggedEvent[]): Html {
  const logged = history.findLast(
    (event) => event.jobId === jobId && typeof event.payload['data'] === 'string',
  );
  const excerpt = logged === undefined ? undefined : String(logged.payload['data']);
  const text = payload ?? excerpt;
  if (text === undefined) return html``;
  const what = payload === undefined ? 'The beginning of its payload, from the event log' : 'Its payload';
  return html`<h3>${what}</h3><pre tabindex="0" role="region" aria-label="Payload of ${jobId}">${text}</pre>`;
}

function limits({ traces: { log, queue, outbox }, wanted }: SaleSeen): Html {
  const older = 'told' in log ? log.told.older : 0;
  const unwritten = 'told' in queue ? queue.told.unwritten : 0;
  const lines: (Html | string)[] = [
    ...(older > 0 ? [`Left out: ${counted(older, 'older row')}.`] : []),
    ...(unwritten > 0
      ? [`${counted(unwritten, 'row')} of the event log wait for Postgres: the newest may be missing.`]
      : []),
    ...('untold' in queue ? [`The queue: ${queue.untold}.`] : []),
    ...('untold' in log ? [`The event log: ${log.untold}.`] : []),
    ...('untold' in outbox ? [`The outbox: ${outbox.untold}.`] : []),
    ...('told' in queue && !queue.told.isSearched
      ? [
          html`The queue was not looked through for other jobs with this sale. <a href="/sales/${encodeURIComponent(wanted.id)}?search=all">Look</a>`,
        ]
      : []),
  ];
  if (lines.length === 0) return html``;
  return html`<section class="card" aria-label="What is not known"><ul class="rows">${lines.map((line) => html`<li>${line}</li>`)}</ul></section>`;
}
