import { Hono } from 'hono';
import { html } from 'hono/html';
import * as z from 'zod';
import type { Problem } from '../../base/problem.ts';
import { REDACTED, redactData } from '../../base/redaction.ts';
import { shellWords } from '../../base/shell-words.ts';
import type { Difference } from '../../sync/dead-letters/differences.ts';
import type { Replacement } from '../../sync/dead-letters/repair.ts';
import { changedNumbers } from '../../sync/jobs/exact-numbers.ts';
import { checked } from '../api/asking.ts';
import { notJson } from '../api/refusals.ts';
import { reasonBody, repairBody } from '../api/requests.ts';
import type { OpsEnv } from '../auth.ts';
import { type Desk, type OpsContext, show, tried, wordOf } from './desk.ts';
import { type Fields, formFields, queryFields, queryOf } from './fields.ts';
import { facts, type Html, hiddenFields, reasonField, someOf, textField, times, troubleBox } from './page.ts';

const TITLE = 'Repair a dead letter';
const IDS_SHOWN = 20;
/** As a form sends it; the dashboard takes 64 KB. */
const FORM_MAX = 60_000;

const problemsSchema = z.array(z.object({ path: z.string(), message: z.string() }));

/** Where a dead letter is edited. */
export function repairLink(jobId: string): string {
  return `/act/dead-letters/repair${queryOf({ id: [jobId] })}`;
}

/** `/act/dead-letters/repair?id=`: the payload to edit, then what differs and the reason, then it is done. */
export function repairAction(desk: Desk): Hono<OpsEnv> {
  const routes = new Hono<OpsEnv>();
  routes.get('/', (c) => edit(c, desk, queryFields(c)));
  routes.post('/', async (c) => {
    const fields = await formFields(c);
    return fields.one('confirm') === undefined ? preview(c, desk, fields) : act(c, desk, fields);
  });
  return routes;
}

async function edit(c: OpsContext, desk: Desk, fields: Fields, trouble?: Problem) {
  const id = fields.one('id');
  const wrong = html`${troubleBox(trouble)}${problemList(trouble)}`;
  if (id === undefined) return show(c, TITLE, html`${wrong}${askForm()}`, { trouble });
  const { value: letter } = await desk.acting.deadLetters.scan({ ids: [id] }, 'oldest-first').next();
  if (letter === undefined) {
    const missing = {
      status: 404,
      kind: 'no-dead-letter',
      title: 'No dead letter',
      detail: `There is no dead letter ${id}.`,
    };
    const none = trouble ?? missing;
    return show(c, TITLE, html`${troubleBox(none)}${askForm()}`, { trouble: none });
  }
  const shown = redactData(letter.data, desk.redact);
  const text = fields.one('payload') ?? (typeof shown === 'string' ? shown : JSON.stringify(shown, null, 2));
  const told = facts([
    ['Job', html`<code>${id}</code>`],
    ['Died of', desk.redact(letter.reason)],
    ['Location', letter.locationId ?? 'none is named'],
  ]);
  const form = sentLength(text) > FORM_MAX ? tooLarge(id) : editForm(id, text, fields, trouble);
  return show(c, TITLE, html`${wrong}${told}${form}`, { trouble });
}

function sentLength(text: string): number {
  return new URLSearchParams({ payload: text }).toString().length;
}

function askForm(): Html {
  return html`<form method="get">
${textField('id', 'Job id of the dead letter')}
<p><button type="submit">Edit</button> <a href="/act">Cancel</a></p>
</form>`;
}

function tooLarge(id: string): Html {
  const word = shellWords(id);
  return html`<p>It is too large for a form. On the command line:</p>
<pre>node dist/cli.js dead-letters show ${word} --payload &gt; edited.json
node dist/cli.js dead-letters repair ${word} --file edited.json</pre>`;
}

function editForm(id: string, text: string, fields: Fields, trouble: Problem | undefined): Html {
  return html`<form method="post">
<input type="hidden" name="id" value="${id}">
<p class="field"><label for="payload">Its payload</label>
<textarea id="payload" name="payload" rows="24" spellcheck="false" aria-describedby="payload-hint">${text}</textarea>
<small id="payload-hint">Store, date and transaction ids say which sale it is, and stay.${text.includes(REDACTED) ? ` ${REDACTED} stands for what nobody may see: left so, it stays as it was.` : ''}</small></p>
${trouble?.extra?.['inDoubt'] === true || fields.one('inDoubt') !== undefined ? doubtField(fields) : ''}
<p><button type="submit">Preview</button> <a href="/act">Cancel</a></p>
</form>`;
}

function doubtField(fields: Fields): Html {
  const isChecked = fields.one('inDoubt') !== undefined;
  return html`<p><label><input type="checkbox" name="inDoubt" value="true"${isChecked ? ' checked' : ''}> Conexxus was asked, and has it not</label></p>`;
}

function problemList(trouble: Problem | undefined): Html {
  const found = problemsSchema.safeParse(trouble?.extra?.['problems']);
  if (!found.success) return html``;
  return html`<ul>${found.data.map(({ path, message }) => html`<li><code>${path}</code> ${message}</li>`)}</ul>`;
}

async function preview(c: OpsContext, desk: Desk, fields: Fields, refused?: Problem) {
  const seen = await tried(async () => desk.acting.repairs.rehearse(askedIn(fields)));
  if ('trouble' in seen) return edit(c, desk, fields, seen.trouble);
  const body = html`${troubleBox(refused)}
<h2>What it touches</h2>
<p>The edited sale goes to Conexxus under a key of its own, and <code>${seen.result.replaced}</code> is closed as replaced by it.</p>
${replacementFacts(seen.result)}
${differenceTable(seen.result)}
${seen.result.inDoubt ? html`<p class="trouble">Nobody knows how a try of it ended: if Conexxus has it, it will have both.</p>` : ''}
<form method="post">
${hiddenFields({ ...fields.pick(['id', 'payload', 'inDoubt']), confirm: ['yes'] })}
${reasonField(fields.one('reason'))}
<p><button type="submit">Repair</button> <a href="/act">Cancel</a></p>
</form>`;
  return show(c, TITLE, body, { trouble: refused });
}

function replacementFacts({ jobId, locationId, transactionIds }: Replacement): Html {
  return facts([
    ['New job', html`<code>${jobId}</code>`],
    ['Location', locationId],
    ['Sales', someOf(transactionIds.slice(0, IDS_SHOWN), transactionIds.length)],
  ]);
}

function differenceTable({ differences: { list, more } }: Replacement): Html {
  return html`<table class="stack"><caption>What differs</caption>
<thead><tr><th scope="col">Field</th><th scope="col">Was</th><th scope="col">Is</th></tr></thead>
<tbody>${list.map(differenceRow)}</tbody></table>${more > 0 ? html`<p>And ${times(more, 'more difference')}.</p>` : ''}`;
}

function differenceRow({ path, from, to }: Difference): Html {
  return html`<tr><td><code>${path === '' ? '(all of it)' : path}</code></td><td>${valueOf(from)}</td><td>${valueOf(to)}</td></tr>`;
}

function valueOf(json: string | null): Html {
  return json === null ? html`(not there)` : html`<code>${json}</code>`;
}

async function act(c: OpsContext, desk: Desk, fields: Fields) {
  const done = await tried(async () => {
    const { reason } = checked(reasonBody, { reason: fields.one('reason') });
    return desk.acting.repairs.repair({ ...askedIn(fields), word: wordOf(c, desk, reason) });
  });
  if ('trouble' in done) return preview(c, desk, fields, done.trouble);
  const { replaced, jobId } = done.result;
  const body = html`<p role="status"><code>${replaced}</code> is closed, replaced by <a href="/sales/${encodeURIComponent(jobId)}"><code>${jobId}</code></a>, which is in the queue.</p>
<p><a href="/act">Actions</a></p>`;
  return show(c, `${TITLE}: done`, body);
}

/** What was typed, as it is: a number that JSON.parse makes another one of is found in its text. */
function askedIn(fields: Fields) {
  const text = fields.one('payload') ?? '';
  const given = { id: fields.one('id'), payload: parsed(text), dryRun: true };
  const { id, payload } = checked(repairBody, given);
  const edited = { data: payload, changed: changedNumbers(text) };
  return { id, edited, inDoubt: fields.one('inDoubt') !== undefined };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw notJson();
  }
}
