import type { Redis } from 'ioredis';
import { deliveredMarkKey } from '../../circuit/keys.ts';
import type { EnqueuedState } from './enqueued.ts';

/**
 * KEYS: hashes of jobs.
 * Returns for each of them whether it is there: 1 or 0.
 */
export const ARE_THERE = `
local there = {}
for place, key in ipairs(KEYS) do
  there[place] = redis.call('EXISTS', key)
end
return there
`;

/** Which of these payloads are remembered as delivered. One command. */
export async function readDelivered(
  redis: Redis,
  namespace: string,
  syncKeys: readonly string[],
): Promise<Set<string>> {
  if (syncKeys.length === 0) return new Set();
  const marks = await redis.mget(syncKeys.map((syncKey) => deliveredMarkKey(namespace, syncKey)));
  return new Set(syncKeys.filter((_, index) => marks[index] !== null));
}

/**
 * Where jobs stand; what is in no set of BullMQ's and `delivered` is that. One round trip.
 * Not BullMQ's own `getState`: it searches the list of waiting jobs, which an outage makes very long.
 */
export async function readStates(
  redis: Redis,
  toKey: (suffix: string) => string,
  jobIds: readonly string[],
  delivered: ReadonlySet<string>,
): Promise<Map<string, EnqueuedState>> {
  if (jobIds.length === 0) return new Map();
  const pipeline = redis.pipeline();
  for (const set of ['completed', 'failed', 'delayed']) pipeline.zmscore(toKey(set), ...jobIds);
  pipeline.lrange(toKey('active'), 0, -1);
  pipeline.eval(ARE_THERE, jobIds.length, ...jobIds.map(toKey));
  const [completed, failed, delayed, active, there] = await repliesOf(pipeline);
  const stateOf = (jobId: string, index: number): EnqueuedState => {
    if (isMember(completed, index)) return 'completed';
    if (isMember(failed, index)) return 'failed';
    if (isMember(delayed, index)) return 'delayed';
    if (Array.isArray(active) && active.includes(jobId)) return 'active';
    const isThere = Array.isArray(there) && there[index] === 1;
    return delivered.has(jobId) && !isThere ? 'delivered' : 'waiting';
  };
  return new Map(jobIds.map((jobId, index) => [jobId, stateOf(jobId, index)]));
}

/** A member has a score, any other null. */
function isMember(scores: unknown, index: number): boolean {
  return Array.isArray(scores) && scores[index] !== null;
}

interface Commands {
  exec(): Promise<[error: Error | null, reply: unknown][] | null>;
}

/** The replies to all commands of a pipeline or transaction; the first error among them is thrown. */
export async function repliesOf(commands: Commands): Promise<unknown[]> {
  const replies = (await commands.exec()) ?? [];
  for (const [error] of replies) if (error) throw error;
  return replies.map(([, reply]) => reply);
}
