import { type Redactor, redactJson } from '../base/redaction.ts';
import type { Missed, Verdict } from '../sync/dead-letters/dead-letters.ts';
import type { DeadLetter } from '../sync/dead-letters/failed-jobs.ts';
import { createGrouping } from '../sync/dead-letters/reason-groups.ts';
import {
  type Deed,
  groupLines,
  groupRecord,
  missedLine,
  missedRecord,
  PAST,
  times,
  verdictLine,
  verdictRecord,
} from './dead-letter-view.ts';
import { jsonList, write } from './output.ts';

interface Rehearsal {
  readonly letters: AsyncIterable<DeadLetter>;
  /** Known when `letters` was read to its end. */
  readonly missed: readonly Missed[];
}

/** Says what would be done: how many, what they died of, and which ids were given in vain. */
export async function reportRehearsal(
  deed: Deed,
  { letters, missed }: Rehearsal,
  json: boolean,
  redact: Redactor,
): Promise<void> {
  const grouping = createGrouping();
  for await (const letter of letters) grouping.add(letter);
  const [matched, groups] = [grouping.total(), grouping.groups()];
  if (json) {
    const record = {
      dryRun: true,
      matched,
      missed: missed.map(missedRecord),
      groups: groups.map(groupRecord),
    };
    return write(`${redactJson(JSON.stringify(record), redact)}\n`);
  }
  const lines =
    matched === 0
      ? ['No dead letters match. Nothing was done.']
      : [
          `${times(matched, 'dead letter')} would be ${PAST[deed]}. Nothing was done: add --yes to do it. They died of:`,
          ...groupLines(groups, Date.now(), Number.POSITIVE_INFINITY),
        ];
  return write(`${redact([...lines, ...missed.map(missedLine)].join('\n'))}\n`);
}

type Tally = Record<Verdict['kind'], number>;

interface Undone {
  /** By Redis. */
  readonly refused: number;
  /** Somebody else was faster, or the id was wrong. */
  readonly inVain: number;
}

/** Tells each verdict as it comes, and their sum. */
export async function reportVerdicts(
  deed: Deed,
  verdicts: AsyncIterable<Verdict>,
  json: boolean,
): Promise<Undone> {
  const tally: Tally = { done: 0, taken: 0, gone: 0, refused: 0, 'not-dead': 0, 'left-out': 0, unknown: 0 };
  const document = jsonList('results');
  for await (const verdict of verdicts) {
    tally[verdict.kind] += 1;
    if (json) await document.add(verdictRecord(deed, verdict));
    else await write(`${verdictLine(deed, verdict)}\n`);
  }
  const { done, refused, ...inVain } = tally;
  if (json) await document.end({ counts: { [PAST[deed]]: done, refused, ...inVain } });
  else await write(`${sum(deed, tally)}\n`);
  return { refused, inVain: Object.values(inVain).reduce((total, count) => total + count, 0) };
}

function sum(deed: Deed, tally: Readonly<Tally>): string {
  const others = [
    [tally.taken, 'replayed by somebody else'],
    [tally.gone, 'discarded by somebody else'],
    [tally['not-dead'], 'no dead letters'],
    [tally['left-out'], 'left out'],
    [tally.unknown, 'unknown'],
    [tally.refused, 'refused'],
  ] as const;
  const parts = others.filter(([number]) => number > 0).map(([number, what]) => `${number} ${what}`);
  return [`${times(tally.done, 'dead letter')} ${PAST[deed]}`, ...parts].join(', ').concat('.');
}
