import { createReadStream } from 'node:fs';
import { ConexxusSyncError, errorMessage } from '../base/errors.ts';
import { type ChangedNumber, changedNumbers } from '../sync/jobs/exact-numbers.ts';

/** Where in the input something stands: a line of JSON Lines, or an item of one JSON document. */
export interface Place {
  readonly unit: 'line' | 'item';
  /** From 1. */
  readonly number: number;
}

export type Payload =
  | {
      readonly place: Place;
      readonly data: unknown;
      /** Numbers in its text that are others in the data. */
      readonly changed: readonly ChangedNumber[];
    }
  /** Could not be read, for this reason. */
  | { readonly place: Place; readonly unreadable: string };

interface Line {
  readonly number: number;
  readonly bytes: Buffer;
}

/** A document larger than this is taken for JSON Lines with a bad first line, which need no memory. */
const DOCUMENT_BYTES_MAX = 256 * 1024 * 1024;

/**
 * The payloads in JSON Lines, read line by line; or in one JSON document, an object or an array, read as a
 * whole. Which of them it is shows in the first line that is not blank: JSON Lines begin with a whole object.
 */
export async function* readPayloads(input: AsyncIterable<Buffer>): AsyncGenerator<Payload> {
  const lines = filledLines(input);
  try {
    const first = await lines.next();
    if (first.done === true) return;
    const payload = parse(first.value);
    if ('data' in payload && !Array.isArray(payload.data)) {
      yield payload;
      for await (const line of lines) yield parse(line);
    } else {
      yield* documentOf(first.value, lines);
    }
  } finally {
    // Else an open standard input keeps the process alive when the reader has stopped early.
    await lines.return();
  }
}

async function* documentOf(first: Line, rest: AsyncIterable<Line>): AsyncGenerator<Payload> {
  const lines = [first];
  let size = first.bytes.length;
  for await (const line of rest) {
    size += line.bytes.length;
    lines.push(line);
    if (size > DOCUMENT_BYTES_MAX) yield* lines.splice(0).map(parse);
  }
  yield* itemsOf(lines);
}

function itemsOf(lines: readonly Line[]): Payload[] {
  if (lines.length === 0) return [];
  const whole = parse({ number: 1, bytes: Buffer.concat(lines.flatMap(({ bytes }) => [bytes, NEWLINE])) });
  if ('data' in whole) return itemsIn(whole);
  const payloads = lines.map(parse);
  // Not even one line is JSON: this is one broken document, not a thousand broken lines.
  return payloads.some((payload) => 'data' in payload) ? payloads : [whole];
}

type Readable = Extract<Payload, { readonly data: unknown }>;

function itemsIn({ data, changed }: Readable): Payload[] {
  const items: unknown[] = Array.isArray(data) ? data : [data];
  const changedOf = Array.isArray(data) ? byItem(changed) : new Map([[0, changed]]);
  return items.map((item, index) => ({
    place: { unit: 'item', number: index + 1 },
    data: item,
    changed: changedOf.get(index) ?? [],
  }));
}

/** The numbers by the item of the list that they are in, seen from there. */
function byItem(numbers: readonly ChangedNumber[]): Map<number, ChangedNumber[]> {
  const found = new Map<number, ChangedNumber[]>();
  for (const { path, text } of numbers) {
    const index = Number(path[0]);
    const number = { path: path.slice(1), text };
    const before = found.get(index);
    if (before === undefined) found.set(index, [number]);
    else before.push(number);
  }
  return found;
}

function parse({ number, bytes }: Line): Payload {
  const place = { unit: 'line', number } as const;
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
    return { place, data: JSON.parse(text), changed: changedNumbers(text) };
  } catch (error) {
    const reason = error instanceof SyntaxError ? `is not JSON: ${error.message}` : 'is not UTF-8 text';
    return { place, unreadable: reason };
  }
}

const NEWLINE = Buffer.from('\n');

/** Bytes, not text: a letter in another encoding would be replaced silently, and a sale be changed. */
async function* filledLines(input: AsyncIterable<Buffer>): AsyncGenerator<Line, void> {
  let number = 1;
  let pending: Buffer[] = [];
  for await (let chunk of input) {
    for (let end = chunk.indexOf(NEWLINE); end >= 0; end = chunk.indexOf(NEWLINE)) {
      yield* filled({ number, bytes: Buffer.concat([...pending, chunk.subarray(0, end)]) });
      chunk = chunk.subarray(end + 1);
      pending = [];
      number += 1;
    }
    pending.push(chunk);
  }
  yield* filled({ number, bytes: Buffer.concat(pending) });
}

function filled(line: Line): Line[] {
  return line.bytes.every((byte) => byte === 0x20 || byte === 0x09 || byte === 0x0d) ? [] : [line];
}

/** `-`: the standard input. */
export async function* openFile(file: string): AsyncGenerator<Buffer> {
  try {
    yield* file === '-' ? process.stdin : createReadStream(file);
  } catch (error) {
    const name = file === '-' ? 'the standard input' : file;
    throw new UnreadableFileError(`Cannot read ${name}: ${errorMessage(error)}`, { cause: error });
  }
}

/** The file is not there, or cannot be read. */
class UnreadableFileError extends ConexxusSyncError {
  readonly code = 'UNREADABLE_FILE';
}
