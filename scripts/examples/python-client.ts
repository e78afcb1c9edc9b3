/**
 * A till in Python as Redis sees it, for machines without Python: the same script with the same JSON and options
 * as `await Queue("sync", {"prefix": "{conexxus}"}).add("push_sales", sale, {"jobId": "store-7-R-1"})`.
 *
 *   REDIS_URL=redis://… SYNC_NAMESPACE=conexxus node --import tsx scripts/examples/python-client.ts [number]
 */
import { Job, Queue } from 'bullmq';
import { Redis } from 'ioredis';

const namespace = process.env['SYNC_NAMESPACE'] ?? 'conexxus';
const redis = new Redis(process.env['REDIS_URL'] ?? 'redis://127.0.0.1:6379', { maxRetriesPerRequest: null });
const queue = new Queue('sync', { connection: redis, prefix: `{${namespace}}` });

/** As `json.dumps(…, separators=(",", ":"))`: whatever is not ASCII is escaped. */
function dumps(value: unknown): string {
  const escape = (unit: string) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`;
  return JSON.stringify(value).replaceAll(/[\u007f-\uffff]/g, escape);
}

const number = process.argv[2] ?? '1';
const now = new Date().toISOString().replace('Z', '+00:00');
const items = [{ sku: '73050', name: 'Café crème 😀', quantity: 2, price: 10.5 }];
const sale = {
  date: now.slice(0, 10),
  locationId: 'store-7',
  transactions: [{ id: `R-${number}`, timestamp: now, total: 21, items }],
};
// A float of Python's keeps its `.0`, and another sale than this one's does not care.
const data = dumps(sale).replace('"total":21,', '"total":21.0,');

const jobId = `store-7-R-${number}`;
const job = new Job(queue, 'push_sales', sale, {}, jobId);
// What Python sets where its caller sets nothing. The workers' policy is another, and counts.
const opts = { attempts: 0, delay: 0, jobId };
console.log(await queue.getBackend().addJob({ ...job.asJSON(), data, opts }, jobId));

await queue.close();
redis.disconnect();
