import { Queue } from 'bullmq';
import type { Redis } from 'ioredis';

/** Where the queue lives in Redis. Any BullMQ client that knows these two can enqueue. */
export const QUEUE_NAME = 'sync';

export function queuePrefix(namespace: string): string {
  return `{${namespace}}`;
}

/** Redis key of a job. */
export function jobKey(namespace: string, jobId: string): string {
  return `${queuePrefix(namespace)}:${QUEUE_NAME}:${jobId}`;
}

/**
 * The queue over a connection of the caller's, for whoever only adds, looks or moves. BullMQ waits for ever
 * for a Redis that is away, and a queue made then never works again, unless it is told to look at nothing
 * beforehand; and the queue's settings are the workers' to write.
 */
export function openQueue(connection: Redis, namespace: string): Queue {
  const queue = new Queue(QUEUE_NAME, {
    connection,
    prefix: queuePrefix(namespace),
    skipWaitingForReady: true,
    skipVersionCheck: true,
    skipMetasUpdate: true,
  });
  // It only repeats what the connection says; without a listener it would end the process.
  queue.on('error', () => undefined);
  return queue;
}
