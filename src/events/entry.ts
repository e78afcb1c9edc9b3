import * as z from 'zod';
import { errorMessage } from '../base/errors.ts';
import type { NewEventRow } from './schema.ts';
import { cleanRecord, cleanText } from './text.ts';

/** As Redis holds it: names and values by turns. */
export type EntryFields = readonly string[];

export type ParsedEntry =
  | { readonly kind: 'row'; readonly row: NewEventRow }
  | { readonly kind: 'malformed'; readonly reason: string };

const record = z.record(z.string(), z.unknown());

const entrySchema = z.object({
  at: z.coerce.number().int().min(1).max(8.64e15),
  state: z.string().optional(),
  stale: z.string().optional(),
  event: z.object({
    dedupeKey: z.string().min(1),
    type: z.string().min(1),
    aggregateId: z.string(),
    locationId: z.string().optional(),
    payload: record,
    metadata: record.optional(),
    transactionIds: z.array(z.string()).optional(),
  }),
});

type Entry = z.infer<typeof entrySchema>;

/** What an entry of the outcome stream (see event.ts) is in `event_log`. Never throws. */
export function parseEntry(fields: EntryFields): ParsedEntry {
  try {
    const { event, ...rest } = fieldsByName(fields);
    const entry = entrySchema.safeParse({ ...rest, event: JSON.parse(event ?? 'null') });
    if (!entry.success) return { kind: 'malformed', reason: z.prettifyError(entry.error) };
    return { kind: 'row', row: toRow(entry.data) };
  } catch (thrown) {
    // No JSON, or nested too deep.
    return { kind: 'malformed', reason: errorMessage(thrown) };
  }
}

function fieldsByName(fields: EntryFields): Partial<Record<string, string>> {
  const names = fields.filter((_, index) => index % 2 === 0);
  return Object.fromEntries(names.map((name, index) => [name, fields[2 * index + 1]]));
}

function toRow({ event, at, state, stale }: Entry): NewEventRow {
  return {
    dedupeKey: cleanText(event.dedupeKey),
    eventType: cleanText(event.type),
    aggregateId: cleanText(event.aggregateId),
    locationId: event.locationId === undefined ? null : cleanText(event.locationId),
    timestamp: new Date(at),
    payload: {
      ...cleanRecord(event.payload),
      ...(state === undefined ? {} : { circuitState: cleanText(state) }),
      ...(stale === '1' ? { stale: true } : {}),
    },
    metadata: event.metadata === undefined ? null : cleanRecord(event.metadata),
    transactionIds: (event.transactionIds ?? []).map(cleanText),
  };
}
