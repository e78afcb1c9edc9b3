import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from '@jest/globals';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const read = (path: string) => readFileSync(join(ROOT, path), 'utf8');

/** What `.ci/run` tries beside the machine's own. */
const [, tried = ''] = /^nodes=\((.*)\)$/m.exec(read('.ci/run')) ?? [];
const lines = tried.split(' ');

describe('the versions of Node', () => {
  it('have one floor, which is tried to its last digit', () => {
    const manifest: { engines: { node: string } } = JSON.parse(read('package.json'));
    const [, floor = ''] = /^>=(\d+\.\d+)$/.exec(manifest.engines.node) ?? [];
    expect(lines[0]).toBe(`${floor}.0`);
    expect(read('README.md')).toContain(`needs Node ${floor} or newer`);
    expect(read('scripts/bootstrap.mjs')).toContain(`MINIMUM_NODE = [${floor.replace('.', ', ')}]`);
  });

  it('are tried on every line that gets fixes, also the one that the image is built on', () => {
    expect(lines.slice(1)).toEqual(['22', '24', '26']);
    const images = [...read('docker-compose.yml').matchAll(/FROM node:(\d+)-slim/g)].map(([, line]) => line);
    expect(new Set(images)).toEqual(new Set(['24']));
  });
});
