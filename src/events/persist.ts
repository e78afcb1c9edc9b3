import { tell } from '../base/happenings.ts';
import { pause } from '../base/pause.ts';
import { postgresReason } from '../base/postgres-errors.ts';

export interface Persistence {
  /** Tries until it works; undefined: stopped before that. */
  until<T>(work: () => Promise<T>): Promise<T | undefined>;
  /** Why the last try failed; null: it did not. */
  error(): string | null;
}

const RETRY_MIN_MS = 100;
const RETRY_MAX_MS = 2_000;

/** Keeps trying through an outage: neither giving up nor busy. */
export function createPersistence(signal: AbortSignal): Persistence {
  let failures = 0;
  let error: string | null = null;

  function failed(thrown: unknown): void {
    error = postgresReason(thrown);
    failures += 1;
    tell('rows-not-written', { reason: error, failures });
  }

  function succeeded(): void {
    if (failures > 0) tell('rows-written-again', { failures });
    failures = 0;
    error = null;
  }

  return {
    async until(work) {
      while (!signal.aborted) {
        try {
          const result = await work();
          succeeded();
          return result;
        } catch (thrown) {
          // Stopping cuts a waiting read off: no failure.
          if (signal.aborted) return undefined;
          failed(thrown);
          await pause(Math.min(RETRY_MIN_MS * 2 ** Math.min(failures - 1, 10), RETRY_MAX_MS), signal);
        }
      }
      return undefined;
    },
    error: () => error,
  };
}
