import { Hono } from 'hono';
import { html } from 'hono/html';
import { readMoment } from '../../base/moment.ts';
import type { Problem } from '../../base/problem.ts';
import type { Backlog } from '../../sync/report/backlog.ts';
import { crewWords, queueWords, stateWords } from '../../sync/report/circuit-words.ts';
import { timeToCome } from '../../sync/report/fleet.ts';
import { fromNow } from '../../sync/report/time-words.ts';
import { checked } from '../api/asking.ts';
import { endingBody, reasonBody } from '../api/requests.ts';
import type { OpsEnv } from '../auth.ts';
import type { FleetSeen } from '../fleet-reader.ts';
import { type Desk, type OpsContext, show, tried, wordOf } from './desk.ts';
import { type Fields, formFields, queryFields } from './fields.ts';
import { facts, type Html, reasonField, textField, times, troubleBox } from './page.ts';

interface CircuitForm {
  readonly title: string;
  readonly button: string;
  /** What it will touch, with `jobs` in the queue. */
  readonly effect: (jobs: Backlog['jobs']) => string;
  readonly ends: boolean;
}

const waiting = ({ waiting, delayed }: Backlog['jobs']) => times(waiting + delayed, 'job');

const FORMS = {
  hold: {
    title: 'Hold the circuit',
    button: 'Hold',
    effect: (jobs) =>
      `No call is begun from now on, until it is released or ends by itself. ${times(jobs.active, 'call')} under way ${jobs.active === 1 ? 'is' : 'are'} finished; ${waiting(jobs)} wait, and sales keep arriving. None is lost.`,
    ends: true,
  },
  release: {
    title: 'Release the circuit',
    button: 'Release',
    effect: (jobs) =>
      `The hold ends, or else the bypass; the circuit decides again by itself. ${waiting(jobs)} go out as it lets them.`,
    ends: false,
  },
  bypass: {
    title: 'Bypass the circuit',
    button: 'Bypass',
    effect: (jobs) =>
      `Every call is let through and nothing is counted, whatever comes of it: ${waiting(jobs)} go out at once, and each that fails spends an attempt.`,
    ends: true,
  },
  trial: {
    title: 'Try now',
    button: 'Try now',
    effect: (jobs) =>
      `Ends the wait of an open or rate-limited circuit: a few of ${waiting(jobs)} are tried. Where they fail it opens again, for longer.`,
    ends: false,
  },
  reset: {
    title: 'Reset the circuit',
    button: 'Reset',
    effect: (jobs) =>
      `It is closed with nothing counted, benched workers are back, and ${waiting(jobs)} go out at once. A hold or a bypass stays.`,
    ends: false,
  },
} as const satisfies Record<string, CircuitForm>;

type Action = keyof typeof FORMS;
export const CIRCUIT_ACTIONS: readonly Action[] = ['hold', 'release', 'bypass', 'trial', 'reset'];

/** `/act/circuit/hold` and the like: first what it touches, then the reason, then it is done. */
export function circuitActions(desk: Desk): Hono<OpsEnv> {
  const routes = new Hono<OpsEnv>();
  for (const action of CIRCUIT_ACTIONS) {
    routes.get(`/${action}`, (c) => preview(c, desk, action, queryFields(c)));
    routes.post(`/${action}`, (c) => act(c, desk, action));
  }
  return routes;
}

async function preview(c: OpsContext, desk: Desk, action: Action, fields: Fields, trouble?: Problem) {
  const form: CircuitForm = FORMS[action];
  const [seen, { jobs }] = await Promise.all([desk.fleet.look(), desk.acting.backlog()]);
  const body = html`${troubleBox(trouble)}
<h2>What it touches</h2>
<p>${form.effect(jobs)}</p>
${stateFacts(seen, jobs)}
<form method="post">
${form.ends ? textField('until', 'Until (empty: until a person releases it)', fields.one('until'), 'like 30m, 2h, or 2026-01-31T14:30:00-06:00') : ''}
${reasonField(fields.one('reason'))}
<p><button type="submit">${form.button}</button> <a href="/act">Cancel</a></p>
</form>`;
  return show(c, form.title, body, { trouble });
}

async function act(c: OpsContext, desk: Desk, action: Action) {
  const fields = await formFields(c);
  const done = await tried(async () => {
    const given = { reason: fields.one('reason'), until: fields.one('until') };
    const { reason, until } = FORMS[action].ends
      ? checked(endingBody, given)
      : { ...checked(reasonBody, { reason: given.reason }), until: undefined };
    const end = until === undefined ? undefined : readMoment(until);
    const ends = end === undefined ? {} : { until: await timeToCome(end, desk.fleet) };
    await desk.acting.operate(action, { ...wordOf(c, desk, reason), ...ends });
  });
  if ('trouble' in done) return preview(c, desk, action, fields, done.trouble);
  const [seen, { jobs }] = await Promise.all([desk.fleet.look(), desk.acting.backlog()]);
  const body = html`<p role="status">Done, and in the audit trail.</p>${stateFacts(seen, jobs)}`;
  return show(c, `${FORMS[action].title}: done`, body);
}

function stateFacts({ report, workers, now }: FleetSeen, jobs: Backlog['jobs']): Html {
  const { headline, explanation } = stateWords(report, now);
  const end = report.hold?.until ?? report.bypass?.until;
  return facts([
    ['Circuit', `${headline}. ${explanation}`],
    ...(end === undefined ? [] : [['Ends', fromNow(end, now)] as const]),
    ['Queue', queueWords(report, report.pausedBy, null, now)],
    ['Jobs', `${jobs.waiting} waiting, ${jobs.delayed} delayed, ${jobs.active} under way`],
    ['Workers', crewWords(workers)],
  ]);
}
