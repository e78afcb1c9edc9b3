import type { ManualOverride } from '../circuit/types.ts';
import type { CircuitReport } from '../sync/report/circuit-report.ts';
import { causeWords, queueWords, stateWords } from '../sync/report/circuit-words.ts';
import { fromNow, instant } from '../sync/report/time-words.ts';
import { oneLine, table } from './table.ts';

/** What a person wants to know at once. */
export interface CircuitView {
  readonly report: CircuitReport;
  /** Who paused the queue, where a person did. */
  readonly pauser: string | null;
  /** Jobs by BullMQ's state. */
  readonly counts: Readonly<Record<string, number>>;
  /** Redis's clock, as all times of the report. */
  readonly now: number;
}

const NONE = '-';

export function renderCircuit({ report, pauser, counts, now }: CircuitView): string {
  const { headline, explanation } = stateWords(report, now);
  const facts: [string, string][] = [
    ['state', report.phase === null ? report.state : `${report.state}, ${report.phase}`],
    ['why', report.cause === null ? NONE : causeWords(report.cause)],
    ['since', time(report.since, now)],
    ['next trial', time(report.retryAt, now)],
    ['cooldown until', time(report.cooldownUntil, now)],
    ['failures', `${report.failures} in a row`],
    ['trials', `${report.successes} delivered`],
    ['hold', override(report.hold, now)],
    ['bypass', override(report.bypass, now)],
    ['queue', queueWords(report, report.pausedBy, pauser, now)],
    ['backlog', backlog(counts)],
  ];
  return [
    `Circuit: ${headline.toUpperCase()}`,
    oneLine(explanation),
    '',
    ...table(facts.map(([name, fact]) => [name, oneLine(fact)])),
  ].join('\n');
}

function time(at: number | null, now: number): string {
  return at === null ? NONE : `${instant(at)} (${fromNow(at, now)})`;
}

function override(word: ManualOverride | null, now: number): string {
  if (word === null) return NONE;
  const end = word.until === undefined ? 'until somebody releases it' : `until ${time(word.until, now)}`;
  return `by ${word.actor} ${fromNow(word.since, now)}, ${end}: ${word.reason}`;
}

function backlog(counts: CircuitView['counts']): string {
  const of = (...states: string[]) => states.reduce((sum, state) => sum + (counts[state] ?? 0), 0);
  return [
    `${of('waiting', 'prioritized')} waiting`,
    `${of('delayed')} delayed`,
    `${of('active')} under way`,
    `${of('failed')} dead-lettered`,
  ].join(', ');
}
