import { html, raw } from 'hono/html';
import type { Person } from '../../auth.ts';
import type { Seen } from '../reader.ts';
import { type Standing, standingOf } from '../standing/standing.ts';
import { type ActLinks, actLink, actsAt } from './act-links.ts';
import { backlogSection, chartsSection, storesSection } from './backlog.ts';
import { circuitSection, historySection } from './circuit.ts';
import { card, document } from './document.ts';
import { type Html, words } from './html.ts';
import { actsSection, deadLettersSection, outcomesSection, workersSection } from './people.ts';

/** What a page shows at a moment, by section. */
export interface Picture {
  readonly title: string;
  /** What the sentence is about. */
  readonly kind: string;
  readonly sections: Readonly<Record<string, string>>;
}

interface Section {
  readonly title: string;
  readonly wide?: true;
  readonly render: (seen: Seen, acts: ActLinks | null) => Html;
}

/** From top to bottom, as they are asked for in a bad night. */
const SECTIONS: Readonly<Record<string, Section>> = {
  circuit: { title: 'Circuit', render: circuitSection },
  backlog: { title: 'Backlog', render: backlogSection },
  pace: { title: 'The last hour', render: chartsSection },
  stores: { title: 'Stores most behind', render: storesSection },
  history: { title: 'When it was down', render: historySection },
  workers: { title: 'Workers', render: workersSection },
  'dead-letters': { title: 'Dead letters', wide: true, render: deadLettersSection },
  outcomes: { title: 'Last outcomes', wide: true, render: outcomesSection },
  acts: { title: 'What people did', wide: true, render: actsSection },
};

export async function pictureOf(seen: Seen, acts: ActLinks | null): Promise<Picture> {
  const standing = standingOf(seen);
  const rendered = await Promise.all(
    Object.entries(SECTIONS).map(async ([id, { render }]) => [id, String(await render(seen, acts))] as const),
  );
  return {
    title: `${titleOf(standing)} · conexxus-sync`,
    kind: standing.kind,
    sections: { standing: String(await standingHtml(standing, acts)), ...Object.fromEntries(rendered) },
  };
}

/** Short, for the edge of a tab: `Redis away` */
function titleOf({ kind }: Standing): string {
  return kind.charAt(0).toUpperCase() + kind.slice(1).replaceAll('-', ' ');
}

function standingHtml({ kind, tone, words: said, notes }: Standing, acts: ActLinks | null): Html {
  const list =
    notes.length === 0
      ? ''
      : html`<ul>${notes.map((note) => html`<li><a href="${note.href}">${words(note.words)}</a></li>`)}</ul>`;
  return html`<section class="standing tone-${tone}" aria-label="How things are"><h1>${words(said)}</h1>${actsAt(kind, acts)}${list}</section>`;
}

export function overviewPage(
  { title, kind, sections }: Picture,
  person: Person,
  acts: ActLinks | null,
): Html {
  const live = (id: string) => html`<div id="live-${id}">${raw(sections[id] ?? '')}</div>`;
  const cards = Object.entries(SECTIONS).map(([id, section]) => {
    const act = id === 'circuit' ? actLink(acts?.all, 'Actions…', 'on the circuit') : '';
    return card(id, section.title, live(id), { wide: section.wide === true, act });
  });
  const said = html`<p class="hidden" id="said" role="status" data-kind="${kind}"></p>`;
  const standing = html`<div class="wide" id="live-standing">${raw(sections['standing'] ?? '')}</div>`;
  return document({ title, person, isLive: true, columns: 'two', body: html`${standing}${said}${cards}` });
}
