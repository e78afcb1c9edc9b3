import { html } from 'hono/html';
import type { Person } from '../../auth.ts';
import { SCRIPT, STYLE } from '../assets.ts';
import type { Html } from './html.ts';

interface Document {
  readonly title: string;
  readonly person: Person;
  /** What was searched for. */
  readonly search?: string;
  /** It follows what happens: without script it is loaded again every 10 s. */
  readonly isLive?: true;
  /** It needs no script, and tells all times as spans. */
  readonly isForm?: true;
  /** It goes on by itself, and is loaded again so often. */
  readonly reloadS?: number | undefined;
  readonly columns?: 'two';
  readonly body: Html;
}

const RELOAD_S = 10;

/** A whole page, with where it leads to. */
export function document(page: Document): Html {
  const { title, person, search = '', isLive, isForm, reloadS, columns, body } = page;
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title}</title>
<link rel="icon" href="/queues/static/images/logo.svg">
<link rel="stylesheet" href="${STYLE.url}">
${isForm ? '' : html`<script src="${SCRIPT.url}" defer></script>`}
${reloadS === undefined ? '' : html`<meta http-equiv="refresh" content="${reloadS}">`}
${isLive ? html`<noscript><meta http-equiv="refresh" content="${RELOAD_S}"></noscript>` : ''}
</head>
<body>
<a class="skip" href="#main">To the content</a>
<header class="top">
<a class="brand" href="/">conexxus-sync</a>
<nav aria-label="Pages"><a href="/">Overview</a>${person.role === 'operator' ? html` <a href="/act">Actions</a>` : ''} <a href="/queues">Jobs</a></nav>
<form action="/search" role="search"><label class="hidden" for="q">Sale id, job id or store</label><input id="q" name="q" type="search" required maxlength="300" placeholder="Sale id, job id or store" value="${search}" autocomplete="off"><button>Find</button></form>
<span class="who">${isLive ? html`<span class="live" id="live">every ${RELOAD_S} s</span> · ` : ''}${person.name} (${person.role})</span>
</header>
<main id="main" class="${columns ?? ''}" tabindex="-1">
${body}
</main>
${isForm ? '' : html`<footer>Times are yours, with their offset; without script they are UTC.</footer>`}
</body>
</html>`;
}

interface CardLook {
  readonly wide?: boolean;
  readonly act?: Html | string;
}

export function card(
  id: string,
  title: string,
  content: Html,
  { wide = false, act = '' }: CardLook = {},
): Html {
  return html`<section class="card${wide ? ' wide' : ''}" id="${id}" aria-labelledby="${id}-title"><h2 id="${id}-title">${title}${act}</h2>${content}</section>`;
}
