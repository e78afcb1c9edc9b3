/** Where the queue lives in Redis. Any BullMQ client that knows these two can enqueue. */
export const QUEUE_NAME = 'sync';

export function queuePrefix(namespace: string): string {
  return `{${namespace}}`;
}
