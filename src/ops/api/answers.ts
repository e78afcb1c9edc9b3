import * as z from 'zod';

const at = z.number().meta({ description: 'Milliseconds since 1970, clock of Redis' });
const moment = z.iso.datetime();
const word = z.object({ actor: z.string(), reason: z.string(), since: at, until: at.optional() }).nullable();

const circuit = z
  .looseObject({
    state: z.enum(['closed', 'open', 'half-open']),
    phase: z.enum(['health', 'trials']).nullable(),
    epoch: z.number(),
    since: at,
    cause: z.string().nullable(),
    retryAt: at.nullable(),
    cooldownUntil: at.nullable(),
    failures: z.int(),
    successes: z.int(),
    rejections: z.int(),
    hold: word,
    bypass: word,
    pausedBy: z.array(z.string()).meta({ description: 'What keeps the queue paused; none: it runs' }),
    benched: z.array(
      z.looseObject({ worker: z.string(), since: at, cause: z.string(), retryAt: at.nullable() }),
    ),
    suspect: z.looseObject({ payload: z.string(), jobId: z.string(), since: at }).nullable(),
    window: z.object({ calls: z.int(), failures: z.int(), rate: z.number() }),
    outage: z.object({ since: at, cause: z.string(), openings: z.int() }).nullable(),
  })
  .meta({ description: 'The circuit now; `circuit status --json` is the same' });

const workers = z.array(z.looseObject({ name: z.string() }));

const events = z.object({
  events: z
    .array(
      z.object({
        id: z.uuid(),
        type: z.string(),
        jobId: z.string().meta({ description: 'For circuit events `circuit`' }),
        locationId: z.string().nullable(),
        at: moment,
        payload: z.looseObject({}),
        transactionIds: z.array(z.string()),
      }),
    )
    .meta({ description: 'Newest first' }),
  next: z.string().nullable().meta({ description: '`cursor` of the next page; null: this is the last' }),
});

const missed = z.array(
  z
    .object({
      id: z.string(),
      result: z.enum(['not-dead', 'left-out', 'unknown']),
      state: z.string().optional(),
    })
    .meta({ description: 'An id that was given in vain' }),
);
const groups = z.array(
  z.object({ key: z.string(), count: z.int(), reason: z.string(), newestAt: moment, oldestAt: moment }),
);

const deadLetters = z.object({
  deadLetters: z
    .array(
      z.object({
        id: z.string(),
        job: z.string(),
        locationId: z.string().optional(),
        transactionIds: z.array(z.string()),
        diedAt: moment,
        attempts: z.int(),
        reason: z.string(),
        replays: z.int(),
        toBeSplit: z.literal(true).optional(),
      }),
    )
    .meta({ description: 'The newest; all are counted' }),
  more: z.boolean(),
  total: z.int(),
  toBeSplit: z.int().meta({ description: 'Batches that a relay is about to split; not counted' }),
  missed,
  groups: groups.meta({ description: 'By what they died of, the largest first' }),
});

const results = z.enum([
  'replayed',
  'discarded',
  'taken',
  'gone',
  'refused',
  'not-dead',
  'left-out',
  'unknown',
]);
const deed = z.union([
  z.object({ dryRun: z.literal(true), matched: z.int(), missed, groups }),
  z.object({
    results: z.array(
      z.object({ id: z.string(), result: results, state: z.string().optional(), why: z.string().optional() }),
    ),
    counts: z.record(z.string(), z.int()),
    more: z.boolean().meta({ description: 'Some that are meant are left: ask again' }),
  }),
]);

const resent = z.object({
  jobId: z.string(),
  syncKey: z.string().meta({ description: 'The Idempotency-Key: the same as the first time' }),
  dryRun: z.literal(true).optional(),
  locationId: z.string().optional(),
  transactionIds: z.array(z.string()).optional(),
});

const replaced = z.object({
  dryRun: z.literal(true).optional(),
  replaced: z.string().meta({ description: 'Job id of the dead letter' }),
  jobId: z.string().meta({ description: 'Of the sale in its place: its Idempotency-Key too' }),
  locationId: z.string(),
  transactionIds: z.array(z.string()),
  differences: z
    .array(z.object({ path: z.string(), from: z.string().nullable(), to: z.string().nullable() }))
    .meta({ description: 'Field by field, as JSON that is cut; null: it is not there' }),
  moreDifferences: z.int().meta({ description: 'How many there are beyond those' }),
  inDoubt: z.boolean().meta({ description: 'Conexxus may have the dead one' }),
});

const outbox = z.object({
  dryRun: z.literal(true).optional(),
  result: z.object({
    done: z.object({ waiting: z.int(), apart: z.int(), dead: z.int() }),
    alongside: z.int(),
    refused: z.array(
      z.object({
        why: z.string(),
        detail: z.string().optional(),
        count: z.int(),
        first: z.array(z.string()),
      }),
    ),
  }),
});

const relays = z.object({
  released: z.string().nullable().meta({ description: 'Why they were held; null: they were not' }),
});

const problem = z
  .looseObject({
    type: z.string().meta({ description: 'urn:conexxus-sync:problem:…; stable, to branch on' }),
    title: z.string(),
    status: z.int(),
    detail: z.string().meta({ description: 'What is wrong, and what to do' }),
    problems: z
      .array(z.object({ path: z.string(), message: z.string() }))
      .optional()
      .meta({ description: "Of a request that is not valid: each field, '' for the whole" }),
  })
  .meta({ description: 'RFC 9457' });

const document = z.looseObject({ openapi: z.string() });

/** By their names in the OpenAPI document. */
export const ANSWERS = {
  Circuit: circuit,
  Workers: workers,
  Events: events,
  DeadLetters: deadLetters,
  Deed: deed,
  Resent: resent,
  Replaced: replaced,
  Outbox: outbox,
  Relays: relays,
  OpenApi: document,
  Problem: problem,
} as const;

export type AnswerName = keyof typeof ANSWERS;
