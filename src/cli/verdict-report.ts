import { type Redactor, redactJson } from '../base/redaction.ts';
import type { Verdict } from '../sync/dead-letters/dead-letters.ts';
import type { DeadLetter } from '../sync/dead-letters/failed-jobs.ts';
import { createGrouping } from '../sync/dead-letters/reason-groups.ts';
import {
  type Deed,
  groupLines,
  groupRecord,
  PAST,
  times,
  verdictRecord,
  verdictWords,
} from './dead-letter-view.ts';
import { jsonList, write } from './output.ts';
import { oneLine } from './table.ts';

/** Says what would be done: how many, and what they died of. */
export async function reportRehearsal(
  deed: Deed,
  letters: AsyncIterable<DeadLetter>,
  json: boolean,
  redact: Redactor,
): Promise<void> {
  const grouping = createGrouping();
  for await (const letter of letters) grouping.add(letter);
  const [matched, groups] = [grouping.total(), grouping.groups()];
  if (json) {
    const record = { dryRun: true, matched, groups: groups.map(groupRecord) };
    return write(`${redactJson(JSON.stringify(record), redact)}\n`);
  }
  if (matched === 0) return write('No dead letters match. Nothing was done.\n');
  const lines = [
    `${times(matched, 'dead letter')} would be ${PAST[deed]}. Nothing was done: add --yes to do it. They died of:`,
    ...groupLines(groups, Date.now(), Number.POSITIVE_INFINITY),
  ];
  return write(`${redact(lines.join('\n'))}\n`);
}

/** Tells each verdict as it comes, and their sum. True where something was refused. */
export async function reportVerdicts(
  deed: Deed,
  verdicts: AsyncIterable<Verdict>,
  json: boolean,
): Promise<boolean> {
  const tally = { done: 0, taken: 0, 'not-dead': 0, gone: 0, refused: 0 };
  const document = jsonList('results');
  for await (const verdict of verdicts) {
    tally[verdict.kind] += 1;
    if (json) await document.add(verdictRecord(deed, verdict));
    else await write(`${oneLine(verdict.id)}  ${verdictWords(deed, verdict)}\n`);
  }
  const { done, ...others } = tally;
  if (json) await document.end({ counts: { [PAST[deed]]: done, ...others } });
  else await write(`${sum(deed, tally)}\n`);
  return tally.refused > 0;
}

function sum(deed: Deed, tally: Readonly<Record<Verdict['kind'], number>>): string {
  const others = [
    [tally.taken, 'replayed by somebody else'],
    [tally['not-dead'], 'no dead letters'],
    [tally.gone, 'gone'],
    [tally.refused, 'refused'],
  ] as const;
  const parts = others.filter(([number]) => number > 0).map(([number, what]) => `${number} ${what}`);
  return [`${times(tally.done, 'dead letter')} ${PAST[deed]}`, ...parts].join(', ').concat('.');
}
