import { setTimeout as delay } from 'node:timers/promises';
import { makeSales } from '../../support/sales.ts';
import type { Stand } from '../../support/stand.ts';

/** How the fleet fared while sales came in. */
export interface Load {
  readonly jobIds: readonly string[];
  /** Share of the time in which the queue was paused, by whomever. */
  readonly paused: number;
  /** How often it was: once is one time, however long. */
  readonly pauses: number;
  /** Share of the sales that was delivered shortly after the last of them. */
  readonly delivered: number;
}

interface Pace {
  readonly forMs: number;
  /** Tells the sales of one load from those of another. */
  readonly batch: string;
  readonly perSecond?: number;
  /**
   * Sales come in bursts of so many ms' worth, as tills send them: a trickle that the fleet takes one by one
   * would have a success between any two failures.
   */
  readonly everyMs?: number;
}

const LOOK_MS = 20;
/** The last burst has this and the time until the next: a tenth of the 40 s of the matrix would be twice that. */
const TAIL_MS = 1_000;

/** Sales at an even pace, and all the time a look at the queue. */
export async function sell(stand: Stand, pace: Pace): Promise<Load> {
  const { forMs, batch, perSecond = 50, everyMs = 1_000 } = pace;
  const burst = Math.round((perSecond * everyMs) / 1_000);
  const sales = makeSales(burst * Math.ceil(forMs / everyMs), batch);
  const before = await stand.queue.getCompletedCount();
  const jobIds: string[] = [];
  const startedAt = performance.now();
  let elapsed = 0;
  let pausedMs = 0;
  let pauses = 0;
  let wasPaused = false;
  while (elapsed < forMs + TAIL_MS) {
    const due = Math.min(sales.length, burst * (Math.floor(elapsed / everyMs) + 1));
    if (due > jobIds.length) jobIds.push(...(await stand.enqueue(sales.slice(jobIds.length, due))));
    await delay(LOOK_MS);
    const isPaused = (await stand.redis.hexists(stand.queue.toKey('meta'), 'paused')) === 1;
    const now = performance.now() - startedAt;
    if (isPaused) pausedMs += now - elapsed;
    if (isPaused && !wasPaused) pauses += 1;
    wasPaused = isPaused;
    elapsed = now;
  }
  const delivered = (await stand.queue.getCompletedCount()) - before;
  return { jobIds, paused: pausedMs / elapsed, pauses, delivered: delivered / jobIds.length };
}
