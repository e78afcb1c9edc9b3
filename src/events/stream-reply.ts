import type { EntryFields } from './entry.ts';

export interface StreamEntry {
  readonly id: string;
  /** Null: deleted by somebody while it was pending. */
  readonly fields: EntryFields | null;
}

// Checked by hand: a schema's walk over every text of every entry is a cost of each row.

/** The answer of XREADGROUP about one stream. Throws on anything else. */
export function entriesRead(reply: unknown): StreamEntry[] {
  if (reply === null) return [];
  const [stream, ...others] = listOf(reply);
  const [key, entries, ...rest] = listOf(stream);
  if (typeof key !== 'string' || others.length > 0 || rest.length > 0) throw unlike();
  return entriesOf(entries);
}

/** The answer of XAUTOCLAIM. Throws on anything else. */
export function entriesClaimed(reply: unknown): StreamEntry[] {
  const [cursor, entries] = listOf(reply);
  if (typeof cursor !== 'string') throw unlike();
  return entriesOf(entries);
}

function entriesOf(reply: unknown): StreamEntry[] {
  // Redis 6.2 answers null for an entry deleted by somebody while it was pending.
  return listOf(reply).flatMap((entry) => (entry === null ? [] : entryOf(entry)));
}

function entryOf(reply: unknown): StreamEntry {
  const entry = listOf(reply);
  const [id, fields] = entry;
  if (entry.length !== 2 || typeof id !== 'string') throw unlike();
  if (fields !== null && !isTexts(fields)) throw unlike();
  return { id, fields };
}

function listOf(reply: unknown): readonly unknown[] {
  if (!Array.isArray(reply)) throw unlike();
  return reply;
}

function isTexts(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((item) => typeof item === 'string');
}

function unlike(): Error {
  return new TypeError('Redis answered with something else than entries of a stream');
}
