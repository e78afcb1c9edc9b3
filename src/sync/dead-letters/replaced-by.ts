import type { Redis } from 'ioredis';
import { queuePrefix } from '../queue.ts';

/** So long the queue knows that a job was replaced; the log knows it by then. */
export const REPLACED_KEPT_MS = 86_400_000;

/** Redis key with the id of the job that a person edited this one into. */
export function replacedByKey(namespace: string, jobId: string): string {
  return `${queuePrefix(namespace)}:replaced-by:${jobId}`;
}

/** Of those that were replaced lately: by which job. */
export async function readReplacedBy(
  redis: Redis,
  namespace: string,
  jobIds: readonly string[],
): Promise<Map<string, string>> {
  if (jobIds.length === 0) return new Map();
  const found = await redis.mget(jobIds.map((id) => replacedByKey(namespace, id)));
  return new Map(jobIds.flatMap((id, n) => (found[n] ? [[id, found[n]] as const] : [])));
}
