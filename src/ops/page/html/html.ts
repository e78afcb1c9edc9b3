import { html } from 'hono/html';
import { instant } from '../../../sync/report/time-words.ts';
import type { Reading } from '../reading.ts';
import { since, type Words } from '../words.ts';

export type Html = ReturnType<typeof html>;

/** Which the script tells in the reader's zone, with its offset; UTC without it. */
export function clock(at: number | Date): Html {
  const time = new Date(at);
  return html`<time datetime="${time.toISOString()}">${instant(time.getTime())}</time>`;
}

/** `3 min ago`, with the time itself for whoever points at it. */
export function ago(at: number | Date, now: number): Html {
  const time = new Date(at);
  return html`<time datetime="${time.toISOString()}" data-as="title" title="${instant(time.getTime())}">${since(time.getTime(), now)} ago</time>`;
}

const INSTANT = /(\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d) UTC/;

/** A text of others, whose times are told as those of the page. */
export function withTimes(text: string): Html {
  const parts = text.split(INSTANT);
  return html`${parts.map((part, place) => {
    if (place % 3 === 0) return part;
    return place % 3 === 1 ? clock(Date.parse(`${part}T${parts[place + 1] ?? ''}Z`)) : '';
  })}`;
}

export function words(all: Words): Html {
  return html`${all.map((word) => (typeof word === 'string' ? word : clock(word.at)))}`;
}

export type Fact = readonly [term: string, fact: Html | string | null];

/** Those that there is something to say of. */
export function facts(all: readonly Fact[]): Html {
  return html`<dl>${all
    .filter(([, fact]) => fact !== null)
    .map(([term, fact]) => html`<div><dt>${term}</dt><dd>${fact}</dd></div>`)}</dl>`;
}

/** What is told of a part: where it cannot be read now, that and since when it is so old; or that it never was. */
export function partOf<Value>(
  store: 'Redis' | 'Postgres',
  { value, at, failure }: Reading<Value>,
  show: (value: Value) => Html,
): Html {
  const why = failure === null || failure.reason === '' ? '' : ` (${failure.reason})`;
  if (value === null) {
    return html`<p class="untold">${failure === null ? 'Being read.' : `Not known: ${store} does not answer${why}.`}</p>`;
  }
  const stale =
    failure === null
      ? ''
      : html`<p class="untold">As it was at ${clock(at)}: ${store} does not answer${why}.</p>`;
  return html`${stale}${show(value)}`;
}

export function saleLink(id: string, text = id): Html {
  return html`<a href="/sales/${encodeURIComponent(id)}">${text}</a>`;
}

export function storeLink(locationId: string): Html {
  return html`<a href="/stores/${encodeURIComponent(locationId)}">${locationId}</a>`;
}
