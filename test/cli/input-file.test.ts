import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, describe, expect, it } from '@jest/globals';
import { openInput } from '../../src/cli/input-file.ts';

const folder = mkdtempSync(join(tmpdir(), 'conexxus-input-'));
afterAll(() => rmSync(folder, { recursive: true }));

const text = 'one sale\n'.repeat(50_000);

function file(content: string | Buffer): string {
  const path = join(folder, 'sales');
  writeFileSync(path, content);
  return path;
}

async function contentOf(path: string): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of openInput(path).chunks) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}

describe('an input file', () => {
  it.each([
    ['as it is', text],
    ['empty', ''],
    ['of one byte', '\u001f'],
  ])('%s is given unchanged', async (_what, content) => {
    expect(await contentOf(file(content))).toBe(content);
  });

  it('packed by gzip is unpacked, whatever its name; one of several parts too', async () => {
    expect(await contentOf(file(gzipSync(text)))).toBe(text);
    expect(await contentOf(file(Buffer.concat([gzipSync('a'), gzipSync(text)])))).toBe(`a${text}`);
  });

  it.each([
    ['cut off', gzipSync(text).subarray(0, 500), /^Cannot read .*sales: .*unexpected end of file$/],
    [
      'damaged',
      Buffer.concat([gzipSync(text).subarray(0, 300), Buffer.alloc(300, 7)]),
      /^Cannot read .*sales: /,
    ],
  ])('packed and %s says so', async (_what, content, message) => {
    const read = contentOf(file(content));
    await expect(read).rejects.toMatchObject({
      code: 'UNREADABLE_FILE',
      message: expect.stringMatching(message),
    });
  });

  it('tells how much of it was read, packed as it lies there', async () => {
    const packed = gzipSync(text);
    const input = openInput(file(packed));
    expect(input.read()).toEqual({ bytes: 0, total: undefined });
    await input.chunks.next();
    expect(input.read().total).toBe(packed.length);
    while ((await input.chunks.next()).done !== true);
    expect(input.read()).toEqual({ bytes: packed.length, total: packed.length });
  });

  it.each([
    ['as it is', text],
    ['packed', gzipSync(text)],
  ])('%s ends where it is told to stop', async (_what, content) => {
    const stopping = new AbortController();
    const { chunks } = openInput(file(content), stopping.signal);
    expect((await chunks.next()).done).toBe(false);
    stopping.abort();
    while ((await chunks.next()).done !== true);
    await expect(chunks.next()).resolves.toMatchObject({ done: true });
  });
});
