import * as z from 'zod';
import { MOMENT_WORDS, readMoment } from '../../base/moment.ts';
import { filterFault, OPEN_TO_ACTS } from '../../outbox/meant.ts';

const REASON_MAX = 500;
const NAMES_MAX = 500;
/** Dead letters that one request deals with at most, in some seconds. */
const DEED_MAX = 10_000;
const DEED_DEFAULT = 1_000;
const EVENTS_MAX = 500;
const LETTERS_MAX = 1_000;
const PAGE_DEFAULT = 50;

const text = (words: string) => z.string({ error: words }).regex(/\S/, { error: `${words}, and not empty` });

const reasonText = text('must be a text that says why, for the audit trail')
  .max(REASON_MAX, { error: `must be at most ${REASON_MAX} characters` })
  .meta({ description: 'Why; it is in the audit trail' });

const moment = z
  .string({ error: `must be ${MOMENT_WORDS}` })
  .refine((value) => readMoment(value) !== undefined, { error: `must be ${MOMENT_WORDS}` });

const end = moment.meta({
  description: 'When it ends by itself: a time with its offset, or a duration like 30m',
});
const past = moment.meta({ description: 'A time with its offset, or so long ago, like 2h' });

const yes = z.literal(true, { error: 'must be true, or left out' });
const dryRun = z
  .boolean({ error: 'must be true or false' })
  .default(false)
  .meta({ description: 'true: nothing is done, and what would be is counted' });

const jobId = text('must be a job id: a text');
const location = text('must be the id of a location: a text');

function limit(max: number) {
  return z.coerce
    .number({ error: `must be a whole number from 1 to ${max}` })
    .int({ error: 'must be a whole number' })
    .min(1, { error: 'must be at least 1' })
    .max(max, { error: `must be at most ${max}` })
    .default(PAGE_DEFAULT);
}

const letterFilter = {
  job: text('must be a job name: a text').optional(),
  location: location.optional(),
  since: past.optional(),
  until: past.optional(),
  error: text('must be a part of the reason: a text').optional(),
  group: text('must be the key of a group: a text').optional(),
};

const inOrder = {
  error: 'is earlier than since',
  path: ['until'],
};

function isInOrder({ since, until }: { since?: string | undefined; until?: string | undefined }): boolean {
  const [from, to] = [readMoment(since ?? ''), readMoment(until ?? '')];
  if (from === undefined || to === undefined) return true;
  const now = Date.now();
  const at = (one: typeof from) => ('at' in one ? one.at : now - one.spanMs);
  return at(from) <= at(to);
}

/** The parameters of `GET /api/events`. */
export const eventQuery = z
  .strictObject({
    type: text('must be a type, or the beginning of some and *')
      .regex(/^[^*]+\*?$/, { error: 'has its * at the end, or none' })
      .optional()
      .meta({ description: 'A type, or the beginning of some and *; `conexxus.` may be left out' }),
    location: location.optional(),
    job: jobId.optional(),
    since: past.optional(),
    until: past.optional(),
    limit: limit(EVENTS_MAX),
    cursor: z.string().optional().meta({ description: '`next` of the page before' }),
  })
  .refine(isInOrder, inOrder);

/** The parameters of `GET /api/dead-letters`. */
export const letterQuery = z
  .strictObject({
    id: z.array(jobId).max(NAMES_MAX).optional().meta({ description: 'May be given again' }),
    ...letterFilter,
    limit: limit(LETTERS_MAX),
  })
  .refine(isInOrder, inOrder);

export const reasonBody = z.strictObject({ reason: reasonText });
export const endingBody = z.strictObject({ reason: reasonText, until: end.optional() });

const needsReason = {
  error: 'must say why, for the audit trail; only a dryRun needs none',
  path: ['reason'],
};
const hasReason = (body: { dryRun: boolean; reason?: string | undefined }) =>
  body.dryRun || body.reason !== undefined;

/** Of `replay` and `discard`. */
export const deedBody = z
  .strictObject({
    ids: z
      .array(jobId, { error: 'must be a list of job ids' })
      .min(1, { error: 'names none' })
      .max(NAMES_MAX, { error: `names more than ${NAMES_MAX}` })
      .optional(),
    ...letterFilter,
    all: yes.optional().meta({ description: 'All there are: said, where no filter is given' }),
    max: limit(DEED_MAX).default(DEED_DEFAULT).meta({ description: 'The oldest so many' }),
    reason: reasonText.optional(),
    dryRun,
  })
  .refine(hasReason, needsReason)
  .refine(isInOrder, inOrder)
  .refine(({ all, max: _max, reason: _reason, dryRun: _dryRun, ...filter }) => all || isSome(filter), {
    error: 'say which: ids, job, location, since, until, error or group; or all: true',
    path: [],
  })
  .refine(({ all, max: _max, reason: _reason, dryRun: _dryRun, ...filter }) => !(all && isSome(filter)), {
    error: 'leaves none out: no filter goes with it',
    path: ['all'],
  });

function isSome(filter: object): boolean {
  return Object.values(filter).some((value) => value !== undefined);
}

export const resendBody = z
  .strictObject({
    id: text('must be a job id or a sync key: a text'),
    payload: z
      .unknown()
      .optional()
      .meta({ description: 'Of a push_sales; asked for once the queue has forgotten the job' }),
    reason: reasonText.optional(),
    dryRun,
  })
  .refine(hasReason, needsReason);

/** Of `repair`. */
export const repairBody = z
  .strictObject({
    id: jobId.meta({ description: 'Job id of the dead letter' }),
    payload: z
      .unknown()
      .optional()
      .meta({ description: 'The edited push_sales, always given; what was masked may stay so' }),
    inDoubt: z
      .boolean({ error: 'must be true or false' })
      .default(false)
      .meta({ description: 'true: also where Conexxus may have the dead one' }),
    reason: reasonText.optional(),
    dryRun,
  })
  .refine(hasReason, needsReason)
  .refine(({ payload }) => payload !== undefined, { error: 'must be the edited payload', path: ['payload'] });

const FAULTS = {
  'says-nothing': { error: 'say which: sales, lines, location or date; or all: true', path: [] },
  'all-and-some': { error: 'leaves none out: nothing but state goes with it', path: ['all'] },
  'state-of-named': { error: 'is for many sales: these are named', path: ['state'] },
} as const;

/** Of `release` and `discard` in the outbox. */
export const outboxBody = z
  .strictObject({
    sales: z.array(text('must be a transaction id: a text')).min(1).max(NAMES_MAX).optional(),
    lines: z
      .array(z.string().regex(/^\d{1,18}$/, { error: 'must be the number of a line, as text' }))
      .min(1)
      .max(NAMES_MAX)
      .optional(),
    location: location.optional(),
    date: z.iso.date({ error: 'must be a calendar date, YYYY-MM-DD' }).optional(),
    state: z.enum(OPEN_TO_ACTS, { error: `must be one of ${OPEN_TO_ACTS.join(', ')}` }).optional(),
    all: yes.optional(),
    reason: reasonText.optional(),
    dryRun,
  })
  .refine(hasReason, needsReason)
  .superRefine((body, context) => {
    const fault = filterFault({ ...body, locationId: body.location }, body.all === true);
    if (fault === undefined) return;
    const { error, path } = FAULTS[fault];
    context.addIssue({ code: 'custom', message: error, path: [...path] });
  });

const RATE_MAX = 1_000;

/** Dead letters a second of a run. */
export const rateField = z.object({
  rate: z.coerce
    .number({ error: `must be a whole number from 1 to ${RATE_MAX}` })
    .int({ error: 'must be a whole number' })
    .min(1, { error: 'must be at least 1' })
    .max(RATE_MAX, { error: `must be at most ${RATE_MAX}` })
    .optional(),
});

/** Of a request that has none. */
export const nothing = z.object({});
