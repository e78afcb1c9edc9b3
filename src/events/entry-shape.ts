import * as z from 'zod';

const AT_MIN = 1;
/** The latest `Date`. */
const AT_MAX = 8.64e15;

const record = z.record(z.string(), z.unknown());

const eventSchema = z.object({
  dedupeKey: z.string().min(1),
  type: z.string().min(1),
  aggregateId: z.string(),
  locationId: z.string().optional(),
  payload: record,
  metadata: record.optional(),
  transactionIds: z.array(z.string()).optional(),
});

export const entrySchema = z.object({
  at: z.number().int().min(AT_MIN).max(AT_MAX),
  state: z.string().optional(),
  stale: z.string().optional(),
  event: eventSchema,
});

/** The fields of an entry, by name; its event as JSON.parse gives it. */
export type Entry = z.infer<typeof entrySchema>;

/** What an event may have; anything else is no part of its row. */
export const EVENT_MEMBERS: ReadonlySet<string> = new Set(Object.keys(eventSchema.shape));

type Candidate = { readonly [Name in keyof Entry]: unknown };

/** Throws with the reason where it is none. */
export function entryOf(candidate: Candidate): Entry {
  if (isEntry(candidate)) return candidate;
  const parsed = entrySchema.safeParse(candidate);
  if (!parsed.success) throw new TypeError(z.prettifyError(parsed.error));
  return parsed.data;
}

/** What the schema says, for the price of looking: it is asked of every row there is. */
export function isEntry(candidate: Candidate): candidate is Entry {
  const { at, state, stale, event } = candidate;
  return (
    Number.isInteger(at) &&
    Number(at) >= AT_MIN &&
    Number(at) <= AT_MAX &&
    isTextIfAny(state) &&
    isTextIfAny(stale) &&
    isRecord(event) &&
    isEvent(event)
  );
}

function isEvent(event: Readonly<Record<string, unknown>>): boolean {
  const { dedupeKey, type, aggregateId, locationId, payload, metadata, transactionIds } = event;
  return (
    isName(dedupeKey) &&
    isName(type) &&
    typeof aggregateId === 'string' &&
    isTextIfAny(locationId) &&
    isRecord(payload) &&
    (metadata === undefined || isRecord(metadata)) &&
    (transactionIds === undefined || isTexts(transactionIds))
  );
}

function isName(value: unknown): boolean {
  return typeof value === 'string' && value !== '';
}

function isTextIfAny(value: unknown): boolean {
  return value === undefined || typeof value === 'string';
}

function isTexts(value: unknown): boolean {
  return Array.isArray(value) && value.every((item) => typeof item === 'string');
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
