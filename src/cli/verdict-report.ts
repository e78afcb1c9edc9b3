import type { Verdict } from '../sync/dead-letters/dead-letters.ts';
import type { DeadLetter } from '../sync/dead-letters/failed-jobs.ts';
import { type Deed, PAST, verdictRecord, verdictWords } from './dead-letter-view.ts';
import { jsonList, write } from './output.ts';
import { oneLine, table } from './table.ts';

const REASONS_LISTED = 10;

/** Says what would be done: how many, and what they died of. */
export async function reportRehearsal(
  deed: Deed,
  letters: AsyncIterable<DeadLetter>,
  json: boolean,
): Promise<void> {
  let matched = 0;
  const reasons = new Map<string, number>();
  for await (const { reason } of letters) {
    matched += 1;
    const code = reason.split(':', 1)[0] ?? '';
    reasons.set(code, (reasons.get(code) ?? 0) + 1);
  }
  if (json) return write(`${JSON.stringify({ dryRun: true, matched })}\n`);
  if (matched === 0) return write('No dead letters match. Nothing was done.\n');
  const rows = [...reasons].toSorted(([, a], [, b]) => b - a).slice(0, REASONS_LISTED);
  const lines = [
    `${count(matched)} would be ${PAST[deed]}. Nothing was done: add --yes to do it. They died of:`,
    ...table(rows.map(([code, number]) => [String(number), oneLine(code)])),
  ];
  return write(`${lines.join('\n')}\n`);
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
  return [`${count(tally.done)} ${PAST[deed]}`, ...parts].join(', ').concat('.');
}

function count(letters: number): string {
  return `${letters} dead letter${letters === 1 ? '' : 's'}`;
}
