import type { Queue } from 'bullmq';
import type { Redis } from 'ioredis';
import { pause } from '../../base/pause.ts';
import type { Redactor } from '../../base/redaction.ts';
import { eventStreamKey } from '../../events/event.ts';
import { createSpool } from '../../events/spool.ts';
import type { EnqueuedState } from '../producer/enqueued.ts';
import { queueError } from '../producer/producer-errors.ts';
import { type EventSubject, shownJson, verdictEvent } from '../sync-event.ts';
import { bringBack } from './bring-back.ts';
import { type Death, readDeaths } from './deaths.ts';
import {
  type DeadLetter,
  failedPages,
  readDeadLetters,
  readSyncKey,
  type TimeOfDeath,
} from './failed-jobs.ts';
import { stateOf } from './job-state.ts';
import { operatorEvent, type Word } from './operator-event.ts';
import { groupKeyOf } from './reason-groups.ts';
import { createTakeOut } from './take-out.ts';

/**
 * Which dead letters are meant: those to which all that is given applies. What waits to be split is passed over,
 * unless its id is given.
 */
export interface DeadLetterFilter extends TimeOfDeath {
  readonly ids?: readonly string[] | undefined;
  readonly job?: string | undefined;
  readonly locationId?: string | undefined;
  /** A part of the reason, `code: message`, in any case. */
  readonly error?: string | undefined;
  /** Of this group of reasons (`groupKeyOf`). */
  readonly group?: string | undefined;
}

/** What came of one of them. */
export type Verdict =
  | { readonly id: string; readonly kind: 'done' }
  /** Somebody else replayed it meanwhile. */
  | { readonly id: string; readonly kind: 'taken'; readonly state: EnqueuedState }
  /** Somebody else discarded it meanwhile, or edited it into another sale. */
  | { readonly id: string; readonly kind: 'gone' }
  /** By Redis. */
  | { readonly id: string; readonly kind: 'refused'; readonly why: string }
  | Missed;

/** Why one that was asked for by its id is not among those that are meant. */
export type Missed =
  /** It is no dead letter. */
  | { readonly id: string; readonly kind: 'not-dead'; readonly state: EnqueuedState }
  /** It is a dead letter to which the rest of the filter does not apply. */
  | { readonly id: string; readonly kind: 'left-out' }
  /** BullMQ has no such job: the id is wrong, or it was discarded or cleaned up before. */
  | { readonly id: string; readonly kind: 'unknown' };

/** Told by a scan of what it does not give. */
interface Omissions {
  /** Of each that waits to be split. */
  readonly passOver?: () => void;
  /** At the end, of each id in the filter. */
  readonly missed?: (one: Missed) => void;
}

/** Goes through those that are meant. */
export type Scan<Letter extends Death> = (
  filter: DeadLetterFilter,
  order: 'oldest-first' | 'newest-first',
  omissions?: Omissions,
) => AsyncGenerator<Letter>;

export interface DeadLetters {
  readonly scan: Scan<DeadLetter>;
  /** The same for whoever only counts them: where no store is named, no payload is read. */
  readonly deaths: { readonly scan: Scan<Death> };
  /**
   * Back into the queue, oldest first, with a full retry budget; those that die again meanwhile are not
   * replayed again. Each with its event in the log; the act itself is in the audit trail before. Of many
   * who do this at once, one gets each dead letter.
   */
  replay(filter: DeadLetterFilter, word: Word, pace?: Pace): AsyncGenerator<Verdict>;
  /** The same, for good: only the event keeps the beginning of the payload. */
  discard(filter: DeadLetterFilter, word: Word, pace?: Pace): AsyncGenerator<Verdict>;
}

/** How many dead letters; default: all that are meant, at once. */
interface Pace {
  readonly perSecond?: number | undefined;
  /** The oldest so many. */
  readonly max?: number | undefined;
  /** Nothing more is begun once it says so. */
  readonly stop?: AbortSignal | undefined;
}

interface DeadLettersDeps {
  readonly redis: Redis;
  /** Over the same connection. */
  readonly queue: Queue;
  readonly namespace: string;
  readonly redact: Redactor;
}

const NEVER = new AbortController().signal;

/** Does it, if it is a dead letter still. */
type Deed = (letter: DeadLetter) => Promise<boolean>;

export function createDeadLetters(deps: DeadLettersDeps): DeadLetters {
  const { redis, queue, namespace, redact } = deps;
  const eventStream = eventStreamKey(namespace);
  const audit = createSpool({ redis, namespace });
  const takeOut = createTakeOut(redis, queue);

  const replayAs = (word: Word): Deed => {
    return async (letter) => {
      const event = verdictEvent('replayed', await subjectOf(deps, letter), word, letter.reason, redact);
      return bringBack(queue, { jobId: letter.id, from: 'failed', event, eventStream });
    };
  };
  const discardAs = (word: Word): Deed => {
    return async (letter) => {
      const event = verdictEvent('discarded', await subjectOf(deps, letter), word, letter.reason, redact);
      return takeOut({ jobId: letter.id, from: 'failed', event, eventStream });
    };
  };
  const announce =
    ({ ids, ...filter }: DeadLetterFilter, word: Word, action: string) =>
    () => {
      const [only, ...others] = ids ?? [];
      const about = only !== undefined && others.length === 0 ? only : 'queue';
      const { actor, reason } = word;
      return audit.append(operatorEvent(actor, action, about, { reason, filter: { ...filter, ids } }));
    };

  const letters = (ids: readonly string[]) => readDeadLetters(redis, queue, ids);
  const deaths = async function* (ids: readonly string[]) {
    yield await readDeaths(redis, queue, ids);
  };
  const scan: DeadLetters['scan'] = (...asked) => scanBy(deps, letters, ...asked);

  return {
    scan,
    deaths: {
      scan: (filter, ...how) =>
        filter.locationId === undefined ? scanBy(deps, deaths, filter, ...how) : scan(filter, ...how),
    },
    replay: (filter, word, pace) =>
      passVerdicts(deps, filter, announce(filter, word, 'replay'), replayAs(word), pace),
    discard: (filter, word, pace) =>
      passVerdicts(deps, filter, announce(filter, word, 'discard'), discardAs(word), pace),
  };
}

type Shelf = Pick<DeadLettersDeps, 'redis' | 'queue'>;

/** Of these jobs, those that are dead letters. */
type Read<Letter extends Death> = (ids: readonly string[]) => AsyncIterable<readonly Letter[]>;

async function* scanBy<Letter extends Death>(
  shelf: Shelf,
  read: Read<Letter>,
  filter: DeadLetterFilter,
  order: 'oldest-first' | 'newest-first',
  { passOver, missed }: Omissions = {},
): AsyncGenerator<Letter> {
  const open = new Set(filter.ids);
  for await (const group of groupsOf(shelf, read, filter, order === 'newest-first', passOver)) {
    for (const { id } of group) open.delete(id);
    yield* group;
  }
  if (missed === undefined) return;
  for await (const one of missedOf(shelf, open)) missed(one);
}

async function* groupsOf<Letter extends Death>(
  { redis, queue }: Shelf,
  read: Read<Letter>,
  filter: DeadLetterFilter,
  newestFirst: boolean,
  passOver: () => void = () => undefined,
): AsyncGenerator<readonly Letter[]> {
  const pages =
    filter.ids === undefined ? failedPages(redis, queue, filter, newestFirst) : [[...new Set(filter.ids)]];
  for await (const ids of pages) {
    for await (const group of read(ids)) {
      const meant = group.filter((letter) => applies(filter, letter));
      const stay = meant.filter(({ toBeSplit }) => toBeSplit !== true || filter.ids !== undefined);
      for (let left = meant.length - stay.length; left > 0; left -= 1) passOver();
      yield stay;
    }
  }
}

function applies(
  filter: DeadLetterFilter,
  letter: Death & { readonly locationId?: string | undefined },
): boolean {
  const { job, locationId, diedAt, reason } = letter;
  const { since = 0, until = Number.POSITIVE_INFINITY, error = '' } = filter;
  return (
    (filter.job === undefined || filter.job === job) &&
    (filter.locationId === undefined || filter.locationId === locationId) &&
    since <= diedAt &&
    diedAt <= until &&
    (filter.group === undefined || filter.group === groupKeyOf(reason)) &&
    reason.toLowerCase().includes(error.toLowerCase())
  );
}

/** `announce` is called once, before the first deed, and not at all where there is nothing to do. */
async function* passVerdicts(
  shelf: Shelf,
  filter: DeadLetterFilter,
  announce: () => Promise<void>,
  deed: Deed,
  { perSecond = Number.POSITIVE_INFINITY, max = Number.POSITIVE_INFINITY, stop = NEVER }: Pace = {},
): AsyncGenerator<Verdict> {
  const begun = performance.now();
  // Clocks of workers differ, so what dies again may have died earlier than what comes next.
  const seen = new Set<string>();
  const read = (ids: readonly string[]) => readDeadLetters(shelf.redis, shelf.queue, ids);
  for await (const group of groupsOf(shelf, read, filter, false)) {
    const fresh = group.filter(({ id }) => !seen.has(id)).slice(0, max - seen.size);
    for (const handful of handfulsOf(fresh, perSecond)) {
      if (stop.aborted) return;
      if (seen.size === 0) await announce();
      for (const { id } of handful) seen.add(id);
      const passed = await Promise.allSettled(handful.map((letter) => verdictOf(shelf, letter, deed)));
      for (const one of passed) if (one.status === 'fulfilled') yield one.value;
      for (const one of passed) if (one.status === 'rejected') throw one.reason;
      if (seen.size === max) return;
      await pause(Math.max(0, begun + (seen.size * 1_000) / perSecond - performance.now()), stop);
    }
  }
  yield* missedOf(shelf, new Set((filter.ids ?? []).filter((id) => !seen.has(id))));
}

async function* missedOf(shelf: Shelf, ids: ReadonlySet<string>): AsyncGenerator<Missed> {
  for (const id of ids) {
    const state = await stateOf(shelf.redis, shelf.queue, id);
    if (state === undefined) yield { id, kind: 'unknown' };
    else if (state === 'failed') yield { id, kind: 'left-out' };
    else yield { id, kind: 'not-dead', state };
  }
}

async function verdictOf(shelf: Shelf, letter: DeadLetter, deed: Deed): Promise<Verdict> {
  const { id } = letter;
  try {
    if (await deed(letter)) return { id, kind: 'done' };
    const state = await stateOf(shelf.redis, shelf.queue, id);
    return state === undefined ? { id, kind: 'gone' } : { id, kind: 'taken', state };
  } catch (error) {
    if (!(error instanceof Error) || error.name !== 'ReplyError') throw error;
    return { id, kind: 'refused', why: queueError(error).message };
  }
}

async function subjectOf({ redis, queue }: Shelf, letter: DeadLetter): Promise<EventSubject> {
  const { id, job, data, locationId, transactionIds } = letter;
  const syncKey = await readSyncKey(redis, queue, letter);
  return { jobId: id, syncKey, name: job, json: shownJson(data), locationId, transactionIds };
}

function* handfulsOf<Item>(items: readonly Item[], size: number): Generator<readonly Item[]> {
  for (let start = 0; start < items.length; start += size) yield items.slice(start, start + size);
}
