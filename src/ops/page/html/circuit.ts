import { html } from 'hono/html';
import type { CircuitReport } from '../../../sync/report/circuit-report.ts';
import {
  causeWords,
  outageWords,
  stateWords,
  suspectWords,
  windowWords,
} from '../../../sync/report/circuit-words.ts';
import { type Outage, outagesIn } from '../outages.ts';
import type { FleetNow, Seen } from '../reader.ts';
import { counted, shortId, shortIds, since, until } from '../words.ts';
import { downtimeChart } from './chart.ts';
import { ago, clock, type Fact, facts, type Html, partOf, saleLink } from './html.ts';

const DAY_MS = 86_400_000;
const OUTAGES_SHOWN = 8;

/** The machine: its state, why, what failed last, when it looks again. */
export function circuitSection({ fleet, now }: Seen): Html {
  return partOf('Redis', fleet, ({ report }) => {
    const { headline, explanation } = stateWords(report, now);
    return html`<p class="state"><strong class="badge ${toneOf(report)}">${headline}</strong> ${explanation}</p>
${facts([...machineFacts(report, now), ...troubleFacts(report, now)])}`;
  });
}

function toneOf({ hold, bypass, state, cooldownUntil }: CircuitReport): string {
  if (hold !== null) return 'careful';
  if (state === 'open') return 'bad';
  return state === 'half-open' || bypass !== null || cooldownUntil !== null ? 'careful' : 'good';
}

function machineFacts(report: CircuitReport, now: number): Fact[] {
  const { since: from, cause, outage, retryAt, cooldownUntil, hold, bypass } = report;
  const end = hold ?? bypass;
  return [
    ['Since', html`${clock(from)} (${since(from, now)})`],
    ['Cause', cause === null || cause === 'missing' ? null : causeWords(cause)],
    // Of a first opening all is told above.
    [
      'Down since',
      outage === null || outage.since === from
        ? null
        : html`${clock(outage.since)}, ${outageWords(outage, now)}`,
    ],
    ['Next look', retryAt === null ? null : html`${until(retryAt, now)}, at ${clock(retryAt)}`],
    ['Trials', report.state === 'half-open' ? trials(report) : null],
    [
      'Break ends',
      cooldownUntil === null ? null : html`${until(cooldownUntil, now)}, at ${clock(cooldownUntil)}`,
    ],
    ['Ends', end?.until === undefined ? null : html`${until(end.until, now)}, at ${clock(end.until)}`],
  ];
}

function trials({ successes, trialsInFlight, options }: CircuitReport): string {
  return `${successes} of ${options.successThreshold} delivered, ${trialsInFlight} under way`;
}

function troubleFacts(report: CircuitReport, now: number): Fact[] {
  const { state, failures, options, lastFailure, lastSuccess, suspect, rejections, totals } = report;
  const isClosed = state === 'closed';
  const rejected = `${counted(rejections, 'sale')} in a row, opens at ${options.rejections}`;
  return [
    [
      'Suspect',
      suspect === null
        ? null
        : html`${shortIds(suspectWords(suspect))} ${saleLink(suspect.jobId, 'its page')}`,
    ],
    ['Last error', lastFailure === null ? null : lastError(lastFailure, now)],
    [
      'Last delivery',
      lastSuccess === null
        ? null
        : html`${ago(lastSuccess.at, now)} by ${lastSuccess.worker}, ${saleLink(lastSuccess.jobId, shortId(lastSuccess.jobId))}`,
    ],
    ['Failures', isClosed ? `${failures} in a row, opens at ${options.failureThreshold}` : null],
    ['Window', isClosed ? windowWords(report) : null],
    ['Rejected', rejections === 0 ? null : rejected],
    ['So far', `${counted(totals.calls, 'call')}, of which ${counted(totals.failures, 'failed', 'failed')}`],
  ];
}

function lastError(
  { at, worker, jobId, message }: NonNullable<CircuitReport['lastFailure']>,
  now: number,
): Html {
  const job = jobId === undefined ? '' : html`, ${saleLink(jobId, shortId(jobId))}`;
  return html`<q>${message ?? '?'}</q> ${ago(at, now)} by ${worker ?? '?'}${job}`;
}

/** When it was down in the last day, and what the last times were about. */
export function historySection({ moves, fleet, now }: Seen): Html {
  return partOf('Postgres', moves, (found) => {
    const outages = withCurrent(outagesIn(found), fleet.value);
    const shown = outages.slice(0, OUTAGES_SHOWN);
    return html`${downtimeChart(outages, now - DAY_MS, now)}
${shown.length === 0 ? html`<p class="soft">It never opened, as far as the event log goes back.</p>` : html`<ol class="rows">${shown.map((outage) => outageRow(outage, now))}</ol>`}`;
  });
}

/** Its rows are a second behind, or more while Postgres is away. */
function withCurrent(outages: readonly Outage[], fleet: FleetNow | null): readonly Outage[] {
  const outage = fleet?.report.outage ?? null;
  const [newest, ...older] = outages;
  const past = newest === undefined || newest.until !== null ? outages : older;
  if (outage === null || fleet === null) return outages;
  const { cause, openings } = outage;
  return [{ from: outage.since, until: null, cause, openings }, ...past];
}

function outageRow({ from, until: end, cause, openings }: Outage, now: number): Html {
  const lasted = end === null ? html`down for ${since(from, now)}` : html`${since(from, end)}`;
  const often = openings > 1 ? `, ${openings} openings` : '';
  return html`<li>${clock(from)} <strong>${lasted}</strong>: ${causeWords(cause)}${often}</li>`;
}
