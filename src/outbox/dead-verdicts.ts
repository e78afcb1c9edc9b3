import type { Queue } from 'bullmq';
import type { Redis } from 'ioredis';
import type { DeadLetters, Verdict } from '../sync/dead-letters/dead-letters.ts';
import type { Word } from '../sync/dead-letters/operator-event.ts';
import { readReplacedBy } from '../sync/dead-letters/replaced-by.ts';
import { readDelivered, repliesOf } from '../sync/producer/known-jobs.ts';
import type { Act } from './meant.ts';
import type { Why } from './tally.ts';

/** `done` by the queue: the log tells a relay. `gone`: the queue has no such job, and nobody remembers its delivery. */
export type QueueVerdict =
  | { readonly kind: 'done' | 'gone' }
  | { readonly kind: 'refuse'; readonly why: Why; readonly detail?: string };

export interface QueueDeps {
  readonly redis: Redis;
  /** Over the same connection. */
  readonly queue: Queue;
  readonly namespace: string;
  readonly letters: DeadLetters;
}

/** Replays or discards the dead letters of these keys; what each became. */
export async function askQueue(
  deps: QueueDeps,
  act: Act,
  syncKeys: readonly string[],
  word: Word,
): Promise<ReadonlyMap<string, QueueVerdict>> {
  const verdicts = new Map<string, QueueVerdict>();
  if (syncKeys.length === 0) return verdicts;
  const deed = act === 'discard' ? 'discard' : 'replay';
  const passed = deps.letters[deed]({ ids: syncKeys }, word);
  for await (const verdict of passed) verdicts.set(verdict.id, ofVerdict(verdict));
  return withDeliveries(deps, verdicts);
}

/** Whether the queue still has them; changes nothing. */
export async function lookInQueue(
  deps: QueueDeps,
  syncKeys: readonly string[],
): Promise<ReadonlyMap<string, QueueVerdict>> {
  const { redis, queue } = deps;
  if (syncKeys.length === 0) return new Map();
  const pipeline = redis.pipeline();
  for (const syncKey of syncKeys) pipeline.exists(queue.toKey(syncKey));
  const exist = await repliesOf(pipeline);
  const verdicts = syncKeys.map((syncKey, index): [string, QueueVerdict] => [
    syncKey,
    exist[index] === 1 ? { kind: 'refuse', why: 'being-split' } : { kind: 'gone' },
  ]);
  return withDeliveries(deps, new Map(verdicts));
}

function ofVerdict(verdict: Verdict): QueueVerdict {
  switch (verdict.kind) {
    case 'done':
      return { kind: 'done' };
    case 'gone':
    case 'unknown':
      return { kind: 'gone' };
    case 'left-out':
      return { kind: 'refuse', why: 'changed' };
    case 'taken':
    case 'not-dead':
      return verdict.state === 'completed' || verdict.state === 'delivered'
        ? { kind: 'refuse', why: 'delivered' }
        : { kind: 'refuse', why: 'in-the-queue', detail: verdict.state };
    case 'refused':
      return { kind: 'refuse', why: 'refused', detail: verdict.why };
  }
}

/**
 * A job may be gone because it was replayed and delivered since, and then forgotten by the queue; or because a person edited
 * it into another, which no relay knows yet.
 */
async function withDeliveries(
  { redis, namespace }: QueueDeps,
  verdicts: ReadonlyMap<string, QueueVerdict>,
): Promise<ReadonlyMap<string, QueueVerdict>> {
  const gone = [...verdicts].filter(([, { kind }]) => kind === 'gone').map(([syncKey]) => syncKey);
  const delivered = await readDelivered(redis, namespace, gone);
  const replaced = await readReplacedBy(redis, namespace, gone);
  return new Map([
    ...verdicts,
    ...[...replaced.keys()].map((key) => [key, REPLACED] as const),
    ...[...delivered].map((key) => [key, DELIVERED] as const),
  ]);
}

const DELIVERED: QueueVerdict = { kind: 'refuse', why: 'delivered' };
const REPLACED: QueueVerdict = { kind: 'refuse', why: 'replaced' };
