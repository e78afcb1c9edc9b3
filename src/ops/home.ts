import { createHash } from 'node:crypto';
import { Hono } from 'hono';
import { html, raw } from 'hono/html';
import type { Logger } from '../base/logger.ts';
import type { CircuitReport } from '../sync/report/circuit-report.ts';
import {
  benchWords,
  causeWords,
  crewWords,
  failureWords,
  outageWords,
  queueWords,
  stateWords,
  suspectWords,
  windowWords,
} from '../sync/report/circuit-words.ts';
import { fromNow, instant } from '../sync/report/time-words.ts';
import type { Alerts } from './alerts/alerts.ts';
import type { OpsEnv, Person } from './auth.ts';
import type { FleetReader, FleetSeen } from './fleet-routes.ts';

const STYLE = `
:root { color-scheme: light dark; --ink: #1c2330; --soft: #667085; --page: #f4f6f9; --card: #fff; --line: #e3e8ef; --tone: #98a2b3; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6eaf1; --soft: #98a4b5; --page: #10151d; --card: #18202b; --line: #2a3443; } }
* { box-sizing: border-box; }
body { margin: 0; padding: 2rem 1rem; min-height: 100vh; background: var(--page); color: var(--ink); font: 16px/1.5 system-ui, sans-serif; }
main { max-width: 40rem; margin: 0 auto; }
header, nav { display: flex; flex-wrap: wrap; gap: .5rem 1rem; justify-content: space-between; align-items: baseline; }
h1 { font-size: 1.05rem; margin: 0; letter-spacing: .01em; }
small, dt { color: var(--soft); }
article { margin: 1rem 0; padding: 1.5rem; background: var(--card); border: 1px solid var(--line); border-top: 4px solid var(--tone); border-radius: .6rem; }
.closed { --tone: #17a05d; } .half-open, .careful { --tone: #e29a12; } .open, .held { --tone: #d9463b; }
h2 { display: flex; align-items: center; gap: .6rem; margin: 0; font-size: 1.8rem; line-height: 1.2; }
h2::before { content: ""; flex: none; width: .9rem; height: .9rem; border-radius: 50%; background: var(--tone); }
p { margin: .4rem 0 0; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .35rem 1.5rem; margin: 1.25rem 0 0; }
dd { margin: 0; overflow-wrap: anywhere; font-variant-numeric: tabular-nums; }
a { color: inherit; text-underline-offset: .2em; }
a.button { padding: .5rem 1rem; background: var(--ink); color: var(--page); border-radius: .4rem; text-decoration: none; font-weight: 600; }
a:focus-visible { outline: 3px solid var(--tone); outline-offset: 2px; }
@media (max-width: 26rem) { dl { grid-template-columns: 1fr; gap: 0; } dd { margin-bottom: .6rem; } }
`;

/** The page's one style, as its content policy names it. */
export const HOME_STYLE_HASH = `sha256-${createHash('sha256').update(STYLE).digest('base64')}`;

const RELOAD_S = 5;

export interface HomeDeps {
  readonly fleet: FleetReader;
  /** What is wrong beside the circuit. */
  readonly alerts: Pick<Alerts, 'problems'>;
  /** Who paused the queue, where a person did. */
  readonly pauser: () => Promise<string | null>;
  readonly logger: Logger;
}

/** `GET /`: the circuit in words, for a person. */
export function homeRoutes({ fleet, alerts, pauser, logger }: HomeDeps): Hono<OpsEnv> {
  const routes = new Hono<OpsEnv>();
  routes.get('/', async (c) => {
    const person = c.get('person');
    try {
      const [view, by] = await Promise.all([fleet.look(), pauser()]);
      const queue = queueWords(view.report, view.report.pausedBy, by, view.now);
      return c.html(page(person, html`${problemCards(alerts.problems())}${circuitCard(view, queue)}`));
    } catch (error) {
      // A page that reloads itself comes back by itself; a problem document would stay.
      logger.warn({ err: error }, 'the circuit could not be read');
      return c.html(page(person, unknownCard()), 503);
    }
  });
  return routes;
}

type Html = ReturnType<typeof html>;

function page(person: Person, card: Html): Html {
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="refresh" content="${RELOAD_S}">
<title>conexxus-sync</title>
<link rel="icon" href="/queues/static/images/logo.svg">
<style>${raw(STYLE)}</style>
</head>
<body><main>
<header><h1>conexxus-sync</h1><small>${person.name} (${person.role})</small></header>
${card}
<nav><a class="button" href="/queues">Jobs</a><small>Reloads every ${RELOAD_S} s</small></nav>
</main></body>
</html>`;
}

function unknownCard(): Html {
  return html`<article><h2>Unknown</h2><p>Redis does not answer, so the circuit cannot be read. Sales wait at the stores and in the queue meanwhile.</p></article>`;
}

function problemCards(problems: readonly string[]): Html {
  return html`${problems.map((problem) => html`<article class="open" role="alert"><p>${problem}</p></article>`)}`;
}

function circuitCard(view: FleetSeen, queue: string): Html {
  const { headline, explanation } = stateWords(view.report, view.now);
  return html`<article class="${toneOf(view.report)}">
<h2>${headline}</h2>
<p>${explanation}</p>
<dl>${factsOf(view, queue).map(([term, fact]) => html`<dt>${term}</dt><dd>${fact}</dd>`)}</dl>
</article>`;
}

function toneOf({ hold, bypass, state, cooldownUntil }: CircuitReport): string {
  if (hold !== null) return 'held';
  return state === 'closed' && (bypass !== null || cooldownUntil !== null) ? 'careful' : state;
}

type Fact = readonly [term: string, fact: string];

function factsOf({ report, workers, now }: FleetSeen, queue: string): readonly Fact[] {
  const { since, cause, outage, cooldownUntil, hold, bypass } = report;
  const until = hold?.until ?? bypass?.until;
  return [
    ['Since', `${instant(since)} (${fromNow(since, now)})`],
    ...(cause === null ? [] : [['Cause', causeWords(cause)] as const]),
    ...(outage === null ? [] : [['Down since', outageWords(outage, now)] as const]),
    ...(until === undefined ? [] : [['Until', `${instant(until)} (${fromNow(until, now)})`] as const]),
    ...(cooldownUntil === null ? [] : [['Rate limited, goes on', fromNow(cooldownUntil, now)] as const]),
    ...troubles(report, now),
    ['Workers', crewWords(workers)],
    ['Queue', queue],
  ];
}

function troubles(report: CircuitReport, now: number): readonly Fact[] {
  const { state, failures, options, successes, lastFailure, lastSuccess, suspect, benched, totals } = report;
  return [
    ...(state === 'closed'
      ? [
          ['Failures in a row', `${failures}, opens at ${options.failureThreshold}`] as const,
          ['Window', windowWords(report)] as const,
        ]
      : []),
    ...(state === 'half-open' ? [['Trials delivered', String(successes)] as const] : []),
    ...(lastFailure ? [['Last failure', failureWords(lastFailure, now)] as const] : []),
    ...(lastSuccess
      ? [['Last success', `${fromNow(lastSuccess.at, now)}, job ${lastSuccess.jobId}`] as const]
      : []),
    ...(suspect ? [['Suspect', suspectWords(suspect)] as const] : []),
    ...benched.map((bench) => ['Benched', `${bench.worker}: ${benchWords(bench, now)}`] as const),
    ['Calls so far', `${totals.calls}, of which ${totals.failures} failed`],
  ];
}
