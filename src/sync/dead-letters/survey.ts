import type { DeadLetterFilter, Missed, Scan } from './dead-letters.ts';
import type { Death } from './deaths.ts';
import { createGrouping, type ReasonGroup } from './reason-groups.ts';

/** What a filter means. */
export interface Survey {
  readonly total: number;
  /** Batches that wait to be split, which are not counted. */
  readonly toBeSplit: number;
  /** The largest first. */
  readonly groups: readonly ReasonGroup[];
  /** Ids that were given in vain. */
  readonly missed: readonly Missed[];
}

/** Counts all that are meant and changes nothing. `see` is given each, newest first, and its place from 0. */
export async function survey<Letter extends Death>(
  letters: { readonly scan: Scan<Letter> },
  filter: DeadLetterFilter,
  see: (letter: Letter, place: number) => void | Promise<void> = () => undefined,
): Promise<Survey> {
  const grouping = createGrouping();
  const missed: Missed[] = [];
  let toBeSplit = 0;
  const found = letters.scan(filter, 'newest-first', {
    passOver: () => {
      toBeSplit += 1;
    },
    missed: (one) => void missed.push(one),
  });
  for await (const letter of found) {
    await see(letter, grouping.total());
    grouping.add(letter);
  }
  return { total: grouping.total(), toBeSplit, groups: grouping.groups(), missed };
}
