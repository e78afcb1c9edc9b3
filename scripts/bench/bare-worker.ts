/** The least that pushes a queued sale: a BullMQ worker and one HTTP call, nothing kept, nothing safe. */
import { Worker } from 'bullmq';
import { got } from 'got';
import { connectRedis } from '../../src/base/redis.ts';
import { QUEUE_NAME, queuePrefix } from '../../src/sync/queue.ts';

const { REDIS_URL = '', SYNC_NAMESPACE = '', CONEXXUS_API_URL = '', CONEXXUS_API_KEY = '' } = process.env;

const connection = connectRedis(REDIS_URL, 'patient', (error) => console.error(error.message));
const api = got.extend({
  prefixUrl: CONEXXUS_API_URL,
  headers: { 'x-api-key': CONEXXUS_API_KEY },
  retry: { limit: 0 },
});
const worker = new Worker(
  QUEUE_NAME,
  async (job) => {
    const answer = await api.post('api/v1/sales/push', {
      json: job.data,
      headers: { 'idempotency-key': job.id },
    });
    return answer.statusCode;
  },
  { connection, prefix: queuePrefix(SYNC_NAMESPACE), concurrency: 10 },
);
await worker.waitUntilReady();
console.log(JSON.stringify({ msg: 'worker started' }));
process.once('SIGTERM', () => {
  worker
    .close()
    .then(() => connection.disconnect())
    .catch((error: unknown) => console.error(error));
});
