import { createReadStream, fstatSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import { pipeline, type Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { ConexxusSyncError, errorMessage } from '../base/errors.ts';

/** A file or the standard input, packed by gzip or not. */
export interface Input {
  readonly chunks: AsyncGenerator<Buffer, void>;
  /** How much of it was read: packed, as it lies there. `total` is unknown of a pipe. */
  read(): { readonly bytes: number; readonly total: number | undefined };
}

/** The file is not there, or cannot be read. */
class UnreadableFileError extends ConexxusSyncError {
  readonly code = 'UNREADABLE_FILE';
}

const GZIP = Buffer.from([0x1f, 0x8b]);
const STANDARD_INPUT = 0;

/** `-`: the standard input. An abort ends the chunks as the end of the file does. */
export function openInput(file: string, signal?: AbortSignal): Input {
  let bytes = 0;
  let total: number | undefined;

  async function* raw(): AsyncGenerator<Buffer, void> {
    total = await sizeOf(file);
    const source = file === '-' ? process.stdin : createReadStream(file);
    const end = () => source.destroy();
    signal?.addEventListener('abort', end, { once: true });
    try {
      for await (const chunk of chunksOf(source)) {
        bytes += chunk.length;
        yield chunk;
      }
    } catch (error) {
      if (signal?.aborted !== true) throw error;
    } finally {
      signal?.removeEventListener('abort', end);
    }
  }

  async function* chunks(): AsyncGenerator<Buffer, void> {
    try {
      yield* unpacked(raw());
    } catch (error) {
      if (signal?.aborted === true) return;
      const name = file === '-' ? 'the standard input' : file;
      throw new UnreadableFileError(`Cannot read ${name}: ${errorMessage(error)}`, { cause: error });
    }
  }

  return { chunks: chunks(), read: () => ({ bytes, total }) };
}

/** Of what is redirected into the standard input, too; undefined of a pipe and a terminal. */
async function sizeOf(file: string): Promise<number | undefined> {
  const stats = file === '-' ? fstatSync(STANDARD_INPUT) : await stat(file);
  return stats.isFile() ? stats.size : undefined;
}

function chunksOf(source: Readable): AsyncIterable<Buffer> {
  return source;
}

/** By its first bytes: what a pipe brings has no name that would tell. */
async function* unpacked(source: AsyncGenerator<Buffer, void>): AsyncGenerator<Buffer, void> {
  const { begin, all } = await peeked(source, ({ length }) => length >= GZIP.length);
  if (!begin.subarray(0, GZIP.length).equals(GZIP)) return yield* all;
  const gunzip = createGunzip();
  // Whatever breaks is thrown where the chunks are read.
  pipeline(all, gunzip, () => undefined);
  yield* chunksOf(gunzip);
}

/** Its beginning, as much as is enough, or all there is; and all of it with that. */
export async function peeked(source: AsyncGenerator<Buffer, void>, isEnough: (begin: Buffer) => boolean) {
  let begin: Buffer = Buffer.alloc(0);
  let isOver = false;
  while (!isEnough(begin) && !isOver) {
    const { done, value } = await source.next();
    isOver = done === true;
    if (value !== undefined) begin = Buffer.concat([begin, value]);
  }
  async function* all(): AsyncGenerator<Buffer, void> {
    try {
      yield begin;
      yield* source;
    } finally {
      // Else an open standard input keeps the process alive when the reader has stopped early.
      await source.return();
    }
  }
  return { begin, all: all() };
}
