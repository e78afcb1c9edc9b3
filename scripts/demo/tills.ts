import { setTimeout as delay } from 'node:timers/promises';
import type { SyncProducer } from '../../src/index.ts';
import { createChain } from './chain.ts';

/** The stores sell from now on, whatever becomes of the sales behind the queue. */
export interface Tills {
  /** Job ids of what the queue accepted. */
  readonly accepted: readonly string[];
  /** Resolves when the last sales are in the queue; rejects with what went wrong meanwhile. */
  close(): Promise<void>;
}

const TICK_MS = 200;
const SALES_PER_TICK = 8;

export function openTills(producer: SyncProducer, onError: (error: unknown) => void): Tills {
  const nextSales = createChain();
  const accepted: string[] = [];
  const closing = new AbortController();

  async function sell(): Promise<void> {
    while (!closing.signal.aborted) {
      const results = await producer.pushSalesMany(nextSales(SALES_PER_TICK));
      accepted.push(...results.filter(({ status }) => status === 'accepted').map(({ jobId }) => jobId));
      await delay(TICK_MS, undefined, { signal: closing.signal }).catch(() => undefined);
    }
  }

  const selling = sell();
  selling.catch(onError);
  return {
    accepted,
    close: () => {
      closing.abort();
      return selling;
    },
  };
}
