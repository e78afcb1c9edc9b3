import { html } from 'hono/html';
import type { Answer } from '../../../sales/sale-answer.ts';
import type { Html } from './html.ts';

/** Where a person acts on what the page shows; a page that was given none shows no such link. */
export interface ActLinks {
  /** Hold, release, bypass, trial, reset. */
  readonly circuit: string;
  /** A group of dead letters, by its key. */
  deadLetters(group: string): string;
  /** A sale, by the id of its job and how that stands; undefined: there is nothing to be done. */
  sale(jobId: string, state: Answer['state']): string | undefined;
  /** A dead sale, to be edited, by the same. */
  repair(jobId: string, state: Answer['state']): string | undefined;
}

export function actLink(href: string | undefined, name: string, text = 'Act'): Html | string {
  return href === undefined ? '' : html`<a class="act" href="${href}" aria-label="${name}">${text}</a>`;
}
