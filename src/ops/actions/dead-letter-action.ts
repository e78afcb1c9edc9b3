import { Hono } from 'hono';
import { html, raw } from 'hono/html';
import type { Problem } from '../../base/problem.ts';
import type { Redactor } from '../../base/redaction.ts';
import { type Deed, PAST } from '../../sync/dead-letters/records.ts';
import { type Survey, survey } from '../../sync/dead-letters/survey.ts';
import { fromNow } from '../../sync/report/time-words.ts';
import { letterFilter } from '../api/acts.ts';
import { checked } from '../api/asking.ts';
import { deedBody, rateField } from '../api/requests.ts';
import type { OpsEnv } from '../auth.ts';
import { type Desk, type OpsContext, show, tried, wordOf } from './desk.ts';
import { type Fields, formFields, queryFields, queryOf } from './fields.ts';
import { type Html, hiddenFields, reasonField, someOf, textField, times, troubleBox } from './page.ts';
import { repairLink } from './repair-action.ts';

const NARROWING = ['id', 'job', 'location', 'since', 'until', 'error', 'group'] as const;
const FILTER = [...NARROWING, 'all'] as const;
const IDS_SHOWN = 20;
/** What a click on one dead letter takes at most before its page says that it goes on. */
const SETTLE_MS = 1_500;

const DEEDS = {
  replay: {
    title: 'Replay dead letters',
    button: 'Replay',
    effect: 'go back into the queue, with a full retry budget each',
  },
  discard: {
    title: 'Discard dead letters',
    button: 'Discard for good',
    effect: 'are given up for good: only the event log keeps the beginning of each payload',
  },
} as const;

/** `/act/dead-letters/replay` and `/discard`, with the filter of the API as their query. */
export function deadLetterActions(desk: Desk): Hono<OpsEnv> {
  const routes = new Hono<OpsEnv>();
  for (const deed of ['replay', 'discard'] as const) {
    routes.get(`/${deed}`, (c) => preview(c, desk, deed, queryFields(c)));
    routes.post(`/${deed}`, (c) => begin(c, desk, deed));
  }
  return routes;
}

/** As the API takes it. */
function bodyOf(fields: Fields, reason?: string): object {
  const [job, location, since, until, error, group] = NARROWING.slice(1).map((name) => fields.one(name));
  const all = fields.one('all') === undefined ? undefined : true;
  const dryRun = reason === undefined;
  return { ids: fields.all('id'), job, location, since, until, error, group, all, reason, dryRun };
}

interface Seen extends Survey {
  readonly ids: readonly string[];
}

async function look({ acting }: Desk, fields: Fields): Promise<Seen> {
  const ids: string[] = [];
  const filter = letterFilter(checked(deedBody, bodyOf(fields)));
  const found = await survey(acting.deadLetters.deaths, filter, ({ id }, place) => {
    if (place < IDS_SHOWN) ids.push(id);
  });
  return { ...found, ids };
}

/** A reason quotes Conexxus, or whoever enqueued it. */
function redacted(seen: Seen, { redact }: Desk): Seen {
  return { ...seen, groups: redactReasons(seen.groups, redact) };
}

async function preview(c: OpsContext, desk: Desk, deed: Deed, fields: Fields, refused?: Problem) {
  const { title } = DEEDS[deed];
  if (Object.keys(fields.pick(FILTER)).length === 0)
    return show(c, title, filterForm(refused), { trouble: refused });
  const seen = await tried(() => look(desk, fields));
  if ('trouble' in seen) return show(c, title, filterForm(seen.trouble), { trouble: seen.trouble });
  const body = html`${troubleBox(refused)}${previewOf(deed, redacted(seen.result, desk), fields)}`;
  return show(c, title, body, { trouble: refused });
}

function filterForm(trouble: Problem | undefined): Html {
  return html`${troubleBox(trouble)}
<form method="get">
<p>Which ones? Those to which all that is filled in applies.</p>
${textField('id', 'Job id')}
${textField('group', 'Key of a group')}
${textField('location', 'Location')}
${textField('job', 'Job name')}
${textField('error', 'A part of the reason')}
${textField('since', 'Died then or later', '', 'a time with its offset, or so long ago, like 2h')}
${textField('until', 'Died then or earlier')}
<p><label><input type="checkbox" name="all" value="true"> All there are</label></p>
<p><button type="submit">Preview</button> <a href="/act">Cancel</a></p>
</form>`;
}

function previewOf(deed: Deed, { total, toBeSplit, groups, missed, ids }: Seen, fields: Fields): Html {
  const { effect, button } = DEEDS[deed];
  const now = Date.now();
  return html`<h2>What it touches</h2>
<p><strong>${times(total, 'dead letter')}</strong>, which ${effect}.${toBeSplit > 0 ? ` Not counted: ${times(toBeSplit, 'batch')} that the relay is about to split.` : ''}</p>
${groupTable(groups, now)}
${missed.length === 0 ? '' : html`<p>In vain: ${missed.map(({ id, kind }) => html`<code>${id}</code> (${MISSED[kind]}) `)}</p>`}
${someOf(ids, total, (id) => html` <a href="${repairLink(id)}">Repair</a>`)}
${
  total === 0
    ? html`<p><a href="/act">Back</a></p>`
    : html`<form method="post">
${hiddenFields(asSeen(fields, groups))}
<input type="hidden" name="counted" value="${total}">
${textField('rate', 'At most so many a second (empty: as fast as it goes)', fields.one('rate'))}
${reasonField(fields.one('reason'))}
<p>It runs in this dashboard and ends with it: what is not ${PAST[deed]} then stays a dead letter. Its page has a button to stop it.</p>
<p><button type="submit"${deed === 'discard' ? raw(' class="bad"') : ''}>${button}</button> <a href="/act">Cancel</a></p>
</form>`
}`;
}

function groupTable(groups: Survey['groups'], now: number): Html {
  if (groups.length === 0) return html``;
  return html`<table class="stack"><caption>What they died of</caption>
<thead><tr><th scope="col" class="n">Count</th><th scope="col">Newest</th><th scope="col">Reason</th></tr></thead>
<tbody>${groups
    .slice(0, IDS_SHOWN)
    .map(
      ({ count, newestAt, reason }) =>
        html`<tr><td class="n">${count}</td><td>${fromNow(newestAt, now)}</td><td>${reason}</td></tr>`,
    )}</tbody></table>`;
}

/** What dies after this look is not among those that are meant; and "2 hours ago" was meant now. */
function asSeen(fields: Fields, groups: Survey['groups']): Record<string, readonly string[]> {
  const { since } = letterFilter({ since: fields.one('since') });
  const newest = Math.max(...groups.map(({ newestAt }) => newestAt));
  return {
    ...fields.pick(NARROWING),
    ...(since === undefined ? {} : { since: [new Date(since).toISOString()] }),
    ...(fields.all('id') === undefined ? { until: [new Date(newest).toISOString()] } : {}),
  };
}

async function begin(c: OpsContext, desk: Desk, deed: Deed) {
  const fields = await formFields(c);
  const begun = await tried(async () => {
    const body = checked(deedBody, bodyOf(fields, fields.one('reason') ?? ''));
    const perSecond = checked(rateField, { rate: fields.one('rate') }).rate;
    const word = wordOf(c, desk, body.reason ?? '');
    const counted = Number(fields.one('counted') ?? 0) || 0;
    return desk.runs.begin({ deed, filter: letterFilter(body), word, counted, perSecond });
  });
  if ('trouble' in begun) return preview(c, desk, deed, fields, begun.trouble);
  await desk.runs.settled(begun.result.id, SETTLE_MS);
  return c.redirect(`/act/runs/${begun.result.id}`, 303);
}

const MISSED = {
  'not-dead': 'no dead letter',
  'left-out': 'left out by the rest of the filter',
  unknown: 'the queue has no such job',
} as const;

export function redactReasons(groups: Survey['groups'], redact: Redactor): Survey['groups'] {
  return groups.map((group) => ({ ...group, reason: redact(group.reason) }));
}

/** Where the dead letters of a group are acted on. */
export function groupLink(deed: Deed, group: string): string {
  return `/act/dead-letters/${deed}${queryOf({ group: [group] })}`;
}
