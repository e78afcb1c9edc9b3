import { tell } from '../../base/happenings.ts';
import type { GatePicture } from './gate-script.ts';

type Seen = Pick<GatePicture, 'state' | 'reasons' | 'concurrency' | 'standing'>;

/**
 * Tells of each look, and what is different from the one before. Before the first, all is taken for well: closed, and
 * running.
 */
export function createSight(): (picture: Seen) => void {
  let before = { state: 'closed', pausedBy: '' };

  return ({ state, reasons, concurrency, standing }) => {
    tell('gate-followed', { pausedBy: reasons, state, concurrency, standing: standing.kind });
    const now = { state, pausedBy: reasons.join(' ') };
    if (now.state !== before.state) tell('circuit-moved', { from: before.state, to: state });
    if (now.pausedBy !== before.pausedBy) {
      if (reasons.length > 0) tell('queue-paused', { pausedBy: reasons });
      else tell('queue-resumed', {});
    }
    before = now;
  };
}
