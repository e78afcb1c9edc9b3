import { html } from 'hono/html';
import { PAST } from '../../sync/dead-letters/records.ts';
import { survey } from '../../sync/dead-letters/survey.ts';
import { stateWords } from '../../sync/report/circuit-words.ts';
import { fromNow } from '../../sync/report/time-words.ts';
import { CIRCUIT_ACTIONS } from './circuit-action.ts';
import { groupLink, redactReasons } from './dead-letter-action.ts';
import { type Desk, type OpsContext, show } from './desk.ts';
import { type Html, times } from './page.ts';
import type { Run } from './runs.ts';

const GROUPS_SHOWN = 20;
const WHAT_FOR: Readonly<Record<(typeof CIRCUIT_ACTIONS)[number], string>> = {
  hold: 'stop all calls until a person releases them, or until a time',
  release: 'end a hold or a bypass',
  bypass: 'let every call through, whatever comes of it',
  trial: 'ask Conexxus now, and not when the wait ends',
  reset: 'forget all failures and benches, and send',
};
const RUNS_SHOWN = 10;

/** `/act`: all that may be done. */
export async function indexPage(c: OpsContext, { acting, fleet, runs, redact }: Desk) {
  const [{ report, now }, found] = await Promise.all([fleet.look(), survey(acting.deadLetters.deaths, {})]);
  const { headline, explanation } = stateWords(report, now);
  const body = html`<p>Each shows first what it will touch, and asks for a reason.</p>
<section><h2>Circuit</h2><p>${headline}. ${explanation}</p>
<ul class="choices">${CIRCUIT_ACTIONS.map((action) => html`<li><a class="act" href="/act/circuit/${action}">${action}</a> <span class="soft">${WHAT_FOR[action]}</span></li>`)}</ul></section>
<section><h2>Dead letters: ${found.total}</h2>
${groupTable(redactReasons(found.groups.slice(0, GROUPS_SHOWN), redact), now)}
<p><a href="/act/dead-letters/replay">Replay others</a> · <a href="/act/dead-letters/discard">Discard others</a> · <a href="/act/dead-letters/repair">Repair one</a></p>
${runList(runs.list().slice(0, RUNS_SHOWN))}</section>
<section><h2>Sales</h2><ul class="rows">
<li><a href="/act/resend">Send a delivered sale again</a></li>
<li><a href="/act/outbox/release">Release sales of the outbox</a></li>
<li><a href="/act/outbox/discard">Discard sales of the outbox</a></li>
<li><a href="/act/outbox/relays">Let relays go on that wait for a person</a></li></ul></section>`;
  return show(c, 'Actions', body);
}

type Groups = Awaited<ReturnType<typeof survey>>['groups'];

function groupTable(groups: Groups, now: number): Html {
  if (groups.length === 0) return html``;
  return html`<table class="stack"><caption>What they died of</caption>
<thead><tr><th scope="col" class="n">Count</th><th scope="col">Newest</th><th scope="col">Reason</th><th scope="col">Actions</th></tr></thead>
<tbody>${groups.map(
    ({
      count,
      key,
      newestAt,
      reason,
    }) => html`<tr><td class="n">${count}</td><td>${fromNow(newestAt, now)}</td><td>${reason}</td>
<td><a href="${groupLink('replay', key)}">Replay</a> · <a href="${groupLink('discard', key)}">Discard</a></td></tr>`,
  )}</tbody></table>`;
}

function runList(runs: readonly Run[]): Html {
  if (runs.length === 0) return html``;
  return html`<h3>Runs of this dashboard</h3><ul class="rows">${runs.map(
    ({ id, deed, word, tally, ended }) =>
      html`<li><a href="/act/runs/${id}">${times(tally.done, 'dead letter')} ${PAST[deed]}, ${ended?.how ?? 'under way'}</a> (${word.actor}: ${word.reason})</li>`,
  )}</ul>`;
}
