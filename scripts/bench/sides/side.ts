import { type Job, Worker } from 'bullmq';
import { got } from 'got';
import { connectRedis } from '../../../src/base/redis.ts';
import { QUEUE_NAME, queuePrefix } from '../../../src/sync/queue.ts';

const { env } = process;
const KEPT_COMPLETED = Number(env['COMPLETED_MAX']);

/** Sends a job's sale; resolves to the status of the answer. */
export type Push = (job: Job) => Promise<number>;

interface Parts {
  readonly push: Push;
}

/** A worker as the packages' own documents have it; `make` puts together what is done with a job. */
export async function runSide(make: (parts: Parts) => Push): Promise<void> {
  const connection = connectRedis(env['REDIS_URL'] ?? '', 'patient', (error) => console.error(error.message));
  const api = got.extend({
    prefixUrl: env['CONEXXUS_API_URL'] ?? '',
    headers: { 'x-api-key': env['CONEXXUS_API_KEY'] },
    retry: { limit: 0 },
  });
  const push: Push = async (job) => {
    const headers = { 'idempotency-key': job.id };
    const { statusCode } = await api.post('api/v1/sales/push', { json: job.data, headers });
    return statusCode;
  };
  const worker = new Worker(QUEUE_NAME, make({ push }), {
    connection,
    prefix: queuePrefix(env['SYNC_NAMESPACE'] ?? ''),
    concurrency: Number(env['WORKER_CONCURRENCY']),
    removeOnComplete: { count: KEPT_COMPLETED },
  });
  worker.on('error', (error) => console.error(error.message));
  await worker.waitUntilReady();
  console.log(JSON.stringify({ msg: 'worker started' }));
  process.once('SIGTERM', () => {
    worker
      .close()
      .catch((error: unknown) => console.error(error))
      .finally(() => process.exit());
  });
}
