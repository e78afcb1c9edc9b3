import type { ChangedNumber } from '../sync/jobs/exact-numbers.ts';
import { filledLines, isBlank, PIECE_BYTES_MAX, type Piece } from '../sync/jobs/json-lines.ts';
import { readJson } from '../sync/jobs/json-text.ts';
import { peeked } from './input-file.ts';
import { arrayItems } from './json-array.ts';

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

/** Whoever has more blanks than this before the first letter has no list of payloads. */
const BLANKS_MAX = 64 * 1024;
const BYTE_ORDER_MARK = Buffer.from('\uFEFF');
const LIST = 0x5b;

/**
 * The payloads in JSON Lines, in a JSON list, or in one JSON object. Which of them it is shows in the first
 * letter, and in the first line that is not blank: JSON Lines begin with a whole object. Lines and lists of
 * any length need little memory.
 */
export async function* readPayloads(input: AsyncGenerator<Buffer, void>): AsyncGenerator<Payload> {
  const { begin, all } = await peeked(
    input,
    (some) => lettersOf(some).length > 0 || some.length > BLANKS_MAX,
  );
  if (lettersOf(begin)[0] === LIST) {
    for await (const item of arrayItems(all)) yield parse('item', item);
  } else {
    yield* payloadsOf(filledLines(all));
  }
}

/** From the first letter on. */
function lettersOf(text: Buffer): Buffer {
  const marked = text.subarray(0, BYTE_ORDER_MARK.length).equals(BYTE_ORDER_MARK);
  const bytes = marked ? text.subarray(BYTE_ORDER_MARK.length) : text;
  const blanks = bytes.findIndex((byte) => !isBlank(byte));
  return blanks < 0 ? bytes.subarray(bytes.length) : bytes.subarray(blanks);
}

async function* payloadsOf(lines: AsyncGenerator<Piece, void>): AsyncGenerator<Payload> {
  try {
    const first = await lines.next();
    if (first.done === true) return;
    const payload = parse('line', first.value);
    if ('data' in payload) {
      yield payload;
      for await (const line of lines) yield parse('line', line);
    } else {
      yield* documentOf(first.value, lines);
    }
  } finally {
    // Else an open standard input keeps the process alive when the reader has stopped early.
    await lines.return();
  }
}

/** An object on many lines; what is larger than that may be is taken for JSON Lines with a bad first line. */
async function* documentOf(first: Piece, rest: AsyncIterable<Piece>): AsyncGenerator<Payload> {
  const lines = [first];
  let size = 0;
  for await (const line of rest) {
    lines.push(line);
    size += 'bytes' in line ? line.bytes.length : PIECE_BYTES_MAX;
    if (size > PIECE_BYTES_MAX) yield* lines.splice(0).map((one) => parse('line', one));
  }
  yield* objectIn(lines);
}

function objectIn(lines: readonly Piece[]): Payload[] {
  if (lines.length === 0) return [];
  const texts = lines.flatMap((line) => ('bytes' in line ? [line.bytes, NEWLINE] : []));
  const whole = parse('item', { number: 1, bytes: Buffer.concat(texts) });
  if ('data' in whole) return [whole];
  const payloads = lines.map((line) => parse('line', line));
  // Not even one line is JSON: this is one broken document, not a thousand broken lines.
  return payloads.some((payload) => 'data' in payload) ? payloads : [{ ...whole, place: lineOne }];
}

const NEWLINE = Buffer.from('\n');
const lineOne: Place = { unit: 'line', number: 1 };

function parse(unit: Place['unit'], piece: Piece): Payload {
  const place = { unit, number: piece.number };
  return 'fault' in piece ? { place, unreadable: piece.fault } : { place, ...readJson(piece.bytes) };
}
