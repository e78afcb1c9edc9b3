import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from '@jest/globals';
import { z } from 'zod';
import { VARIABLES } from '../src/base/config/settings.ts';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const read = (path: string) => readFileSync(join(ROOT, path), 'utf8');
const file = read('docker-compose.yml');
const [, services = ''] = file.split(/^services:\n/m);
/** By name, their lines. */
const byName = new Map(
  services
    .split(/^ {2}(?=[a-z]+:\n)/m)
    .slice(1)
    .map((text) => [text.slice(0, text.indexOf(':')), text.split(/^volumes:/m)[0] ?? '']),
);

const all = (pattern: RegExp, text = file) => [...text.matchAll(pattern)].map(([, found = '']) => found);

const copied = all(/^ *COPY (?!--)(.*) \S+$/gm).flatMap((paths) => paths.split(' '));

describe('docker-compose.yml', () => {
  it('has a service for each process, and starts what is there', () => {
    expect([...byName.keys()].sort()).toEqual(
      ['dashboard', 'intake', 'migrate', 'postgres', 'redis', 'relay', 'simulator', 'worker'].sort(),
    );
    for (const name of ['worker', 'relay', 'intake', 'dashboard']) {
      expect(byName.get(name)).toContain(`command: [node, dist/${name}.js]`);
    }
    const sources = all(/\b(dist\/\w+\.js)\b/g).map((path) => path.replace(/^dist\/(.*)\.js$/, 'src/$1.ts'));
    expect(sources.filter((path) => !existsSync(join(ROOT, path)))).toEqual([]);
  });

  it('copies into the image what is there, and what is no secret', () => {
    expect(copied).toEqual(expect.arrayContaining(['src', 'drizzle', 'package-lock.json']));
    expect(copied.filter((path) => !existsSync(join(ROOT, path)))).toEqual([]);
    const kept = read('.dockerignore')
      .match(/^!.*$/gm)
      ?.map((line) => line.slice(1));
    expect([...new Set(copied)].sort()).toEqual(kept?.sort());
  });

  it('builds with all that the build asks for', () => {
    const { scripts } = z
      .object({ scripts: z.object({ build: z.string() }) })
      .parse(JSON.parse(read('package.json')));
    const asked = all(/(\S+\.(?:mjs|json))/g, scripts.build);
    expect(asked).toContain('scripts/bundle.mjs');
    expect(copied).toEqual(expect.arrayContaining([...asked, 'tsconfig.json']));
  });

  it('sets variables that there are', () => {
    const known = new Set(VARIABLES.map(({ variable }) => variable.env));
    const set = all(/^ +([A-Z_]+): /gm).filter((name) => !/^(?:POSTGRES|SIMULATOR)_/.test(name));
    expect(set).toEqual(expect.arrayContaining(['REDIS_URL', 'DATABASE_URL', 'WORKER_HEALTH_PORT']));
    expect(set.filter((name) => !known.has(name))).toEqual([]);
  });

  it.each(['worker', 'relay', 'intake', 'dashboard'])(
    'asks for the health of the %s where it is told',
    (name) => {
      const text = byName.get(name);
      const [port] = all(/^ +[A-Z]+(?:_HEALTH)?_PORT: (\d+)$/gm, text);
      expect(port).toBeDefined();
      expect(all(/fetch\('([^']*)'\)/g, text)).toEqual([`http://127.0.0.1:${port}/health/live`]);
    },
  );

  // Two builds of one name at a time may fail with "already exists".
  it('builds each image once, in what the others wait for', () => {
    const builders = [...byName].filter(([, text]) => /^ +build:$/m.test(text)).map(([name]) => name);
    expect(builders).toEqual(['migrate', 'simulator']);
    for (const name of ['worker', 'relay', 'intake', 'dashboard']) {
      expect(byName.get(name)).toContain('migrate: { condition: service_completed_successfully }');
    }
  });
});
