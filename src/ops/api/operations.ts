import type { z } from 'zod';
import type { AnswerName } from './answers.ts';
import {
  deedBody,
  endingBody,
  eventQuery,
  letterQuery,
  nothing,
  outboxBody,
  reasonBody,
  repairBody,
  resendBody,
} from './requests.ts';

/** What can be asked: its route is bound by this, and the document is made of it. */
export interface Operation<Query extends z.ZodType = z.ZodType, Body extends z.ZodType = z.ZodType> {
  readonly method: 'get' | 'post';
  /** Beneath `/api`. */
  readonly path: string;
  readonly summary: string;
  readonly query: Query;
  /** Parameters that may be given again. */
  readonly lists: readonly string[];
  /** Of a post. */
  readonly body: Body;
  readonly answer: AnswerName;
  /** Statuses of problems beside those of all. */
  readonly problems: readonly number[];
}

type Told = Pick<Operation, 'path' | 'summary' | 'answer'> & { readonly problems?: readonly number[] };

function get<Query extends z.ZodType>(
  query: Query,
  { problems = [], ...told }: Told,
  lists: readonly string[] = [],
): Operation<Query, typeof nothing> {
  return { method: 'get', query, lists, body: nothing, problems, ...told };
}

function post<Body extends z.ZodType>(
  body: Body,
  { problems = [], ...told }: Told,
): Operation<typeof nothing, Body> {
  return { method: 'post', query: nothing, lists: [], body, problems, ...told };
}

function circuitAct<Body extends z.ZodType>(body: Body, name: string, summary: string) {
  const path = `/circuit/${name}`;
  return post(body, { path, summary, answer: 'Circuit', problems: [409] });
}

export const OPERATIONS = {
  circuit: get(nothing, { path: '/circuit', summary: 'The circuit now', answer: 'Circuit' }),
  hold: circuitAct(endingBody, 'hold', 'Stop all calls'),
  release: circuitAct(reasonBody, 'release', 'End the hold, or else the bypass'),
  bypass: circuitAct(endingBody, 'bypass', 'Let every call through, and count nothing'),
  trial: circuitAct(reasonBody, 'trial', 'Try now: ends the wait of an open or rate-limited circuit'),
  reset: circuitAct(reasonBody, 'reset', 'Close it, with nothing counted'),
  workers: get(nothing, { path: '/workers', summary: 'Who is there', answer: 'Workers' }),
  events: get(eventQuery, {
    path: '/events',
    summary: 'Rows of the event log, newest first, in pages',
    answer: 'Events',
    problems: [422],
  }),
  deadLetters: get(
    letterQuery,
    {
      path: '/dead-letters',
      summary: 'Dead letters, counted by what they died of',
      answer: 'DeadLetters',
      problems: [422],
    },
    ['id'],
  ),
  replay: post(deedBody, {
    path: '/dead-letters/replay',
    summary: 'Put dead letters back into the queue, with a full retry budget',
    answer: 'Deed',
  }),
  discard: post(deedBody, {
    path: '/dead-letters/discard',
    summary: 'Give dead letters up for good',
    answer: 'Deed',
  }),
  repair: post(repairBody, {
    path: '/dead-letters/repair',
    summary: 'Send an edited sale in place of a dead letter, which is closed as replaced by it',
    answer: 'Replaced',
    problems: [409],
  }),
  resend: post(resendBody, {
    path: '/resend',
    summary: 'Send a delivered payload again on purpose, under the same Idempotency-Key',
    answer: 'Resent',
    problems: [409],
  }),
  outboxRelease: post(outboxBody, {
    path: '/outbox/release',
    summary: 'Send sales of the outbox again, set apart or dead ones, under the key that they had',
    answer: 'Outbox',
    problems: [404, 409],
  }),
  outboxDiscard: post(outboxBody, {
    path: '/outbox/discard',
    summary: 'Give sales of the outbox up for good',
    answer: 'Outbox',
    problems: [404, 409],
  }),
  relaysRelease: post(reasonBody, {
    path: '/outbox/relays/release',
    summary: 'Let the relays go on, which wait for a person (a restored database)',
    answer: 'Relays',
    problems: [404],
  }),
  openapi: get(nothing, { path: '/openapi.json', summary: 'This document', answer: 'OpenApi' }),
} as const;
