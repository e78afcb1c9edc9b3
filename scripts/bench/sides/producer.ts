/**
 * Enqueues in each way that there is, as the side called SIDE does, and logs of each what it cost. The same payloads,
 * made before anything is measured.
 */
import { Queue } from 'bullmq';
import { connectRedis } from '../../../src/base/redis.ts';
import { createSyncProducer, type PushSales } from '../../../src/index.ts';
import { QUEUE_NAME, queuePrefix } from '../../../src/sync/queue.ts';
import { redisCpuMs } from '../load.ts';
import { makePayloads } from './payloads.ts';
import { type AddedLine, WAYS, type Way } from './producer-ways.ts';

const WARM_UP = 1_000;
const AT_ONCE = 500;
const IN_FLIGHT = 50;

const { REDIS_URL = '', SYNC_NAMESPACE = '', SIDE = '', ADDS = '0' } = process.env;
const redis = connectRedis(REDIS_URL, 'patient', (error) => console.error(error.message));

interface Producer {
  readonly add: (sale: PushSales) => Promise<unknown>;
  readonly addMany: (sales: readonly PushSales[]) => Promise<unknown>;
}

const ours = (): Producer => {
  const producer = createSyncProducer({ redisUrl: REDIS_URL, namespace: SYNC_NAMESPACE });
  return {
    add: (sale) => producer.pushSales(sale),
    addMany: (sales) => producer.pushSalesMany(sales),
  };
};

const bare = (): Producer => {
  const queue = new Queue(QUEUE_NAME, { connection: redis, prefix: queuePrefix(SYNC_NAMESPACE) });
  return {
    add: (sale) => queue.add('push_sales', sale),
    addMany: (sales) => queue.addBulk(sales.map((data) => ({ name: 'push_sales', data }))),
  };
};

const run: Readonly<Record<Way, (producer: Producer, sales: readonly PushSales[]) => Promise<unknown>>> = {
  'one by one': async ({ add }, sales) => {
    for (const sale of sales) await add(sale);
  },
  '50 in flight': ({ add }, sales) => {
    const waiting = [...sales];
    const lane = async () => {
      for (let sale = waiting.pop(); sale !== undefined; sale = waiting.pop()) await add(sale);
    };
    return Promise.all(Array.from({ length: IN_FLIGHT }, lane));
  },
  'bulks of 500': async ({ addMany }, sales) => {
    for (let from = 0; from < sales.length; from += AT_ONCE) await addMany(sales.slice(from, from + AT_ONCE));
  },
};

const producer = SIDE === 'ours' ? ours() : bare();
for (const way of WAYS) {
  const adds = Number(ADDS);
  const sales = makePayloads(adds, way);
  await run[way](producer, makePayloads(WARM_UP, `${way}, warm`));
  const redisMs = await redisCpuMs(redis);
  const cpu = process.cpuUsage();
  const from = performance.now();
  await run[way](producer, sales);
  const tookMs = performance.now() - from;
  const { user, system } = process.cpuUsage(cpu);
  const line: AddedLine = {
    msg: `added: ${way}`,
    jobsPerSecond: (adds / tookMs) * 1_000,
    cpuMs: (user + system) / 1_000 / adds,
    redisMs: ((await redisCpuMs(redis)) - redisMs) / adds,
  };
  console.log(JSON.stringify(line));
}
process.exit();
