import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';

const DIST = new URL('../../dist/', import.meta.url);
const SRC = new URL('../../src/', import.meta.url);

function filesOf(folder: URL, end: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith(end))
    .map((name) => readFileSync(new URL(name, folder), 'utf8'));
}

function namesIn(texts: readonly string[], pattern: RegExp): string[] {
  return texts.flatMap((text) => [...text.matchAll(pattern)].map(([, name]) => name ?? ''));
}

describe('processes in one piece each', () => {
  // Of two names that meet in one piece esbuild changes one, and an error is told by its name.
  it('have all errors of ours under the names they have in the sources', () => {
    const own = new Set(namesIn(filesOf(SRC, '.ts'), /class (\w+) extends ConexxusSyncError/g));
    const bundled = namesIn(filesOf(DIST, '.js'), /(\w+) = class(?: \w+)? extends ConexxusSyncError/g);
    expect(bundled.length).toBeGreaterThan(30);
    expect(bundled.filter((name) => !own.has(name))).toEqual([]);
  });
});
