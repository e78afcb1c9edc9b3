import type { Database } from '../base/database.ts';
import { forgetPosted } from '../outbox/posted.ts';

const HOUR_MS = 3_600_000;

/** Forgets, once an hour, what was posted longer ago than settled sales stay in the outbox. */
export function startForgetting(database: Pick<Database, 'write'>, ageMs: number): { stop(): Promise<void> } {
  const stopping = new AbortController();
  let timer: NodeJS.Timeout | undefined;

  async function forget(): Promise<void> {
    try {
      for (let gone = 1; gone > 0 && !stopping.signal.aborted; ) {
        gone = await database.write((tx) => forgetPosted(tx, ageMs));
      }
    } catch {
      // In an hour again: nothing depends on it, and that Postgres is away is said elsewhere.
    }
    if (!stopping.signal.aborted) timer = setTimeout(start, HOUR_MS);
  }

  let underWay = Promise.resolve();
  const start = () => {
    underWay = forget();
  };
  start();
  return {
    async stop() {
      stopping.abort();
      clearTimeout(timer);
      await underWay;
    },
  };
}
