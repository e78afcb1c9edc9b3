import { isBlank, PIECE_BYTES_MAX, type Piece } from '../sync/jobs/json-lines.ts';

const [QUOTE, BACKSLASH, COMMA] = [0x22, 0x5c, 0x2c];
const OPENING = new Set([0x5b, 0x7b]);
const CLOSING = new Set([0x5d, 0x7d]);

/**
 * The items of a JSON array, numbered from 1, each as soon as it is there: a list of any length needs no more
 * memory than its largest item. Whether an item is JSON is for the reader to find out; this finds only where
 * it ends. What is broken about the array itself is told once, in the place of the next item.
 */
export async function* arrayItems(input: AsyncIterable<Buffer>): AsyncGenerator<Piece, void> {
  const splitter = createSplitter();
  for await (const chunk of input) {
    for (const piece of splitter.pieces(chunk)) {
      yield piece;
      if ('fault' in piece) return;
    }
  }
  yield* splitter.end();
}

function createSplitter() {
  const scanner = createScanner();
  let number = 1;
  let pending: Buffer[] = [];
  let size = 0;

  const keep = (bytes: Buffer): Piece[] => {
    size += bytes.length;
    if (size > PIECE_BYTES_MAX)
      return [{ number, fault: 'is larger than any payload may be, or has no end' }];
    pending.push(bytes);
    return [];
  };
  const take = (isLast: boolean): Piece[] => {
    const bytes = Buffer.concat(pending);
    pending = [];
    size = 0;
    // `[]` has no items, while `[1,]` lacks one.
    if (isLast && number === 1 && bytes.every(isBlank)) return [];
    number += 1;
    return [{ number: number - 1, bytes }];
  };

  return {
    *pieces(chunk: Buffer): Generator<Piece> {
      let start = 0;
      for (const { at, kind } of scanner.marks(chunk)) {
        if (kind === 'stray') return yield { number, fault: 'stands behind the end of the list' };
        if (kind !== 'begin') {
          const tooLarge = keep(chunk.subarray(start, at));
          if (tooLarge.length > 0) return yield* tooLarge;
          yield* take(kind === 'end');
        }
        start = at + 1;
      }
      if (scanner.isInside()) yield* keep(chunk.subarray(start));
    },
    *end(): Generator<Piece> {
      if (!scanner.isInside()) return;
      const rest = Buffer.concat(pending);
      if (!rest.every(isBlank)) yield* take(true);
      yield { number, fault: 'is missing: the list has no end' };
    },
  };
}

interface Mark {
  readonly at: number;
  /** Of the array: its `[`, a comma between two items, its `]`, and what else there is behind it. */
  readonly kind: 'begin' | 'comma' | 'end' | 'stray';
}

function createScanner() {
  let depth = 0;
  let inText = false;
  let escaped = false;
  let ended = false;

  function markOf(byte: number): Mark['kind'] | undefined {
    if (OPENING.has(byte)) {
      depth += 1;
      return depth === 1 ? 'begin' : undefined;
    }
    if (CLOSING.has(byte)) {
      depth -= 1;
      ended = depth === 0;
      return ended ? 'end' : undefined;
    }
    return byte === COMMA && depth === 1 ? 'comma' : undefined;
  }

  function isTextGoingOn(byte: number): boolean {
    if (!inText) {
      inText = byte === QUOTE;
      return inText;
    }
    if (escaped) escaped = false;
    else if (byte === BACKSLASH) escaped = true;
    else if (byte === QUOTE) inText = false;
    return true;
  }

  return {
    isInside: () => depth > 0,
    *marks(chunk: Buffer): Generator<Mark> {
      for (let at = 0; at < chunk.length; at += 1) {
        const byte = chunk[at] ?? 0;
        if (ended) {
          if (!isBlank(byte)) return yield { at, kind: 'stray' };
        } else if (!isTextGoingOn(byte)) {
          const kind = markOf(byte);
          if (kind !== undefined) yield { at, kind };
        }
      }
    },
  };
}
