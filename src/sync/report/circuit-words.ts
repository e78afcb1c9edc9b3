import type { CircuitStatus } from '../../circuit/types.ts';
import { fromNow } from './time-words.ts';

/** Why the circuit is in its state, by the literal that its scripts write. */
const CAUSES: Readonly<Record<string, string>> = {
  streak: 'several calls in a row failed',
  rate: 'too large a share of the calls failed',
  rejecting: 'Conexxus rejects one sale after the other',
  misconfigured: 'Conexxus refuses our key, or lives at another address',
  'trial-failed': 'a trial call failed',
  'health-failed': 'Conexxus is not well',
  due: 'time for a trial',
  'trial-asked': 'a person asked for a trial',
  recovered: 'the trial calls were delivered',
  reset: 'a person reset it',
  'bypass-ended': 'the bypass ended',
  missing: 'there was no circuit before',
  junk: 'its state in Redis was unreadable',
};

export function causeWords(cause: string): string {
  return CAUSES[cause] ?? cause;
}

/** The circuit in a word or two, and what it means. */
export function stateWords(status: CircuitStatus, now: number): { headline: string; explanation: string } {
  const { hold, bypass, state, phase, retryAt, cooldownUntil } = status;
  if (hold !== null) {
    return { headline: 'Held', explanation: `${hold.actor} stopped all calls: ${hold.reason}` };
  }
  if (bypass !== null) {
    return { headline: 'Bypassed', explanation: `${bypass.actor} lets every call through: ${bypass.reason}` };
  }
  if (cooldownUntil !== null && state === 'closed') {
    return {
      headline: 'Rate limited',
      explanation: `Conexxus asked for a break, which ends ${due(cooldownUntil, now)}.`,
    };
  }
  if (state === 'closed') return { headline: 'Closed', explanation: 'Calls to Conexxus go through.' };
  if (state === 'open') {
    const trial = retryAt === null ? '' : ` Next trial ${due(retryAt, now)}.`;
    return { headline: 'Open', explanation: `Nothing is sent and sales wait.${trial}` };
  }
  const trying =
    phase === 'health' ? 'Asking Conexxus whether it is well.' : 'A few sales are tried; the others wait.';
  return { headline: 'Half-open', explanation: trying };
}

/** Whether the queue runs, and all that keeps it from running. */
export function queueWords(
  status: CircuitStatus,
  reasons: readonly string[],
  pauser: string | null,
  now: number,
): string {
  if (reasons.length === 0) return 'running';
  return `paused: ${reasons.map((reason) => pauseWords(reason, status, now, pauser)).join('; ')}`;
}

/** What keeps the queue paused, for a person; `pauser` is the one who paused it, where known. */
export function pauseWords(
  reason: string,
  { cause, retryAt, hold, cooldownUntil }: CircuitStatus,
  now: number,
  pauser: string | null = null,
): string {
  switch (reason) {
    case 'open': {
      const why = cause === null ? '' : ` (${causeWords(cause)})`;
      return `the circuit is open${why}${retryAt === null ? '' : `, next trial ${due(retryAt, now)}`}`;
    }
    case 'health':
      return 'Conexxus is asked whether it is well';
    case 'hold':
      return hold === null ? 'the circuit is held' : `${hold.actor} holds the circuit: ${hold.reason}`;
    case 'cooldown':
      return `Conexxus asked for a break${cooldownUntil === null ? '' : `, which ends ${due(cooldownUntil, now)}`}`;
    case 'events':
      return 'too many events wait for Postgres';
    case 'operator':
      return `${pauser ?? 'a person'} paused the queue`;
    default:
      return reason;
  }
}

/** A time that was to come when it was written, and may have passed since. */
function due(at: number, now: number): string {
  return fromNow(Math.max(at, now), now);
}
