import type { Queue } from 'bullmq';
import type { Redis } from 'ioredis';
import type { Database } from '../base/database.ts';
import { errorMessage } from '../base/errors.ts';
import { tell } from '../base/happenings.ts';
import { isWrittenUpTo, streamMark } from '../events/drained.ts';
import type { Standing } from '../events/fates.ts';
import { readStates, repliesOf } from '../sync/producer/known-jobs.ts';
import type { Circumstances } from './fate.ts';
import type { Traveller } from './journey.ts';
import { type Logged, readDeliveredButRefused, readLogged } from './logged.ts';

export interface FactsDeps {
  readonly redis: Redis;
  readonly queue: Queue;
  readonly namespace: string;
  /** Of the event log. */
  readonly log: Pick<Database, 'read'>;
}

type Facts = Omit<Circumstances, 'isOld'>;

const STATES_CHUNK = 500;
/** Attempts after which a batch that always fails is split. */
const COUNTED_ATTEMPTS = 5;
const OPEN = { kind: 'open' } as const;
/** Postgres refused its row. */
const DELIVERED = { kind: 'delivered', at: new Date(0), flagged: false, refused: [] } as const;

/** What is known of the payloads at this moment; undefined: the event log is away, and nothing can be said yet. */
export async function readFacts(
  due: readonly Traveller[],
  deps: FactsDeps,
): Promise<((one: Traveller) => Facts) | undefined> {
  await lookAtQueue(due, deps);
  const written = await whichAreWritten(due.filter(isFinished), deps);
  const tired = await whichAreTired(due, deps);
  const asking = due.filter((one) => isFinished(one) || tired.has(one));
  const logged = await ask(asking, deps);
  if (logged === undefined) return undefined;
  const isAnyGone = due.some(({ queue }) => queue === 'gone');
  const refused = isAnyGone ? await readDeliveredButRefused(deps.redis, deps.namespace) : new Set<string>();
  return (one) => {
    const { standing, inDoubt } = logged(one.syncKey);
    const isSaid = standing.kind !== 'open' && !isOfEarlierLife(one, standing);
    return {
      state: one.state,
      queue: one.queue === 'unknown' || one.queue === 'unsent' ? 'gone' : one.queue,
      standing: isSaid ? standing : refused.has(one.syncKey) ? DELIVERED : OPEN,
      isWritten: written.has(one),
      hasSeveralMembers: one.members > 1,
      maySplit: tired.has(one) && !inDoubt,
    };
  };
}

/** It died, and a person released it since. What was delivered is that for good. */
function isOfEarlierLife({ state, diedAt }: Traveller, standing: Standing): boolean {
  return state === 'open' && diedAt !== null && standing.kind === 'dead' && standing.at.getTime() <= diedAt;
}

/** Once its job is finished or gone, what matters is the log; and what is not there yet is in the stream. */
function isFinished({ queue, state }: Traveller): boolean {
  return state === 'splitting' || queue === 'completed' || queue === 'failed' || queue === 'gone';
}

async function lookAtQueue(due: readonly Traveller[], { redis, queue }: FactsDeps): Promise<void> {
  for (let start = 0; start < due.length; start += STATES_CHUNK) {
    const chunk = due.slice(start, start + STATES_CHUNK);
    const ids = chunk.map(({ syncKey }) => syncKey);
    // Taken for delivered, what is in no set and has no hash is told apart from what waits.
    const states = await readStates(redis, queue.toKey, ids, new Set(ids));
    for (const one of chunk) {
      const state = states.get(one.syncKey) ?? 'delivered';
      const queue = state === 'delivered' ? 'gone' : state;
      // It was brought back meanwhile, and ended anew: that is further on in the stream.
      if (queue !== one.queue) delete one.mark;
      one.queue = queue;
    }
  }
}

/** The stream's end is noted after the queue was looked at: all before it has to be in the log first. */
async function whichAreWritten(
  finished: readonly Traveller[],
  { redis, namespace }: FactsDeps,
): Promise<Set<Traveller>> {
  if (finished.length === 0) return new Set();
  const end = await streamMark(redis, namespace);
  for (const one of finished) if (one.mark === undefined) one.mark = end;
  const passed = new Map<string | null | undefined, boolean>();
  for (const { mark = null } of finished) {
    if (!passed.has(mark)) passed.set(mark, await isWrittenUpTo(redis, namespace, mark));
  }
  return new Set(finished.filter(({ mark = null }) => passed.get(mark)));
}

/** Failed so often that one sale in it may be the reason. */
async function whichAreTired(
  due: readonly Traveller[],
  { redis, queue }: FactsDeps,
): Promise<Set<Traveller>> {
  const delayed = due.filter((one) => one.queue === 'delayed' && one.members > 1);
  if (delayed.length === 0) return new Set();
  const pipeline = redis.pipeline();
  for (const { syncKey } of delayed) pipeline.hget(queue.toKey(syncKey), 'atm');
  const counted = await repliesOf(pipeline);
  return new Set(delayed.filter((_, n) => Number(counted[n]) >= COUNTED_ATTEMPTS));
}

async function ask(
  asking: readonly Traveller[],
  { log }: FactsDeps,
): Promise<((syncKey: string) => Logged) | undefined> {
  try {
    return await readLogged(
      log,
      asking.map(({ syncKey }) => syncKey),
    );
  } catch (error) {
    tell('fates-unknown', { error: errorMessage(error) });
    return undefined;
  }
}
