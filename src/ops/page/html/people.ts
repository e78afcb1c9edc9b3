import { html } from 'hono/html';
import type { LoggedEvent } from '../../../events/logged-event.ts';
import { benchWords, crewWords } from '../../../sync/report/circuit-words.ts';
import { eventWords, shortType } from '../../../sync/report/event-words.ts';
import type { WorkerReport } from '../../../sync/report/worker-report.ts';
import type { Seen } from '../reader.ts';
import { counted, number, shortId, since } from '../words.ts';
import type { ActLinks } from './act-links.ts';
import { actLink } from './act-links.ts';
import { duration } from './chart.ts';
import { ago, type Html, partOf, saleLink, storeLink } from './html.ts';

const WORKERS_SHOWN = 40;
const GROUPS_SHOWN = 12;

export function workersSection({ fleet, now }: Seen): Html {
  return partOf('Redis', fleet, ({ workers }) => {
    if (workers.length === 0) return html`<p>${crewWords(workers)}.</p>`;
    const shown = workers.slice(0, WORKERS_SHOWN);
    const more = workers.length - shown.length;
    return html`<p class="soft">${crewWords(workers)}</p>
<table><thead><tr><th scope="col">Worker</th><th scope="col" class="n">Busy</th><th scope="col">State</th></tr></thead>
<tbody>${shown.map((worker) => workerRow(worker, now))}</tbody></table>${more > 0 ? html`<p class="soft">and ${number(more)} more</p>` : ''}`;
  });
}

function workerRow(worker: WorkerReport, now: number): Html {
  const { name, version, slots, busy, lastOutcome, benched, takesJobs } = worker;
  const last =
    lastOutcome === null ? 'no outcome yet' : html`${lastOutcome.outcome} ${ago(lastOutcome.at, now)}`;
  const state = benched
    ? html`<strong class="badge bad">benched</strong> for ${since(benched.since, now)}: ${benchWords(benched, now)}`
    : takesJobs
      ? last
      : html`<strong class="badge careful">takes no jobs</strong> disabled, or told to stop`;
  return html`<tr><th scope="row">${name} <span class="soft">${version}</span></th><td class="n">${busy} of ${slots}</td><td>${state}</td></tr>`;
}

export function deadLettersSection({ deadLetters, now }: Seen, acts: ActLinks | null): Html {
  return partOf('Redis', deadLetters, ({ total, toBeSplit, older, groups }) => {
    const count = total - toBeSplit;
    const split =
      toBeSplit === 0
        ? ''
        : html`<p class="soft">Not counted: ${counted(toBeSplit, 'batch', 'batches')} that the relay is about to send in halves.</p>`;
    if (count === 0) return html`<p class="soft">None.</p>${split}`;
    return html`<p><strong>${counted(count, 'dead letter')}</strong>, by what they died of:</p>
<ul class="rows">${groups
      .slice(0, GROUPS_SHOWN)
      .map(
        ({ key, count: size, reason, newestAt }) =>
          html`<li><strong class="n">${number(size)}</strong> <q>${reason}</q> <span class="soft">the last ${ago(newestAt, now)}, group <code>${key}</code></span> ${actLink(acts?.deadLetters(key), 'Replay…', `those of group ${key}`)}</li>`,
      )}</ul>
${groups.length > GROUPS_SHOWN ? html`<p class="soft">and ${number(groups.length - GROUPS_SHOWN)} more groups</p>` : ''}${older > 0 ? html`<p class="soft">${number(older)} older ones were not looked at.</p>` : ''}${split}`;
  });
}

export function outcomesSection({ outcomes, now }: Seen): Html {
  return partOf('Postgres', outcomes, (events) =>
    events.length === 0
      ? html`<p class="soft">The event log has none.</p>`
      : html`<ul class="rows">${events.map((event) => outcomeRow(event, now))}</ul>`,
  );
}

/** `isHere`: on the page of its store. */
export function outcomeRow(
  { type, at, jobId, locationId, payload }: LoggedEvent,
  now: number,
  isHere = false,
): Html {
  const { durationMs } = payload;
  const took = typeof durationMs === 'number' ? `, ${duration(durationMs)}` : '';
  const store = locationId === null || isHere ? '' : html` of ${storeLink(locationId)}`;
  return html`<li class="told"><span><strong class="badge ${outcomeTone(type)}">${outcomeName(type)}</strong> ${saleLink(jobId, shortId(jobId))}${store}</span> <span class="soft when">${ago(at, now)}</span> <span class="soft what">${eventWords(type, payload)}${took}</span></li>`;
}

/** `failed` of `conexxus.sync.failed.push_sales` */
export function outcomeName(type: string): string {
  const [, of, what = ''] = type.split('.');
  return of === 'sync' ? what.replace('_', ' ') : shortType(type);
}

export function outcomeTone(type: string): string {
  if (/^conexxus\.sync\.(succeeded|known)\./.test(type)) return 'good';
  if (/^conexxus\.(sync\.dead_lettered\.|circuit\.opened|worker\.benched)/.test(type)) return 'bad';
  return type.startsWith('conexxus.sync.failed.') ? 'careful' : 'plain';
}

export function actsSection({ acts, now }: Seen): Html {
  return partOf('Postgres', acts, (events) =>
    events.length === 0
      ? html`<p class="soft">Nobody did anything yet.</p>`
      : html`<ul class="rows">${events.map(
          ({ type, at, jobId, payload }) =>
            html`<li class="told"><span><strong class="badge plain">${type.replace('conexxus.operator.', '')}</strong> ${jobId === 'queue' || jobId === 'circuit' ? jobId : saleLink(jobId, shortId(jobId))}</span> <span class="soft when">${ago(at, now)}</span> <span class="soft what">${eventWords(type, payload)}</span></li>`,
        )}</ul>`,
  );
}
