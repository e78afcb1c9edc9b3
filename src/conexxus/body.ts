import type { AnswerBody } from './classify.ts';
import type { ItemReader } from './item-reader.ts';

const BEGINNING_BYTES = 256 * 1024;

/** What comes of a body. */
export interface Body {
  add(chunk: Uint8Array): void;
  /** More than is shown, not the 50 MB that it may be. */
  beginning(): string;
  end(): AnswerBody;
}

/** Kept whole. */
export function wholeBody(): Body {
  const chunks: Uint8Array[] = [];
  return {
    add: (chunk) => void chunks.push(chunk),
    beginning: () => beginningOf(chunks),
    end: () => ({ text: decode(chunks) }),
  };
}

/** Read while it comes; keeps the beginning alone. */
export function listBody(reader: ItemReader): Body {
  const decoder = new TextDecoder();
  const chunks: Uint8Array[] = [];
  let size = 0;
  const beginning = () => beginningOf(chunks);
  return {
    add(chunk) {
      if (size < BEGINNING_BYTES) chunks.push(chunk);
      size += chunk.byteLength;
      reader.write(decoder.decode(chunk, { stream: true }));
    },
    beginning,
    end() {
      reader.write(decoder.decode());
      return { text: beginning(), read: { envelope: reader.end() } };
    },
  };
}

/** Not Buffer's toString: the decoder drops a byte order mark, which JSON.parse refuses. */
const utf8 = new TextDecoder();

function decode(chunks: readonly Uint8Array[]): string {
  const [first, ...others] = chunks;
  return utf8.decode(first === undefined || others.length > 0 ? Buffer.concat(chunks) : first);
}

function beginningOf(chunks: readonly Uint8Array[]): string {
  const firstChunks = [];
  let size = 0;
  for (const chunk of chunks) {
    if (size >= BEGINNING_BYTES) break;
    firstChunks.push(chunk);
    size += chunk.byteLength;
  }
  return decode(firstChunks);
}
