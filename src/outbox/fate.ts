import type { Standing } from '../events/fates.ts';
import type { EnqueuedState } from '../sync/producer/enqueued.ts';
import type { PayloadState } from './schema.ts';

/** What a payload's row says from now on. */
export interface Ending {
  readonly state: Exclude<PayloadState, 'planned' | 'splitting' | 'split'>;
  readonly reason: string | null;
  readonly refused: readonly string[];
  /** Of a death: when, by the event log. */
  readonly diedAt?: Date;
}

export interface Circumstances {
  readonly state: PayloadState;
  readonly queue: EnqueuedState | 'gone';
  /** In the event log. */
  readonly standing: Standing;
  /** All that was in the outcome stream when the queue was looked at has been written to the log. */
  readonly isWritten: boolean;
  readonly hasSeveralMembers: boolean;
  /** Failed often enough, and each time by a complete answer: its halves may be tried. */
  readonly maySplit: boolean;
  /** It is so long ago that the workers' memory of deliveries may be gone. */
  readonly isOld: boolean;
}

/** What a relay does with a payload next. */
export type Step =
  | { readonly kind: 'wait' }
  /** Its row is on its way. */
  | { readonly kind: 'look-soon' }
  | { readonly kind: 'settle'; readonly ending: Ending }
  | { readonly kind: 'split'; readonly from: 'failed' | 'delayed' }
  /** Its halves are written down, and it is out of the queue. */
  | { readonly kind: 'finish-split' }
  | { readonly kind: 'abandon-split' }
  /** In doubt from the start: nobody knows what became of it. */
  | { readonly kind: 'send-again' };

const UNLOGGED = 'its row is not in the event log';
const GONE = 'its dead letter is gone from the queue';

/** Pure: from where the job is and what the log says. */
export function nextStep(circumstances: Circumstances): Step {
  const { state, queue, standing, isWritten } = circumstances;
  if (state === 'splitting') return stepOfSplitting(circumstances);
  switch (queue) {
    case 'waiting':
    case 'active':
      return stepOfWaiting(state);
    case 'delayed':
      return isToBeSplit(circumstances) ? { kind: 'split', from: 'delayed' } : stepOfWaiting(state);
    case 'failed':
      return stepOfDead(circumstances);
    case 'completed':
      if (standing.kind === 'delivered') return settle(endingOf(standing));
      return isWritten ? settle(ending('delivered', UNLOGGED)) : { kind: 'look-soon' };
    case 'delivered':
    case 'gone':
      return isWritten ? stepOfGone(circumstances) : { kind: 'look-soon' };
  }
}

/** A dead one was brought back by a person. */
function stepOfWaiting(state: PayloadState): Step {
  return state === 'dead' ? settle(ending('open', null)) : { kind: 'wait' };
}

function isToBeSplit({ hasSeveralMembers, maySplit, standing }: Circumstances): boolean {
  return hasSeveralMembers && maySplit && standing.kind !== 'delivered';
}

/** A worker that was frozen may tell of its delivery after another had the payload die: that is first ruled out. */
function stepOfDead({ state, standing, isWritten, hasSeveralMembers }: Circumstances): Step {
  if (standing.kind === 'delivered') return settle(endingOf(standing));
  if (hasSeveralMembers) return isWritten ? { kind: 'split', from: 'failed' } : { kind: 'look-soon' };
  if (state === 'dead') return { kind: 'wait' };
  if (standing.kind === 'dead') return settle(endingOf(standing));
  return isWritten ? settle(ending('dead', UNLOGGED)) : { kind: 'look-soon' };
}

/** In neither the queue nor the stream: the log has the last word, and where it has none, nobody. */
function stepOfGone({ state, standing, isOld }: Circumstances): Step {
  switch (standing.kind) {
    case 'delivered':
    case 'discarded':
      return settle(endingOf(standing));
    case 'dead':
      return state === 'dead'
        ? { kind: 'wait' }
        : settle({ ...ending('dead', `${standing.reason} (${GONE})`), diedAt: standing.at });
    default:
      if (state === 'dead') return { kind: 'wait' };
      // Past that, the workers' memory of deliveries is gone.
      return isOld ? settle(ending('apart', 'fate unknown')) : { kind: 'send-again' };
  }
}

function stepOfSplitting({ queue, standing, isWritten }: Circumstances): Step {
  if (queue !== 'gone' && queue !== 'delivered') return { kind: 'abandon-split' };
  if (!isWritten) return { kind: 'look-soon' };
  return { kind: standing.kind === 'split' ? 'finish-split' : 'abandon-split' };
}

function endingOf(standing: Exclude<Standing, { kind: 'open' | 'split' }>): Ending {
  if (standing.kind === 'dead') return { ...ending('dead', standing.reason), diedAt: standing.at };
  if (standing.kind === 'discarded') return ending('discarded', standing.reason);
  return { state: standing.flagged ? 'flagged' : 'delivered', reason: null, refused: standing.refused };
}

function ending(state: Ending['state'], reason: string | null): Ending {
  return { state, reason, refused: [] };
}

function settle(ending: Ending): Step {
  return { kind: 'settle', ending };
}
