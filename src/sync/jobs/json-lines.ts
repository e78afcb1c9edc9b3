/** One payload's text, uncut: a letter in another encoding would be replaced silently, and a sale be changed. */
export type Piece =
  | { readonly number: number; readonly bytes: Buffer }
  /** It can't be given, for this reason. */
  | { readonly number: number; readonly fault: string };

/** Six times what a payload may be, since its text may escape every letter. What is larger is not kept. */
export const PIECE_BYTES_MAX = 64 * 1024 * 1024;

const NEWLINE = 0x0a;

/** Lines, numbered from 1; those that are blank are left out. */
export async function* filledLines(input: AsyncIterable<Buffer>): AsyncGenerator<Piece, void> {
  let number = 1;
  let pending: Buffer[] = [];
  let size = 0;
  const keep = (bytes: Buffer) => {
    size += bytes.length;
    if (size > PIECE_BYTES_MAX) pending = [];
    else pending.push(bytes);
  };
  const take = (): Piece[] => {
    const line = lineOf(number, pending, size);
    number += 1;
    pending = [];
    size = 0;
    return line;
  };
  for await (let chunk of input) {
    for (let end = chunk.indexOf(NEWLINE); end >= 0; end = chunk.indexOf(NEWLINE)) {
      keep(chunk.subarray(0, end));
      chunk = chunk.subarray(end + 1);
      yield* take();
    }
    keep(chunk);
  }
  yield* take();
}

function lineOf(number: number, parts: readonly Buffer[], size: number): Piece[] {
  if (size > PIECE_BYTES_MAX) return [{ number, fault: 'is larger than any payload may be' }];
  const bytes = Buffer.concat(parts);
  return bytes.every(isBlank) ? [] : [{ number, bytes }];
}

/** JSON's white space. */
export function isBlank(byte: number): boolean {
  return byte === 0x20 || byte === 0x09 || byte === 0x0d || byte === NEWLINE;
}
