import { Hono } from 'hono';
import { html } from 'hono/html';
import type { Verdict } from '../../sync/dead-letters/dead-letters.ts';
import { PAST } from '../../sync/dead-letters/records.ts';
import { fromNow } from '../../sync/report/time-words.ts';
import type { OpsEnv } from '../auth.ts';
import { type Desk, type OpsContext, show } from './desk.ts';
import { formFields } from './fields.ts';
import { facts, type Html, times } from './page.ts';
import type { Run } from './runs.ts';

const RELOAD_S = 2;
/** Within that a run at any pace has finished what was under way. */
const STOP_MS = 2_000;

/** `/act/runs/:id`: how far it is, and the button to stop it. */
export function runPages({ runs }: Desk): Hono<OpsEnv> {
  const routes = new Hono<OpsEnv>();
  routes.get('/:id', (c) => {
    const run = runs.find(c.req.param('id'));
    return run === undefined ? noSuchRun(c) : runPage(c, run);
  });
  routes.post('/:id/stop', async (c) => {
    await formFields(c);
    const id = c.req.param('id');
    if (runs.find(id) === undefined) return noSuchRun(c);
    runs.stop(id);
    await runs.settled(id, STOP_MS);
    return c.redirect(`/act/runs/${id}`, 303);
  });
  return routes;
}

function noSuchRun(c: OpsContext) {
  const trouble = { status: 404, kind: 'no-such-run', title: 'No such run', detail: '' };
  const body = html`<p>A run lives in the dashboard that it was started in, and ended with it if it had not before. What it did is
in the <a href="/api/events?type=sync.replayed.*">event log</a>; what it did not do is a dead letter still.</p>
<p><a href="/act">Actions</a></p>`;
  return show(c, 'No such run', body, { trouble });
}

function runPage(c: OpsContext, run: Run) {
  const { deed, word, tally, counted, perSecond, startedAt, ended, undone, id } = run;
  const total = Object.values(tally).reduce((sum, count) => sum + count, 0);
  const others = total - tally.done;
  const body = html`<p role="status"><strong>${times(tally.done, 'dead letter')} ${PAST[deed]}</strong>${counted > 0 ? ` of ${counted}` : ''}${others > 0 ? `, ${others} not` : ''}. ${endWords(run)}</p>
${counted > 0 && ended === undefined ? html`<p><progress max="${counted}" value="${total}">${total} of ${counted}</progress></p>` : ''}
${facts([
  ['Who', word.actor],
  ['Why', word.reason],
  ['Begun', fromNow(startedAt, Date.now())],
  ['Pace', perSecond === undefined ? 'as fast as it goes' : `at most ${perSecond} a second`],
])}
${undoneTable(undone, others)}
${ended === undefined ? html`<form method="post" action="/act/runs/${id}/stop"><p><button type="submit" class="bad">Stop</button></p></form>` : html`<p><a href="/act">Actions</a></p>`}`;
  const title = `${deed === 'replay' ? 'Replay' : 'Discard'}: ${ended === undefined ? 'under way' : ended.how}`;
  return show(c, title, body, { reloadS: ended === undefined ? RELOAD_S : undefined });
}

function endWords({ deed, ended }: Run): string {
  const left = `What is not ${PAST[deed]} is a dead letter still.`;
  switch (ended?.how) {
    case undefined:
      return `It goes on in this dashboard, and ends with it. ${left}`;
    case 'done':
      return 'It is done.';
    case 'stopped':
      return `It was stopped. ${left}`;
    case 'failed':
      return `It failed in the middle; the dashboard's log says why. ${left}`;
    case 'dashboard':
      return `It ended with its dashboard. ${left}`;
  }
}

function undoneTable(undone: readonly Verdict[], count: number): Html {
  if (undone.length === 0) return html``;
  const more = count - undone.length;
  return html`<table><caption>Not done${more > 0 ? `, the first ${undone.length}` : ''}</caption>
<thead><tr><th scope="col">Job</th><th scope="col">Why</th></tr></thead>
<tbody>${undone.map((verdict) => html`<tr><td><code>${verdict.id}</code></td><td>${verdictWords(verdict)}</td></tr>`)}</tbody></table>`;
}

function verdictWords(verdict: Verdict): string {
  switch (verdict.kind) {
    case 'done':
      return 'done';
    case 'taken':
      return `replayed by somebody else: it is ${verdict.state}`;
    case 'gone':
      return 'discarded or edited by somebody else';
    case 'refused':
      return `refused: ${verdict.why}`;
    case 'not-dead':
      return `no dead letter: it is ${verdict.state}`;
    case 'left-out':
      return 'left out by the rest of the filter';
    case 'unknown':
      return 'the queue has no such job';
  }
}
