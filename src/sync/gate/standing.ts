import type { Logger } from '../../base/logger.ts';
import type { Standing } from './gate-script.ts';

/** Whether this worker may work, as the circuit last said, and who wants to know. */
export function createStanding(logger: Logger) {
  let current: Standing = { kind: 'full' };
  const listeners: ((standing: Standing) => void)[] = [];

  function tell(standing: Standing): void {
    if (standing.kind === 'benched') {
      logger.warn({ cause: standing.cause }, 'benched: this worker seems ill, and takes no jobs');
    } else {
      logger.info({ standing: standing.kind }, 'back from the bench');
    }
  }

  return {
    now: () => current,
    set(standing: Standing): void {
      const hasChanged = standing.kind !== current.kind;
      const isNews = hasChanged && (standing.kind === 'benched' || current.kind === 'benched');
      current = standing;
      if (isNews) tell(standing);
      if (hasChanged) for (const listener of listeners) listener(standing);
    },
    onChange(listener: (standing: Standing) => void): void {
      listeners.push(listener);
      listener(current);
    },
  };
}
