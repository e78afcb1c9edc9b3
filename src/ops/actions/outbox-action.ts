import { Hono } from 'hono';
import { html, raw } from 'hono/html';
import type { Problem } from '../../base/problem.ts';
import { type Act, OPEN_TO_ACTS, type SaleFilter } from '../../outbox/meant.ts';
import { ACT_PAST, byState, refusalWords, sumOf } from '../../outbox/outcome-words.ts';
import type { Outcome } from '../../outbox/tally.ts';
import { checked } from '../api/asking.ts';
import { outboxBody, reasonBody } from '../api/requests.ts';
import type { OpsEnv } from '../auth.ts';
import { type Desk, type OpsContext, show, tried, wordOf } from './desk.ts';
import { type Fields, formFields, queryFields } from './fields.ts';
import { type Html, hiddenFields, reasonField, textField, times, troubleBox } from './page.ts';

const FILTER = ['sale', 'line', 'location', 'date', 'state', 'all'] as const;

const ACTS = {
  release: {
    title: 'Release sales of the outbox',
    button: 'Release',
    effect: 'go again, under the key that they had',
  },
  discard: {
    title: 'Discard sales of the outbox',
    button: 'Discard for good',
    effect: 'are given up for good',
  },
} as const;

/** `/act/outbox/release`, `/discard` and `/relays`. */
export function outboxActions(desk: Desk): Hono<OpsEnv> {
  const routes = new Hono<OpsEnv>();
  for (const act of ['release', 'discard'] as const) {
    routes.get(`/${act}`, (c) => preview(c, desk, act, queryFields(c)));
    routes.post(`/${act}`, (c) => perform(c, desk, act));
  }
  routes.get('/relays', (c) => previewRelays(c, desk, queryFields(c)));
  routes.post('/relays', (c) => releaseRelays(c, desk));
  return routes;
}

function checkedIn(
  fields: Fields,
  reason?: string,
): { readonly filter: SaleFilter; readonly reason: string } {
  const [location, date, state] = (['location', 'date', 'state'] as const).map((name) => fields.one(name));
  const all = fields.one('all') === undefined ? undefined : true;
  const dryRun = reason === undefined;
  const asked = { sales: fields.all('sale'), lines: fields.all('line'), location, date, state, all };
  const body = checked(outboxBody, { ...asked, reason, dryRun });
  const { sales, lines } = body;
  const filter = { sales, lines, locationId: body.location, date: body.date, state: body.state };
  return { filter, reason: body.reason ?? '' };
}

async function preview(c: OpsContext, desk: Desk, act: Act, fields: Fields, refused?: Problem) {
  const { title, button, effect } = ACTS[act];
  if (Object.keys(fields.pick(FILTER)).length === 0) {
    return show(c, title, html`${troubleBox(refused)}${filterForm(act)}`, { trouble: refused });
  }
  const seen = await tried(async () => desk.acting.outbox.rehearse(act, checkedIn(fields).filter));
  if ('trouble' in seen) {
    return show(c, title, html`${troubleBox(seen.trouble)}${filterForm(act)}`, { trouble: seen.trouble });
  }
  const count = sumOf(seen.result);
  const body = html`${troubleBox(refused)}
<h2>What it touches</h2>
<p><strong>${times(count, 'sale')}</strong>${byState(seen.result)}, which ${effect}.</p>
${refusalList(seen.result)}
${
  count === 0
    ? html`<p><a href="/act">Back</a></p>`
    : html`<form method="post">
${hiddenFields(fields.pick(FILTER))}
${reasonField(fields.one('reason'))}
<p><button type="submit"${act === 'discard' ? raw(' class="bad"') : ''}>${button}</button> <a href="/act">Cancel</a></p>
</form>`
}`;
  return show(c, title, body, { trouble: refused });
}

function filterForm(act: Act): Html {
  const states = OPEN_TO_ACTS.filter((state) => act === 'discard' || state !== 'waiting');
  return html`<form method="get">
<p>Which ones? One by its name, or all of a store or a day.</p>
${textField('sale', 'Transaction id')}
${textField('line', 'Line in conexxus_sales')}
${textField('location', 'Location')}
${textField('date', 'Business date', '', 'YYYY-MM-DD')}
<p class="field"><label for="state">State</label><select id="state" name="state"><option value="">any</option>
${states.map((state) => html`<option value="${state}">${state}</option>`)}</select></p>
<p><label><input type="checkbox" name="all" value="true"> All stores and days</label></p>
<p><button type="submit">Preview</button> <a href="/act">Cancel</a></p>
</form>`;
}

function refusalList({ alongside, refused }: Outcome): Html {
  const along = html`<li>${alongside} of them only because they are in one payload with one that is meant.</li>`;
  if (alongside === 0 && refused.length === 0) return html``;
  return html`<ul>${alongside > 0 ? along : ''}${refused.map(
    (refusal) =>
      html`<li>${refusal.count} not: ${refusalWords(refusal)}: ${refusal.first.join(', ')}${refusal.count > refusal.first.length ? ` and ${refusal.count - refusal.first.length} more` : ''}</li>`,
  )}</ul>`;
}

async function perform(c: OpsContext, desk: Desk, act: Act) {
  const fields = await formFields(c);
  const done = await tried(async () => {
    const { filter, reason } = checkedIn(fields, fields.one('reason') ?? '');
    return desk.acting.outbox[act](filter, wordOf(c, desk, reason));
  });
  if ('trouble' in done) return preview(c, desk, act, fields, done.trouble);
  const body = html`<p role="status"><strong>${times(sumOf(done.result), 'sale')} ${ACT_PAST[act]}</strong>${byState(done.result)}.</p>
${refusalList(done.result)}<p><a href="/act">Actions</a></p>`;
  return show(c, `${ACTS[act].title}: done`, body);
}

const RELAYS = 'Let the relays go on';

async function previewRelays(c: OpsContext, desk: Desk, fields: Fields, refused?: Problem) {
  const held = await tried(() => desk.acting.outbox.held());
  if ('trouble' in held) return show(c, RELAYS, troubleBox(held.trouble), { trouble: held.trouble });
  if (held.result === null) {
    return show(c, RELAYS, html`<p>They are not held.</p><p><a href="/act">Actions</a></p>`);
  }
  const body = html`${troubleBox(refused)}<h2>What it touches</h2>
<p>The relays send nothing until a person says so: ${held.result}</p>
<form method="post">${reasonField(fields.one('reason'))}
<p><button type="submit">Let them go on</button> <a href="/act">Cancel</a></p></form>`;
  return show(c, RELAYS, body, { trouble: refused });
}

async function releaseRelays(c: OpsContext, desk: Desk) {
  const fields = await formFields(c);
  const done = await tried(async () => {
    const { reason } = checked(reasonBody, { reason: fields.one('reason') ?? '' });
    return desk.acting.outbox.releaseRelays(wordOf(c, desk, reason));
  });
  if ('trouble' in done) return previewRelays(c, desk, fields, done.trouble);
  const words = done.result === null ? 'They were not held.' : `They go on. They were held: ${done.result}`;
  return show(c, `${RELAYS}: done`, html`<p role="status">${words}</p><p><a href="/act">Actions</a></p>`);
}
