/**
 * A POS without Postgres: it enqueues by itself, keeps what Redis did not take, and tries that again.
 *
 *   REDIS_URL=redis://… SYNC_NAMESPACE=conexxus node --import tsx scripts/examples/pos-with-the-library.ts
 */
import { setTimeout as delay } from 'node:timers/promises';
import {
  createSyncProducer,
  type PushSales,
  QueueFullError,
  QueueUnavailableError,
  type SyncProducer,
} from 'conexxus-sync';

const AGAIN_MS = 5_000;

const sync = createSyncProducer({
  redisUrl: process.env['REDIS_URL'] ?? 'redis://127.0.0.1:6379',
  namespace: process.env['SYNC_NAMESPACE'] ?? 'conexxus',
  onError: (error) => console.warn(error.message),
});

/** Sales that are kept until Redis took them. Of a real POS they are on its disk. */
const kept: PushSales[] = [];

async function ringUp(id: string): Promise<void> {
  const now = new Date().toISOString();
  const items = [{ sku: '73050', quantity: 2, price: 10.99 }];
  kept.push({
    date: now.slice(0, 10),
    locationId: 'store-7',
    transactions: [{ id, timestamp: now, total: 21.98, items }],
  });
}

/** To send again what may have been sent is safe: the same sale is the same job. */
async function sendKept(producer: SyncProducer): Promise<void> {
  while (kept.length > 0) {
    try {
      const batch = kept.slice(0, 250);
      const results = await producer.pushSalesMany(batch);
      kept.splice(0, batch.length);
      for (const { jobId, status } of results) console.log(jobId, status);
    } catch (error) {
      if (!(error instanceof QueueUnavailableError || error instanceof QueueFullError)) throw error;
      await delay(AGAIN_MS);
    }
  }
}

await ringUp(`R-${Date.now()}-1`);
await ringUp(`R-${Date.now()}-2`);
await sendKept(sync);
await sync.close();
