import type { z } from 'zod';
import { readMoment, timeAgo } from '../../base/moment.ts';
import { sqlStateOf } from '../../base/postgres-errors.ts';
import { type EventFilter, type Place, wholeType } from '../../events/browse.ts';
import type { Act, SaleFilter } from '../../outbox/meant.ts';
import type { DeadLetterFilter } from '../../sync/dead-letters/dead-letters.ts';
import type { Word } from '../../sync/dead-letters/operator-event.ts';
import {
  countsRecord,
  type Deed,
  emptyTally,
  groupRecord,
  letterRecord,
  missedRecord,
  rehearsalRecord,
  replacementRecord,
  verdictRecord,
} from '../../sync/dead-letters/records.ts';
import { ResendRefusedError } from '../../sync/dead-letters/resend.ts';
import { survey } from '../../sync/dead-letters/survey.ts';
import { type ChangedNumber, changedNumberProblem, changedNumbers } from '../../sync/jobs/exact-numbers.ts';
import { parseJob, type SyncJob } from '../../sync/jobs/jobs.ts';
import { isSyncKey } from '../../sync/jobs/sync-key.ts';
import type { Acting } from '../acting.ts';
import { cursorOf, placeOf } from './cursor.ts';
import { badPayload, notValid } from './refusals.ts';
import type { deedBody, eventQuery, letterQuery, outboxBody, repairBody } from './requests.ts';

export async function listEvents(
  { readEvents }: Pick<Acting, 'readEvents'>,
  { type, location, job, since, until, limit, cursor }: z.output<typeof eventQuery>,
): Promise<object> {
  const filter: EventFilter = {
    type: type === undefined ? undefined : wholeType(type),
    locationId: location,
    jobId: job,
    since: dateOf(since),
    until: dateOf(until),
  };
  const from = cursor === undefined ? undefined : placeIn(cursor);
  try {
    const { events, next } = await readEvents(filter, limit, from);
    return { events, next: next && cursorOf(next) };
  } catch (error) {
    // A data exception: somebody made the cursor by hand.
    throw from !== undefined && sqlStateOf(error)?.startsWith('22') ? badCursor() : error;
  }
}

function placeIn(cursor: string): Place {
  const place = placeOf(cursor);
  if (place === undefined) throw badCursor();
  return place;
}

function badCursor() {
  return notValid([
    { path: 'cursor', message: 'is none: give `next` of the page before, or leave it out to begin anew' },
  ]);
}

export async function listDeadLetters(
  { deadLetters }: Pick<Acting, 'deadLetters'>,
  { id, limit, ...filter }: z.output<typeof letterQuery>,
): Promise<object> {
  const ids: string[] = [];
  const { total, toBeSplit, groups, missed } = await survey(
    deadLetters.deaths,
    letterFilter({ ...filter, ids: id }),
    (death, place) => {
      if (place < limit) ids.push(death.id);
    },
  );
  const newest = await collected(deadLetters.scan({ ids }, 'newest-first'));
  return {
    deadLetters: newest.map(letterRecord),
    more: total > limit,
    total,
    toBeSplit,
    missed: missed.map(missedRecord),
    groups: groups.map(groupRecord),
  };
}

async function collected<Item>(items: AsyncIterable<Item>): Promise<Item[]> {
  const all: Item[] = [];
  for await (const item of items) all.push(item);
  return all;
}

type LetterFields = Pick<
  z.output<typeof deedBody>,
  'ids' | 'job' | 'location' | 'since' | 'until' | 'error' | 'group'
>;

export function letterFilter(fields: Partial<LetterFields>): DeadLetterFilter {
  const { ids, job, location, since, until, error, group } = fields;
  return { ids, job, locationId: location, since: timeOf(since), until: timeOf(until), error, group };
}

/** What would be done, where no word is given. */
export async function passDeadLetters(
  { deadLetters }: Pick<Acting, 'deadLetters'>,
  deed: Deed,
  { max, ...fields }: z.output<typeof deedBody>,
  word: Word | undefined,
): Promise<object> {
  const filter = letterFilter(fields);
  if (word === undefined) return rehearsalRecord(await survey(deadLetters.deaths, filter));
  const results: object[] = [];
  const tally = emptyTally();
  for await (const verdict of deadLetters[deed](filter, word, { max })) {
    tally[verdict.kind] += 1;
    results.push(verdictRecord(deed, verdict));
  }
  const more = results.length >= max && (await isAny(deadLetters, filter));
  return { results, counts: countsRecord(deed, tally), more };
}

async function isAny(deadLetters: Acting['deadLetters'], filter: DeadLetterFilter): Promise<boolean> {
  const { done } = await deadLetters.deaths.scan(filter, 'oldest-first').next();
  return done !== true;
}

/** Where the queue has forgotten a job, its payload has to be given. `text`: the JSON that it is in, beneath `payload`. */
export function payloadFor(id: string, payload: unknown, text: string): () => Promise<SyncJob> {
  return async () => {
    if (payload === undefined) {
      throw new ResendRefusedError(`The queue has no job ${id} any more: give its payload`);
    }
    const parsed = parseJob('push_sales', payload, changedIn(text).map(changedNumberProblem));
    if (!parsed.ok) throw badPayload(parsed.problems);
    if (isSyncKey(id) && parsed.job.syncKey !== id) {
      throw new ResendRefusedError(`The payload is another one: its sync key is ${parsed.job.syncKey}`);
    }
    return parsed.job;
  };
}

/** Numbers of the payload that are others in the data. */
function changedIn(text: string): ChangedNumber[] {
  return changedNumbers(text)
    .filter(({ path }) => path[0] === 'payload')
    .map(({ path, ...number }) => ({ ...number, path: path.slice(1) }));
}

/** What would be done, where no word is given. `text`: the JSON that the payload is in, beneath `payload`. */
export async function repairDeadLetter(
  { repairs }: Pick<Acting, 'repairs'>,
  { id, payload, inDoubt }: Pick<z.output<typeof repairBody>, 'id' | 'payload' | 'inDoubt'>,
  text: string,
  word: Word | undefined,
): Promise<object> {
  const asked = { id, inDoubt, edited: { data: payload, changed: changedIn(text) } };
  if (word === undefined) return { dryRun: true, ...replacementRecord(await repairs.rehearse(asked)) };
  return replacementRecord(await repairs.repair({ ...asked, word }));
}

type OutboxFields = Pick<z.output<typeof outboxBody>, 'sales' | 'lines' | 'location' | 'date' | 'state'>;

/** What would be done, where no word is given. */
export async function actOnOutbox(
  { outbox }: Pick<Acting, 'outbox'>,
  act: Act,
  { sales, lines, location, date, state }: OutboxFields,
  word: Word | undefined,
): Promise<object> {
  const filter: SaleFilter = { sales, lines, locationId: location, date, state };
  if (word === undefined) return { dryRun: true, result: await outbox.rehearse(act, filter) };
  return { result: await outbox[act](filter, word) };
}

function timeOf(text: string | undefined): number | undefined {
  const moment = readMoment(text ?? '');
  return moment && timeAgo(moment);
}

function dateOf(text: string | undefined): Date | undefined {
  const time = timeOf(text);
  return time === undefined ? undefined : new Date(time);
}
