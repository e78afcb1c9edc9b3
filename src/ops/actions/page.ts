import { html } from 'hono/html';
import type { Problem } from '../../base/problem.ts';
import type { Person } from '../auth.ts';
import { document } from '../page/html/document.ts';
import { saleLink } from '../page/html/html.ts';
import { shortId } from '../page/words.ts';

export type Html = ReturnType<typeof html>;

interface Page {
  readonly title: string;
  readonly person: Person;
  readonly body: Html | readonly Html[];
  /** It goes on by itself, and is loaded again so often. */
  readonly reloadS?: number | undefined;
}

/** A page that needs no script, and can be read without its stylesheet. */
export function actionPage({ title, person, body, reloadS }: Page): Html {
  return document({
    title: `${title} · conexxus-sync`,
    person,
    isForm: true,
    reloadS,
    body: html`<h1>${title}</h1><div class="card desk">${body}</div>`,
  });
}

/** What went wrong, where a screen reader says it first. */
export function troubleBox(trouble: Problem | undefined): Html {
  if (trouble === undefined) return html``;
  return html`<section class="trouble" role="alert"><h2>${trouble.title}</h2><p>${trouble.detail}</p></section>`;
}

/** `given`: what was typed before, where the form is shown again. */
export function reasonField(given = ''): Html {
  return html`<p class="field"><label for="reason">Reason, for the audit trail (required)</label>
<input id="reason" name="reason" type="text" required maxlength="500" autocomplete="off" value="${given}"></p>`;
}

export function textField(name: string, label: string, given = '', hint = ''): Html {
  const told = hint === '' ? '' : html`<small id="${name}-hint">${hint}</small>`;
  const describedBy = hint === '' ? '' : html` aria-describedby="${name}-hint"`;
  return html`<p class="field"><label for="${name}">${label}</label>
<input id="${name}" name="${name}" type="text" autocomplete="off" value="${given}"${describedBy}>${told}</p>`;
}

/** What was looked at, as it goes along with the form. */
export function hiddenFields(fields: Readonly<Record<string, readonly string[]>>): Html[] {
  return Object.entries(fields).flatMap(([name, values]) =>
    values.map((value) => html`<input type="hidden" name="${name}" value="${value}">`),
  );
}

export function facts(list: readonly (readonly [term: string, fact: string | Html])[]): Html {
  return html`<dl>${list.map(([term, fact]) => html`<div><dt>${term}</dt><dd>${fact}</dd></div>`)}</dl>`;
}

/** The first of many, and how many more there are. `after`: what stands behind each. */
export function someOf(
  ids: readonly string[],
  count: number,
  after: (id: string) => Html | string = () => '',
): Html {
  if (count === 0) return html``;
  const more = count - ids.length;
  return html`<ul class="ids">${ids.map((id) => html`<li>${saleLink(id, shortId(id))}${after(id)}</li>`)}${more > 0 ? html`<li>and ${more} more</li>` : ''}</ul>`;
}

export function times(count: number, unit: string): string {
  return `${count} ${unit}${count === 1 ? '' : 's'}`;
}
