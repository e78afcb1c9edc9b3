import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from '@jest/globals';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const readme = readFileSync(join(ROOT, 'README.md'), 'utf8');
const targets = [...readme.matchAll(/\]\((?!https?:)([^)]+)\)/g)].map(([, target = '']) => target);

/** As GitHub makes it of a heading. */
function anchorOf(title: string): string {
  return `#${title
    .toLowerCase()
    .replaceAll(/[^\w -]/g, '')
    .replaceAll(' ', '-')}`;
}

describe('what the README links to', () => {
  it('in this repository, is there', () => {
    const files = targets.filter((target) => !target.startsWith('#'));
    expect(files).toContain('src/circuit/README.md');
    expect(files.filter((file) => !existsSync(join(ROOT, file)))).toEqual([]);
  });

  it('within itself, is one heading', () => {
    const anchors = [...readme.matchAll(/^#{2,} (.*)$/gm)].map(([, title = '']) => anchorOf(title));
    const linked = targets.filter((target) => target.startsWith('#'));
    expect(linked).toContain('#redis-is-down');
    expect(linked.filter((target) => anchors.filter((anchor) => anchor === target).length !== 1)).toEqual([]);
  });
});
