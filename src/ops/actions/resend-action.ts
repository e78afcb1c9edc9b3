import { Hono } from 'hono';
import { html } from 'hono/html';
import type { Problem } from '../../base/problem.ts';
import { payloadFor } from '../api/acts.ts';
import { checked } from '../api/asking.ts';
import { notJson } from '../api/refusals.ts';
import { resendBody } from '../api/requests.ts';
import type { OpsEnv } from '../auth.ts';
import { type Desk, type OpsContext, show, tried, wordOf } from './desk.ts';
import { type Fields, formFields, queryFields } from './fields.ts';
import { facts, hiddenFields, reasonField, someOf, textField, troubleBox } from './page.ts';

const TITLE = 'Send a delivered sale again';
const IDS_SHOWN = 20;

/** `/act/resend?id=`: what would go, the reason, then it goes. */
export function resendAction(desk: Desk): Hono<OpsEnv> {
  const routes = new Hono<OpsEnv>();
  routes.get('/', (c) => preview(c, desk, queryFields(c)));
  routes.post('/', async (c) => {
    const fields = await formFields(c);
    return fields.one('confirm') === undefined ? preview(c, desk, fields) : act(c, desk, fields);
  });
  return routes;
}

async function preview(c: OpsContext, desk: Desk, fields: Fields, refused?: Problem) {
  if (fields.one('id') === undefined) return show(c, TITLE, askForm(fields), { trouble: refused });
  const seen = await tried(() => desk.acting.resending.rehearse(askedIn(fields, { dryRun: true })));
  if ('trouble' in seen) {
    return show(c, TITLE, html`${troubleBox(seen.trouble)}${askForm(fields)}`, { trouble: seen.trouble });
  }
  const { jobId, syncKey, locationId, transactionIds } = seen.result;
  const body = html`${troubleBox(refused)}
<h2>What it touches</h2>
<p>This payload goes to Conexxus a second time, on purpose, under the same <code>Idempotency-Key</code>.</p>
${facts([
  ['Job', html`<code>${jobId}</code>`],
  ['Key', html`<code>${syncKey}</code>`],
  ['Location', locationId],
  ['Sales', someOf(transactionIds.slice(0, IDS_SHOWN), transactionIds.length)],
])}
<form method="post">
${hiddenFields({ ...fields.pick(['id', 'payload']), confirm: ['yes'] })}
${reasonField(fields.one('reason'))}
<p><button type="submit">Send again</button> <a href="/act">Cancel</a></p>
</form>`;
  return show(c, TITLE, body, { trouble: refused });
}

function askForm(fields: Fields) {
  return html`<form method="post">
${textField('id', 'Job id or sync key', fields.one('id'))}
<p class="field"><label for="payload">Payload as JSON, once the queue has forgotten the job</label>
<textarea id="payload" name="payload" rows="8">${fields.one('payload') ?? ''}</textarea></p>
<p><button type="submit">Preview</button> <a href="/act">Cancel</a></p>
</form>`;
}

async function act(c: OpsContext, desk: Desk, fields: Fields) {
  const done = await tried(async () => {
    const { reason } = checked(resendBody, { id: fields.one('id'), reason: fields.one('reason') });
    const word = wordOf(c, desk, reason ?? '');
    return desk.acting.resending.resend({ ...askedIn(fields, {}), word });
  });
  if ('trouble' in done) return preview(c, desk, fields, done.trouble);
  const { jobId, syncKey } = done.result;
  const body = html`<p role="status"><code>${jobId}</code> is in the queue again, and goes out under the same <code>Idempotency-Key</code>,
<code>${syncKey}</code>.</p><p><a href="/act">Actions</a></p>`;
  return show(c, `${TITLE}: done`, body);
}

/** What was pasted as it is: a number that JSON.parse makes another one of is found in its text. */
function askedIn(fields: Fields, more: { readonly dryRun?: true }) {
  const pasted = fields.one('payload');
  const { id } = checked(resendBody, { id: fields.one('id'), reason: 'looked at', ...more });
  const payload = pasted === undefined ? undefined : parsed(pasted);
  return { id, payload: payloadFor(id, payload, `{"payload":${pasted ?? 'null'}}`) };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw notJson();
  }
}
