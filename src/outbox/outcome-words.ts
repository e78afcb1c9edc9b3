import { type Act, OPEN_TO_ACTS } from './meant.ts';
import type { Outcome, Refusal, Why } from './tally.ts';

export const ACT_PAST: Readonly<Record<Act, string>> = { release: 'released', discard: 'discarded' };

/** How many sales were meant and done, or would be. */
export function sumOf({ done }: Outcome): number {
  return OPEN_TO_ACTS.reduce((sum, state) => sum + done[state], 0);
}

/** ` (2 waiting, 1 dead)` */
export function byState({ done }: Outcome): string {
  const parts = OPEN_TO_ACTS.filter((state) => done[state] > 0).map(
    (state) => `${done[state]} ${STATE_WORDS[state]}`,
  );
  return parts.length === 0 ? '' : ` (${parts.join(', ')})`;
}

const STATE_WORDS = { waiting: 'waiting', apart: 'set apart', dead: 'dead' } as const;

/** Why nothing is done about these. */
export function refusalWords({ why, detail }: Pick<Refusal, 'why' | 'detail'>): string {
  return detail === undefined ? WORDS[why] : `${WORDS[why]} (${detail})`;
}

const WORDS: Readonly<Record<Why, string>> = {
  'under-way': 'under way to Conexxus, in a payload whose fate is not known yet',
  'being-split':
    'in a dead payload with others, which a relay splits; then they die, or are delivered, alone',
  'shares-a-payload': 'in one payload with others, which nobody can take apart; discard these with it',
  'in-the-queue': 'replayed by somebody meanwhile, and in the queue',
  delivered: 'delivered already; `resend` sends it again on purpose',
  flagged: 'delivered, and named as refused; `resend` sends it again on purpose',
  discarded: 'given up already',
  replaced: 'replaced by a correction',
  waiting: 'waiting, and goes by itself',
  untaken: 'not taken by a relay yet',
  unreadable: 'not to be read as JSON that the outbox could hold',
  refused: 'refused by Redis',
  changed: 'in another state since it was looked at; ask again',
  unknown: 'not in the outbox',
};
