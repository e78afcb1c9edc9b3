import { type Redactor, redactJson } from '../base/redaction.ts';
import type { Verdict } from '../sync/dead-letters/dead-letters.ts';
import {
  countsRecord,
  type Deed,
  emptyTally,
  PAST,
  rehearsalRecord,
  type VerdictTally,
  verdictRecord,
} from '../sync/dead-letters/records.ts';
import type { Survey } from '../sync/dead-letters/survey.ts';
import { groupLines, missedLine, times, verdictLine } from './dead-letter-view.ts';
import { jsonList, write } from './output.ts';

/** Says what would be done: how many, what they died of, and which ids were given in vain. */
export async function reportRehearsal(
  deed: Deed,
  { total: matched, groups, missed }: Survey,
  json: boolean,
  redact: Redactor,
): Promise<void> {
  if (json) {
    return write(
      `${redactJson(JSON.stringify(rehearsalRecord({ total: matched, groups, missed })), redact)}\n`,
    );
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
  const tally = emptyTally();
  const document = jsonList('results');
  for await (const verdict of verdicts) {
    tally[verdict.kind] += 1;
    if (json) await document.add(verdictRecord(deed, verdict));
    else await write(`${verdictLine(deed, verdict)}\n`);
  }
  const { done: _done, refused, ...inVain } = tally;
  if (json) await document.end({ counts: countsRecord(deed, tally) });
  else await write(`${sum(deed, tally)}\n`);
  return { refused, inVain: Object.values(inVain).reduce((total, count) => total + count, 0) };
}

function sum(deed: Deed, tally: Readonly<VerdictTally>): string {
  const others = [
    [tally.taken, 'replayed by somebody else'],
    [tally.gone, 'discarded or edited by somebody else'],
    [tally['not-dead'], 'no dead letters'],
    [tally['left-out'], 'left out'],
    [tally.unknown, 'unknown'],
    [tally.refused, 'refused'],
  ] as const;
  const parts = others.filter(([number]) => number > 0).map(([number, what]) => `${number} ${what}`);
  return [`${times(tally.done, 'dead letter')} ${PAST[deed]}`, ...parts].join(', ').concat('.');
}
