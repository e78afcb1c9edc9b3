import type { Redis } from 'ioredis';
import * as z from 'zod';
import { errorMessage } from '../base/errors.ts';
import { parseEntry } from './entry.ts';
import { eventStreamKey } from './event.ts';
import { refusedStreamKey } from './stream.ts';
import { cleanText } from './text.ts';

// How far the log is: what is neither in the stream up to a mark, nor in Postgres, nor set apart, was never written.

/** A row that Postgres refused. */
export interface RefusedRow {
  /** The aggregate's id. */
  readonly jobId: string;
  readonly type: string;
}

const PAGE = 100;

/** The id of the newest entry that the outcome stream ever had; null: there is no stream. */
export async function streamMark(redis: Redis, namespace: string): Promise<string | null> {
  try {
    const fields = await redis.xinfo('STREAM', eventStreamKey(namespace));
    const list: readonly unknown[] = Array.isArray(fields) ? fields : [];
    const id = list[list.indexOf('last-generated-id') + 1];
    return typeof id === 'string' ? id : null;
  } catch (error) {
    if (/no such key/.test(errorMessage(error))) return null;
    throw error;
  }
}

/** Whether all that the stream held at the mark has left it, for Postgres or for the refused. */
export async function isWrittenUpTo(redis: Redis, namespace: string, mark: string | null): Promise<boolean> {
  if (mark === null) return true;
  return (await redis.xrange(eventStreamKey(namespace), '-', mark, 'COUNT', 1)).length === 0;
}

/** All rows set apart that can be read; of what was no event at all nobody knows which job it was. */
export async function readRefused(redis: Redis, namespace: string): Promise<RefusedRow[]> {
  const key = refusedStreamKey(namespace);
  const rows: RefusedRow[] = [];
  let from = '-';
  for (;;) {
    const page = await redis.xrange(key, from, '+', 'COUNT', PAGE);
    rows.push(...page.flatMap(([, fields]) => rowOf(fields)));
    const last = page.at(-1);
    if (last === undefined || page.length < PAGE) return rows;
    from = `(${last[0]}`;
  }
}

function rowOf(fields: readonly string[]): RefusedRow[] {
  const parsed = parseEntry(originalOf(fields));
  if (parsed.kind === 'malformed') return [];
  return [{ jobId: cleanText(parsed.event.aggregateId), type: cleanText(parsed.event.type) }];
}

/** As it was in the outcome stream. */
function originalOf(fields: readonly string[]): readonly string[] {
  try {
    return z.array(z.string()).parse(JSON.parse(fields[fields.indexOf('entry') + 1] ?? ''));
  } catch {
    return [];
  }
}
