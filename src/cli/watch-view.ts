import { benchWords, crewWords, queueWords, stateWords } from '../sync/report/circuit-words.ts';
import type { QueueDepth } from '../sync/report/queue-depth.ts';
import { fromNow, instant } from '../sync/report/time-words.ts';
import { type CircuitView, circuitFacts, depthWords } from './circuit-view.ts';
import { cut, oneLine, table } from './table.ts';
import { workerLines } from './workers.ts';

/** All that is looked at. */
export interface WatchView extends CircuitView {
  readonly depth: QueueDepth;
  /** A second, since the look before; null: there was none. */
  readonly rates: { readonly delivered: number; readonly failed: number } | null;
}

/** Redis does not answer; `view` is the last one that it gave. */
export interface Away {
  readonly since: number;
  readonly reason: string;
}

export interface ScreenSize {
  readonly columns: number;
  readonly color: boolean;
}

const WORKERS_SHOWN = 12;
const [GREEN, YELLOW, RED] = ['\u001B[1;32m', '\u001B[1;33m', '\u001B[1;31m'];
const PLAIN = '\u001B[0m';

export function screenLines(view: WatchView | undefined, away: Away | undefined, size: ScreenSize): string[] {
  const cutLines = (lines: readonly string[]) => lines.map((line) => cut(line, size.columns));
  const alarm =
    away === undefined ? [] : cutLines(awayLines(away, view)).map((line) => painted(line, RED, size));
  if (view === undefined) return alarm;
  const { headline, explanation } = stateWords(view.report, view.now);
  const [title = '', ...rest] = cutLines([
    `Circuit: ${headline.toUpperCase()}  ${instant(view.now)}`,
    oneLine(explanation),
    '',
    ...table(liveFacts(view).map((row) => row.map(oneLine))),
    '',
    ...someWorkers(view),
    '',
    ...table(circuitFacts(view).map((row) => row.map(oneLine))),
  ]);
  return [...alarm, painted(title, colorOf(view), size), ...rest];
}

function awayLines({ since, reason }: Away, view: WatchView | undefined): string[] {
  const words = `Redis does not answer since ${instant(since)}: trying again (${oneLine(reason)})`;
  return view === undefined ? [words] : [words, `What was there at ${instant(view.now)}:`, ''];
}

function painted(line: string, color: string, { color: isWanted }: ScreenSize): string {
  return isWanted ? `${color}${line}${PLAIN}` : line;
}

function colorOf({ report: { state, hold, bypass, cooldownUntil } }: WatchView): string {
  if (hold !== null || (bypass === null && state === 'open')) return RED;
  return bypass !== null || state !== 'closed' || cooldownUntil !== null ? YELLOW : GREEN;
}

function liveFacts({ report, pauser, depth, rates, now }: WatchView): [string, string][] {
  return [
    ['queue', queueWords(report, report.pausedBy, pauser, now)],
    ['backlog', depthWords(depth)],
    ['oldest due', oldestWords(depth, now)],
    ['rate', rateWords(rates)],
    ['event log', unwrittenWords(depth)],
  ];
}

function oldestWords({ oldestDueAt }: QueueDepth, now: number): string {
  return oldestDueAt === null ? 'none is due' : `enqueued ${fromNow(Math.min(oldestDueAt, now), now)}`;
}

function rateWords(rates: WatchView['rates']): string {
  return rates === null
    ? '-'
    : `${rates.delivered.toFixed(1)} delivered, ${rates.failed.toFixed(1)} failed a second`;
}

function unwrittenWords({ unwritten }: QueueDepth): string {
  return unwritten === 0 ? 'all is written' : `${unwritten} rows wait for Postgres`;
}

function someWorkers({ workers, now }: WatchView): string[] {
  const lines = workerLines(workers.slice(0, WORKERS_SHOWN), now);
  const more = workers.length - WORKERS_SHOWN;
  return more > 0 ? [...lines, `  and ${more} more`] : lines;
}

/** The same for a log. */
export function logLine(view: WatchView): string {
  const { report, workers, pauser, depth, rates, now } = view;
  const { headline } = stateWords(report, now);
  const benched = workers.flatMap((worker) =>
    worker.benched ? [`${worker.name} is benched: ${benchWords(worker.benched, now)}`] : [],
  );
  const parts = [
    `queue ${queueWords(report, report.pausedBy, pauser, now)}`,
    depthWords(depth),
    `oldest due: ${oldestWords(depth, now)}`,
    ...(rates === null ? [] : [rateWords(rates)]),
    crewWords(workers),
    ...benched,
    `event log: ${unwrittenWords(depth)}`,
  ];
  return `${instant(now)}  ${headline.toUpperCase()}  ${oneLine(parts.join('; '))}`;
}

/** Equal as long as there is nothing new to say in a log: numbers that move all the time are not in it. */
export function newsOf({ report, workers, pauser, depth }: WatchView): string {
  const { epoch, phase, hold, bypass, cooldownUntil, pausedBy, suspect } = report;
  const crew = workers.map(({ id, takesJobs, benched }) => [id, takesJobs, benched?.cause]);
  return JSON.stringify([
    [epoch, phase, hold, bypass, cooldownUntil !== null, pausedBy, suspect?.payload],
    [crew, pauser, depth.failed, depth.unwritten > 0 && pausedBy.includes('events')],
  ]);
}
