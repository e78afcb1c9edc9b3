import type { Missed, Verdict } from './dead-letters.ts';
import type { DeadLetter } from './failed-jobs.ts';
import type { ReasonGroup } from './reason-groups.ts';
import type { Replacement } from './repair.ts';
import type { Survey } from './survey.ts';

export type Deed = 'replay' | 'discard';

export type VerdictTally = Record<Verdict['kind'], number>;

export const PAST = { replay: 'replayed', discard: 'discarded' } as const;

/** For scripts: the verdict, with the deed's name for what was done. */
export function verdictRecord(deed: Deed, { kind, ...verdict }: Verdict): object {
  return { ...verdict, result: kind === 'done' ? PAST[deed] : kind };
}

export function letterRecord({ data: _data, diedAt, ...letter }: DeadLetter): object {
  return { ...letter, diedAt: new Date(diedAt).toISOString() };
}

/** For scripts: the id, and why there is nothing of it. */
export function missedRecord({ kind, ...missed }: Missed): object {
  return { ...missed, result: kind };
}

/** For scripts. */
export function groupRecord({ newestAt, oldestAt, ...group }: ReasonGroup): object {
  return { ...group, newestAt: new Date(newestAt).toISOString(), oldestAt: new Date(oldestAt).toISOString() };
}

/** For scripts: what a deed would do. */
export function rehearsalRecord({ total, groups, missed }: Omit<Survey, 'toBeSplit'>): object {
  return { dryRun: true, matched: total, missed: missed.map(missedRecord), groups: groups.map(groupRecord) };
}

export function emptyTally(): VerdictTally {
  return { done: 0, taken: 0, gone: 0, refused: 0, 'not-dead': 0, 'left-out': 0, unknown: 0 };
}

/** For scripts: how many verdicts of each kind, with the deed's name for what was done. */
export function countsRecord(deed: Deed, { done, refused, ...inVain }: VerdictTally): object {
  return { [PAST[deed]]: done, refused, ...inVain };
}

/** For scripts: one sale in place of another. */
export function replacementRecord({ differences, ...replacement }: Replacement): object {
  const { list, more } = differences;
  return { ...replacement, differences: list, moreDifferences: more };
}
