import { tell } from '../../base/happenings.ts';
import type { Standing } from './gate-script.ts';

/** Whether this worker may work, as the circuit last said, and who wants to know. */
export function createStanding() {
  let current: Standing = { kind: 'full' };
  const listeners: ((standing: Standing) => void)[] = [];

  return {
    now: () => current,
    set(standing: Standing): void {
      const hasChanged = standing.kind !== current.kind;
      const isNews = hasChanged && (standing.kind === 'benched' || current.kind === 'benched');
      current = standing;
      if (isNews) announce(standing);
      if (hasChanged) for (const listener of listeners) listener(standing);
    },
    onChange(listener: (standing: Standing) => void): void {
      listeners.push(listener);
      listener(current);
    },
  };
}

function announce(standing: Standing): void {
  if (standing.kind === 'benched') tell('worker-benched', { cause: standing.cause });
  else tell('worker-returned', { standing: standing.kind });
}
