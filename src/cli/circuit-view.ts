import type { ManualOverride } from '../circuit/types.ts';
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
import type { WorkerReport } from '../sync/report/worker-report.ts';
import { oneLine, table } from './table.ts';

/** What a person wants to know at once. */
export interface CircuitView {
  readonly report: CircuitReport;
  readonly workers: readonly WorkerReport[];
  /** Who paused the queue, where a person did. */
  readonly pauser: string | null;
  /** Jobs by BullMQ's state. */
  readonly counts: Readonly<Partial<Record<JobState, number>>>;
  /** Redis's clock, as all times of the report. */
  readonly now: number;
}

type JobState = 'waiting' | 'prioritized' | 'delayed' | 'active' | 'failed';
type Facts = [name: string, fact: string][];

const NONE = '-';

export function renderCircuit(view: CircuitView): string {
  const { headline, explanation } = stateWords(view.report, view.now);
  const facts = [...circuitFacts(view), ...queueFacts(view)];
  return [
    `Circuit: ${headline.toUpperCase()}`,
    oneLine(explanation),
    '',
    ...table(facts.map(([name, fact]) => [name, oneLine(fact)])),
    ...adviceOn(view.report),
  ].join('\n');
}

export function circuitFacts(view: CircuitView): Facts {
  return [...machineFacts(view), ...troubleFacts(view)];
}

function machineFacts({ report, now }: CircuitView): Facts {
  const { state, phase, cause, since, outage, retryAt, cooldownUntil, options } = report;
  const trials = `${report.successes} of ${options.successThreshold} delivered, ${report.trialsInFlight} under way`;
  return [
    ['state', phase === null ? state : `${state}, ${phase}`],
    ['why', cause === null ? NONE : causeWords(cause)],
    ['since', time(since, now)],
    ...(outage ? ([['down since', outageWords(outage, now)]] satisfies Facts) : []),
    ['next trial', time(retryAt, now)],
    ...(state === 'half-open' ? ([['trials', trials]] satisfies Facts) : []),
    ...(report.healthCallUntil === null
      ? []
      : ([['health call', `under way, given up ${fromNow(report.healthCallUntil, now)}`]] satisfies Facts)),
    ['cooldown until', time(cooldownUntil, now)],
    ['hold', override(report.hold, now)],
    ['bypass', override(report.bypass, now)],
  ];
}

function troubleFacts({ report, now }: CircuitView): Facts {
  const { state, failures, rejections, options, lastFailure, lastSuccess, totals, suspect, benched } = report;
  const closed: Facts = [
    ['failures', `${failures} in a row, opens at ${options.failureThreshold}`],
    ['window', windowWords(report)],
  ];
  return [
    ...(state === 'closed' ? closed : []),
    ['rejections', `${rejections} in a row, opens at ${options.rejections}`],
    ['last failure', lastFailure ? failureWords(lastFailure, now) : NONE],
    [
      'last success',
      lastSuccess
        ? `${fromNow(lastSuccess.at, now)} by ${lastSuccess.worker}, job ${lastSuccess.jobId}`
        : NONE,
    ],
    ['totals', `${totals.calls} calls, ${totals.successes} delivered, ${totals.failures} failed`],
    ...(suspect ? ([['suspect', suspectWords(suspect)]] satisfies Facts) : []),
    ...benched.map((bench): [string, string] => ['benched', `${bench.worker}: ${benchWords(bench, now)}`]),
  ];
}

function queueFacts({ report, workers, pauser, counts, now }: CircuitView): Facts {
  return [
    ['workers', crewWords(workers)],
    ['queue', queueWords(report, report.pausedBy, pauser, now)],
    ['backlog', depthWords(counts)],
  ];
}

/** What to type about the suspect. */
function adviceOn({ suspect }: CircuitReport): string[] {
  if (!suspect || suspect.payload.startsWith('location:')) return [];
  return [
    '',
    'It is tried again by itself, and dies alone in the end. To take it out once it is a dead letter:',
    `  node dist/cli.js dead-letters discard --id ${oneLine(suspect.jobId)} --yes --reason '…'`,
  ];
}

function time(at: number | null, now: number): string {
  return at === null ? NONE : `${instant(at)} (${fromNow(at, now)})`;
}

function override(word: ManualOverride | null, now: number): string {
  if (word === null) return NONE;
  const end = word.until === undefined ? 'until somebody releases it' : `until ${time(word.until, now)}`;
  return `by ${word.actor} ${fromNow(word.since, now)}, ${end}: ${word.reason}`;
}

export function depthWords(counts: Readonly<Partial<Record<JobState, number>>>): string {
  const of = (...states: JobState[]) => states.reduce((sum, state) => sum + (counts[state] ?? 0), 0);
  return [
    `${of('waiting', 'prioritized')} waiting`,
    `${of('delayed')} delayed`,
    `${of('active')} under way`,
    `${of('failed')} dead-lettered`,
  ].join(', ');
}
