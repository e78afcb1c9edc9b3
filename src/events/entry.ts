import { errorMessage } from '../base/errors.ts';
import { type Entry, EVENT_MEMBERS, entryOf } from './entry-shape.ts';
import { cleanRecord, cleanText, isSurelyClean, nestsTooDeep } from './text.ts';

/** As Redis holds it: names and values by turns. */
export type EntryFields = readonly string[];

/**
 * A row as JSON: the members of the event, `at` as `timestamp` takes it, and `added`, which the payload gets
 * besides what it has.
 */
export type RowJson = string;

export type ParsedEntry =
  | { readonly kind: 'row'; readonly row: RowJson; readonly event: Entry['event'] }
  | { readonly kind: 'malformed'; readonly reason: string };

/** What an entry of the outcome stream (see event.ts) is in `event_log`. Never throws. */
export function parseEntry(fields: EntryFields): ParsedEntry {
  try {
    const json = valueOf(fields, 'event') ?? 'null';
    const event: unknown = JSON.parse(json);
    const at = Number(valueOf(fields, 'at'));
    const entry = entryOf({ at, state: valueOf(fields, 'state'), stale: valueOf(fields, 'stale'), event });
    return { kind: 'row', row: rowOf(entry, json), event: entry.event };
  } catch (thrown) {
    // No JSON, unlike an entry, or nested too deep.
    return { kind: 'malformed', reason: errorMessage(thrown) };
  }
}

/** The last of a name counts, here as in JSON. */
function valueOf(fields: EntryFields, name: string): string | undefined {
  for (let index = fields.length - 2; index >= 0; index -= 2) {
    if (fields[index] === name) return fields[index + 1];
  }
  return undefined;
}

function rowOf({ event, at, state, stale }: Entry, json: string): RowJson {
  const members = canStay(event, json) ? json : JSON.stringify(cleanEvent(event));
  const added = {
    ...(state === undefined ? {} : { circuitState: cleanText(state) }),
    ...(stale === '1' ? { stale: true } : {}),
  };
  return `${members.slice(0, -1)},"at":"${new Date(at).toISOString()}","added":${JSON.stringify(added)}}`;
}

/** Most events are written as they came: to make their JSON anew costs twice what it costs to read it. */
function canStay(event: Entry['event'], json: string): boolean {
  return (
    isSurelyClean(json) &&
    json.endsWith('}') &&
    Object.keys(event).every((name) => EVENT_MEMBERS.has(name)) &&
    !nestsTooDeep(event.payload) &&
    !nestsTooDeep(event.metadata)
  );
}

function cleanEvent(event: Entry['event']): object {
  const members = Object.entries(event).filter(([name]) => EVENT_MEMBERS.has(name));
  // The depth is that of what is within the payload.
  return cleanRecord(Object.fromEntries(members), -1);
}
