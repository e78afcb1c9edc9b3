import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { COMPONENT_NAMES, componentOf } from '../../../scripts/bench/profile/components.ts';
import { createPlaces, placeOf } from '../../../scripts/bench/profile/places.ts';
import { readProfile, selfTimes } from '../../../scripts/bench/profile/profile.ts';
import { spentTables, timesOf } from '../../../scripts/bench/profile/spent.ts';

const frame = (functionName: string, url = '') => ({ functionName, url, lineNumber: 0, columnNumber: 0 });

/** Two samples of the first, one of the second, then one of nothing done. */
const PROFILE = {
  nodes: [
    { id: 1, callFrame: frame('(garbage collector)') },
    { id: 2, callFrame: frame('parse', 'node:internal/url') },
    { id: 3, callFrame: frame('(idle)') },
  ],
  samples: [1, 1, 2, 3],
  timeDeltas: [7, 100, 200, 400],
};

let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'bench-profile-'));
});

afterAll(async () => {
  await rm(folder, { recursive: true, force: true });
});

describe('a processor profile', () => {
  it('gives each sample the time until the next one, and idleness none', () => {
    const times = selfTimes(readProfile(JSON.stringify(PROFILE)), createPlaces());
    expect(Object.fromEntries(times)).toEqual({ '(garbage collector)': 300, 'node:internal/url': 400 });
  });

  it('is looked up in the source map beside a bundle', async () => {
    const bundle = join(folder, 'worker.js');
    const map = { version: 3, sources: ['../src/sync/jobs/sync-key.ts'], names: [], mappings: ';AAAA' };
    await writeFile(`${bundle}.map`, JSON.stringify(map));
    const url = pathToFileURL(bundle).href;
    const placeOf = createPlaces();
    expect(placeOf({ ...frame('syncKey', url), lineNumber: 1 })).toBe('src/sync/jobs/sync-key.ts');
    expect(placeOf(frame('__name', url))).toBe('esbuild');
  });

  it.each([
    ['/home/src/conexxus/src/base/redaction.ts', 'src/base/redaction.ts'],
    ['/app/node_modules/got/dist/source/index.js', 'got'],
    ['/app/node_modules/got/node_modules/@sindresorhus/is/index.js', '@sindresorhus/is'],
    ['/app/node_modules/src/sql/sql.ts', 'drizzle-orm'],
    ['node:internal/streams/readable', 'node:internal/streams/readable'],
    ['/app/dist/chunk-1.js', 'chunk-1.js'],
  ])('finds %s in %s', (file, place) => {
    expect(placeOf(file)).toBe(place);
  });

  it.each([
    ['(garbage collector)', 'garbage collector'],
    ['(program)', 'native code: the system, V8'],
    ['(native)', 'native code: the system, V8'],
    ['@ioredis/commands', 'ioredis'],
    ['cacheable-request', 'got'],
    ['node:_http_client', "Node's http and streams"],
    ['node:internal/stream_base_commons', "Node's http and streams"],
    ['node:events', 'Node, the rest of its JavaScript'],
    ['postgres', 'Drizzle and postgres'],
    ['msgpackr', 'BullMQ'],
    ['zod', 'zod'],
    ['src/conexxus/classify.ts', 'ours: transport, client, classify'],
    ['src/events/entry.ts', 'ours: entry, writer'],
    ['src/base/redaction.ts', 'ours: redaction'],
    ['src/sync/jobs/sync-key.ts', 'ours: sync key'],
    ['src/circuit/circuit.ts', 'ours: the rest'],
    ['scripts/bench/sides/side.ts', "the side's own lines"],
    ['pino', 'other packages'],
    ['esbuild', 'other packages'],
  ])('%s is part of: %s', (place, component) => {
    expect(componentOf(place)).toBe(component);
  });

  it('is a table of µs a job, by component and by place', async () => {
    const path = join(folder, 'bare.cpuprofile');
    await writeFile(path, JSON.stringify(PROFILE));
    const text = spentTables('1 x 50', new Map([['bare', await timesOf([path, path], 10)]]));
    expect(text).toMatch(/^\| 1 x 50: µs a job +\| bare +\|$/m);
    expect(text).toMatch(/^\| garbage collector +\| 60\.0 +\|$/m);
    expect(text).toMatch(/^\| \(garbage collector\) +\| 60\.0 +\|$/m);
    expect(text).toMatch(/^\| all +\| 140\.0 +\|$/m);
    for (const name of COMPONENT_NAMES) expect(text).toContain(`| ${name} `);
  });
});
