/** Where the queue lives in Redis. Any BullMQ client that knows these two can enqueue. */
export const QUEUE_NAME = 'sync';

export function queuePrefix(namespace: string): string {
  return `{${namespace}}`;
}

/** Redis key that exists as long as it is remembered that the payload with this sync key was delivered. */
export function deliveredMarkKey(namespace: string, syncKey: string): string {
  return `{${namespace}}:circuit:delivered:${syncKey}`;
}
