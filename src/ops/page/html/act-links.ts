import { html } from 'hono/html';
import type { Answer } from '../../../sales/sale-answer.ts';
import type { Html } from './html.ts';

/** What a person may do to the circuit. */
type CircuitAct = 'hold' | 'release' | 'trial';

/** Where a person acts on what the page shows; a page that was given none shows no such link. */
export interface ActLinks {
  /** All that may be done. */
  readonly all: string;
  circuit(act: CircuitAct): string;
  /** A group of dead letters, by its key. */
  deadLetters(group: string): string;
  /** A sale, by the id of its job and how that stands; undefined: there is nothing to be done. */
  sale(jobId: string, state: Answer['state']): string | undefined;
  /** A dead sale, to be edited, by the same. */
  repair(jobId: string, state: Answer['state']): string | undefined;
}

/** `of`: on what, for whoever hears it without seeing where it stands. */
export function actLink(href: string | undefined, name: string, of: string): Html | string {
  return href === undefined
    ? ''
    : html`<a class="act" href="${href}">${name}<span class="hidden"> ${of}</span></a>`;
}

const ACT_NAMES: Readonly<Record<CircuitAct, string>> = {
  hold: 'Hold all calls…',
  release: 'Release…',
  trial: 'Try now…',
};
const ACTS_AT: Readonly<Record<string, readonly CircuitAct[]>> = {
  down: ['trial', 'hold'],
  trying: ['hold'],
  'rate-limited': ['trial', 'hold'],
  'catching-up': ['hold'],
  stuck: ['hold'],
  held: ['release'],
  bypassed: ['release'],
};

/** What may be done about what the sentence says. */
export function actsAt(kind: string, acts: ActLinks | null): Html | string {
  const found = ACTS_AT[kind] ?? [];
  if (acts === null || found.length === 0) return '';
  return html`<p class="acts">${found.map((act) => actLink(acts.circuit(act), ACT_NAMES[act], ''))}</p>`;
}
