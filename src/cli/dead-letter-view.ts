import type { PastEvent } from '../events/history.ts';
import type { Missed, Verdict } from '../sync/dead-letters/dead-letters.ts';
import type { DeadLetter } from '../sync/dead-letters/failed-jobs.ts';
import type { ReasonGroup } from '../sync/dead-letters/reason-groups.ts';
import { type Deed, PAST } from '../sync/dead-letters/records.ts';
import { eventWords, shortType } from '../sync/report/event-words.ts';
import { fromNow, instant } from '../sync/report/time-words.ts';
import { cut, oneLine, printable, table } from './table.ts';

/** What the log knows of a dead letter, or why that is not known. */
export type History = { readonly events: readonly PastEvent[] } | { readonly unknown: string };

const GROUPS_LISTED = 20;
const TO_BE_SPLIT = 'about to be sent in halves by the relay';

/** Three lines: ids are to be copied, and reasons to be read. */
export function renderEntry(letter: DeadLetter, now: number, columns: number): string {
  const { id, job, locationId, diedAt, attempts, replays, toBeSplit, reason } = letter;
  const facts = [
    `died ${instant(diedAt)} (${fromNow(diedAt, now)})`,
    job,
    locationId ?? 'no location',
    times(attempts, 'attempt'),
    ...(replays === 0 ? [] : [`replayed ${times(replays, 'time')}`]),
    ...(toBeSplit === true ? [TO_BE_SPLIT] : []),
  ];
  return [oneLine(id), `  ${oneLine(facts.join(', '))}`, cut(`  ${oneLine(reason)}`, columns)].join('\n');
}

export function renderDeadLetter(letter: DeadLetter, history: History, now: number): string {
  const { id, job, locationId, transactionIds, diedAt, attempts, replays, toBeSplit, reason, data } = letter;
  const facts = [
    ['job', job],
    ['location', locationId ?? '-'],
    ['died', `${instant(diedAt)} (${fromNow(diedAt, now)})`],
    ['attempts', String(attempts)],
    ['replayed', times(replays, 'time')],
    ['transactions', String(transactionIds.length)],
    ...(toBeSplit === true ? [['waits', TO_BE_SPLIT]] : []),
    ['reason', reason],
  ];
  return [
    oneLine(id),
    ...table(facts.map((row) => row.map(oneLine))),
    '',
    'Payload',
    printable(JSON.stringify(data, undefined, 2)),
    '',
    'What the event log knows',
    ...historyLines(history),
  ].join('\n');
}

function historyLines(history: History): string[] {
  if ('unknown' in history) return [`  ${oneLine(history.unknown)}`];
  if (history.events.length === 0) return ['  nothing'];
  return table(history.events.map((event) => eventRow(event).map(oneLine)));
}

function eventRow({ at, type, payload }: PastEvent): string[] {
  return [instant(at.getTime()), shortType(type), eventWords(type, payload)];
}

export function verdictLine(deed: Deed, verdict: Verdict): string {
  return `${oneLine(verdict.id)}  ${verdictWords(deed, verdict)}`;
}

function verdictWords(deed: Deed, verdict: Verdict): string {
  switch (verdict.kind) {
    case 'done':
      return PAST[deed];
    case 'taken':
      return `already replayed by somebody else: it is ${verdict.state}`;
    case 'gone':
      return 'already discarded or edited by somebody else';
    case 'refused':
      return `refused: ${verdict.why}`;
    default:
      return missedWords(verdict);
  }
}

export function missedLine(missed: Missed): string {
  return `${oneLine(missed.id)}  ${missedWords(missed)}`;
}

function missedWords(missed: Missed): string {
  switch (missed.kind) {
    case 'unknown':
      return 'is unknown: the queue has no job of this id';
    case 'not-dead':
      return `is no dead letter: it is ${missed.state}`;
    case 'left-out':
      return 'is a dead letter that the other options leave out';
  }
}

/** The largest ones: how many, the key to act on them, and what they died of. */
export function groupLines(groups: readonly ReasonGroup[], now: number, columns: number): string[] {
  const rows = groups
    .slice(0, GROUPS_LISTED)
    .map(({ count, key, newestAt, reason }) => [
      String(count),
      `--group ${key}`,
      `newest ${fromNow(newestAt, now)}`,
      oneLine(reason),
    ]);
  const more = groups.length - rows.length;
  const lines = table(rows).map((line) => cut(line, columns));
  return more > 0 ? [...lines, `  and ${times(more, 'more reason')}`] : lines;
}

export function times(count: number, unit: string): string {
  return `${count} ${unit}${count === 1 ? '' : 's'}`;
}
