import type { EventPayload } from '../../events/event.ts';
import { benchWords, causeWords } from './circuit-words.ts';

const PATHS_TOLD = 3;

/** What our own types all begin with says nothing. */
export function shortType(type: string): string {
  return type.replace(/^conexxus\./, '');
}

/** A row of the log in a line: of an attempt its outcome and why, of the circuit the cause, of a person who and why. */
export function eventWords(type: string, payload: EventPayload): string {
  const { actor, reason, cause, worker } = payload;
  if (typeof actor === 'string') {
    return `${typeof reason === 'string' ? `${actor}: ${reason}` : actor}${repairWords(payload)}`;
  }
  if (typeof cause === 'string') {
    return type.startsWith('conexxus.worker.')
      ? `${String(worker)}: ${benchWords({ cause, retryAt: null }, 0)}`
      : causeWords(cause);
  }
  if (type.startsWith('conexxus.sync.')) return attemptWords(payload);
  return [worker, reason].filter((part) => typeof part === 'string').join(': ');
}

/** What a person edited a sale into, or out of. */
function repairWords({ replacedBy, replaces, changes }: EventPayload): string {
  const paths = Array.isArray(changes) ? changes.flatMap(pathOf).slice(0, PATHS_TOLD) : [];
  const which = paths.length === 0 ? '' : ` (${paths.join(', ')})`;
  if (typeof replacedBy === 'string') return `; edited${which} into ${replacedBy}`;
  return typeof replaces === 'string' ? `; edited from ${replaces}` : '';
}

function pathOf(change: unknown): string[] {
  const isOne = typeof change === 'object' && change !== null && 'path' in change;
  return isOne ? [String(change.path)] : [];
}

function attemptWords({
  outcome,
  attempt,
  httpStatus,
  error,
  worker,
  reason,
  ...flags
}: EventPayload): string {
  const message = messageOf(error);
  const status = typeof httpStatus === 'number' ? `HTTP ${httpStatus}` : '';
  return [
    outcome,
    typeof attempt === 'number' && `attempt ${attempt}`,
    !message.includes(status) && status,
    message,
    flags['duplicate'] === true && 'Conexxus had it already',
    flags['flagged'] === true && refusalWords(flags['refused']),
    flags['inDoubt'] === true && 'nobody knows whether it arrived',
    reason,
    typeof worker === 'string' && `by ${worker}`,
  ]
    .filter((part) => typeof part === 'string' && part !== '')
    .join(', ');
}

function refusalWords(refused: unknown): string {
  const ids = Array.isArray(refused) ? refused.map(String) : [];
  return ids.length === 0 ? 'the answer names refusals' : `the answer refuses ${ids.join(', ')}`;
}

function messageOf(error: unknown): string {
  if (typeof error !== 'object' || error === null || !('message' in error)) return '';
  return String(error.message);
}
