import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import type { Disposition } from '../../src/sync/disposition.ts';

const readme = readFileSync(new URL('../../src/sync/README.md', import.meta.url), 'utf8');

/** All of them: the type check fails where one is missing. */
const KINDS: Record<Disposition['kind'], true> = {
  complete: true,
  retry: true,
  postpone: true,
  'hand-back': true,
  'dead-letter': true,
};

const sorted = (names: readonly string[]) => names.toSorted((a, b) => a.localeCompare(b));

describe('the drawing of a job’s life', () => {
  const arrows = [...readme.matchAll(/^ {2}active --> \w+: ([a-z-]+)$/gm)].map(([, label = '']) => label);

  it('has one arrow for each disposition, and no other that a processor could take', () => {
    expect(sorted(arrows)).toEqual(sorted(Object.keys(KINDS)));
  });

  it('has a line in the table for each', () => {
    const lines = [...readme.matchAll(/^\| `([a-z-]+)` \|/gm)].map(([, name = '']) => name);
    expect(sorted(lines)).toEqual(sorted(Object.keys(KINDS)));
  });
});
