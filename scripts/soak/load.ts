import { setTimeout as delay } from 'node:timers/promises';
import type { PushSales, SyncProducer } from '../../src/index.ts';
import { last } from './dice.ts';

/** What was accepted since the last check. */
export interface Accepted {
  /** Job id, and how many transactions it carries. */
  readonly jobs: Map<string, number>;
  /** Calls of the producer that failed; their sales were enqueued again until accepted. */
  refusals: number;
}

const BATCHES_PER_SECOND = 4;
const AGAIN_MS = 200;
/** Tills ask twice now and then, and some of them at once: it stays one job. */
const REPEATED_EVERY = 50;

/**
 * Enqueues `perSecond` payloads until `stop` aborts, as a till does: what the producer refuses, because Redis
 * is away, is kept and enqueued again. Resolves when all is accepted.
 */
export async function enqueueUntil(
  stop: AbortSignal,
  producer: SyncProducer,
  sales: Iterator<PushSales, never>,
  perSecond: number,
): Promise<Accepted> {
  const accepted: Accepted = { jobs: new Map(), refusals: 0 };
  while (!stop.aborted) {
    const startedAt = performance.now();
    const batch = Array.from({ length: Math.ceil(perSecond / BATCHES_PER_SECOND) }, () => sales.next().value);
    await enqueue(batch, producer, accepted);
    if (accepted.jobs.size % REPEATED_EVERY < batch.length) await enqueue(batch, producer, accepted);
    await last(1_000 / BATCHES_PER_SECOND - (performance.now() - startedAt), stop);
  }
  return accepted;
}

async function enqueue(
  batch: readonly PushSales[],
  producer: SyncProducer,
  accepted: Accepted,
): Promise<void> {
  for (;;) {
    try {
      const results = await producer.pushSalesMany(batch);
      for (const [index, { jobId }] of results.entries()) {
        accepted.jobs.set(jobId, batch[index]?.transactions.length ?? 0);
      }
      return;
    } catch (error) {
      if (!isPassing(error)) throw error;
      accepted.refusals += 1;
      await delay(AGAIN_MS);
    }
  }
}

function isPassing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'QUEUE_UNAVAILABLE';
}
