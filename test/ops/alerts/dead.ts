import type { Queue } from 'bullmq';
import type { Redis } from 'ioredis';
import { makeSales } from '../../support/sales.ts';

export type DeadLetter = [id: string, reason: string, diedAt: number, fields?: Record<string, string>];

/** As BullMQ keeps a failed job. */
export async function dieIn(
  { redis, queue }: { redis: Redis; queue: Queue },
  ...[id, reason, diedAt, fields]: DeadLetter
): Promise<void> {
  const data = JSON.stringify(makeSales(1)[0]);
  await redis.hset(queue.toKey(id), {
    name: 'push_sales',
    data,
    failedReason: reason,
    finishedOn: String(diedAt),
    ...fields,
  });
  await redis.zadd(queue.toKey('failed'), diedAt, id);
}
