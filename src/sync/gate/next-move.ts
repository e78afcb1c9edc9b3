import { type EventEmitter, once } from 'node:events';

/**
 * Resolves at the next `move`, after `waitMs`, or when `signal` aborts, whichever comes first.
 *
 * By a timer of its own: `AbortSignal.any([signal, AbortSignal.timeout(ms)])` never fires where garbage is
 * collected meanwhile, since nothing holds its timeout (nodejs/node#57736), and a job would wait in its slot until
 * the circuit moves the next time, which may be never.
 */
export async function nextMove(moves: EventEmitter, waitMs: number, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return;
  const over = new AbortController();
  const end = () => over.abort();
  const timer = setTimeout(end, Math.max(1, waitMs));
  signal.addEventListener('abort', end, { once: true });
  try {
    await once(moves, 'move', { signal: over.signal });
  } catch {
    // The wait is over without a move.
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', end);
  }
}
