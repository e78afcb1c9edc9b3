import { execFileSync } from 'node:child_process';
import {
  closeSync,
  constants,
  linkSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { type KeySource, startKeySource } from '../../../src/base/config/key-source.ts';
import { createLogger } from '../../../src/base/logger.ts';
import { eventually } from '../../support/eventually.ts';

const OLD = 'old-key-0123456789';
const NEW = 'new-key-0123456789';

let folder: string;
let path: string;
let source: KeySource | undefined;
/** What happened, in its order: secrets learned, changes told. */
let happened: string[];
let logged: { msg: string; problem?: string }[];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'conexxus-sync-key-'));
  path = join(folder, 'api-key');
  writeFileSync(path, `${OLD}\n`);
  happened = [];
  logged = [];
});

afterEach(() => {
  source?.stop();
  rmSync(folder, { recursive: true });
});

function start(apiKeyFile: string | undefined = path): KeySource {
  // What would go to stdout comes by here, on its way through the redactor.
  const redact = (text: string) => text;
  const logger = createLogger({ level: 'info', redact, name: 'test' });
  for (const level of ['info', 'warn', 'error'] as const) {
    logger[level] = (fields: object, msg?: string) => void logged.push({ ...fields, msg: msg ?? '' });
  }
  const started = startKeySource({
    apiKey: OLD,
    apiKeyFile,
    learn: (key) => happened.push(`learned ${key}, ${started.current()} in use`),
    logger,
  });
  started.onChange(() => happened.push(`changed to ${started.current()}`));
  source = started;
  return started;
}

/** As a careful person does it: a look finds the one or the other, never a file being written. */
function replace(key: string): void {
  writeFileSync(`${path}.new`, key);
  renameSync(`${path}.new`, path);
}

function replaceByFolder(): void {
  symlinkSync(folder, `${path}.new`);
  renameSync(`${path}.new`, path);
}

const untilCurrent = (key: string) => eventually(() => expect(source?.current()).toBe(key), 1_000);
const problems = () => logged.flatMap(({ problem }) => problem ?? []);

describe('a key file that changes', () => {
  it.each<[string, () => void]>([
    ['renamed over', () => replace(`${NEW}\n`)],
    ['rewritten in its place', () => writeFileSync(path, `${NEW}\r\n`)],
    [
      'deleted and made anew',
      () => {
        rmSync(path);
        writeFileSync(path, NEW);
      },
    ],
  ])('%s, has its new key in use within a second, and it is told once', async (_how, change) => {
    start();
    change();
    await untilCurrent(NEW);
    await source?.reread();
    expect(happened).toEqual([`learned ${NEW}, ${OLD} in use`, `changed to ${NEW}`]);
  });

  it('reached through two links of which one is swapped, as Kubernetes does it: the same', async () => {
    const link = join(folder, 'mounted');
    for (const [version, key] of [
      ['..1', OLD],
      ['..2', NEW],
    ] as const) {
      mkdirSync(join(folder, version));
      writeFileSync(join(folder, version, 'key'), key);
    }
    symlinkSync('..1', join(folder, '..data'));
    symlinkSync(join('..data', 'key'), link);
    expect(readFileSync(link, 'utf8')).toBe(OLD);
    start(link);

    symlinkSync('..2', join(folder, '..data_tmp'));
    renameSync(join(folder, '..data_tmp'), join(folder, '..data'));
    rmSync(join(folder, '..1'), { recursive: true });
    await untilCurrent(NEW);
    expect(logged).toEqual([]);
  });

  it('and back, is told each time', async () => {
    start();
    replace(NEW);
    await untilCurrent(NEW);
    replace(OLD);
    await untilCurrent(OLD);
    expect(happened.filter((what) => what.startsWith('changed'))).toEqual([
      `changed to ${NEW}`,
      `changed to ${OLD}`,
    ]);
  });

  it('is in use after a reread, without waiting for the next look', async () => {
    start();
    await source?.reread();
    replace(NEW);
    await source?.reread();
    expect(source?.current()).toBe(NEW);
  });

  it('during a look is seen by a reread that was asked for afterwards, however many ask', async () => {
    start();
    for (let round = 0; round < 50; round += 1) {
      const key = `${NEW}-${round}`;
      const early = source?.reread();
      replace(key);
      await Promise.all([source?.reread(), source?.reread()]);
      expect(source?.current()).toBe(key);
      await early;
    }
  });

  it('is told to every listener, though one throws, which is logged', async () => {
    start();
    source?.onChange(() => {
      throw new Error('no bench here');
    });
    source?.onChange(() => happened.push('the last one'));
    replace(NEW);
    await untilCurrent(NEW);
    expect(happened.at(-1)).toBe('the last one');
    expect(logged).toEqual([expect.objectContaining({ error: 'no bench here' })]);
  });
});

describe('a key file that holds no key for a moment', () => {
  it.each<[string, () => void, RegExp]>([
    ['empty', () => replace('\n'), /^is empty$/],
    ['too short', () => replace('short'), /^appears to be invalid \(too short\)/],
    ['that no header carries', () => replace(`${NEW} ${NEW}`), /no HTTP header carries/],
    ['not there', () => rmSync(path), /^cannot be read: .*ENOENT/],
    ['a folder', replaceByFolder, /^cannot be read: .*EISDIR/],
  ])('(%s) changes nothing, and is said once until it is in order again', async (_how, spoil, problem) => {
    start();
    spoil();
    await eventually(() => expect(problems()).toEqual([expect.stringMatching(problem)]));
    for (let look = 0; look < 5; look += 1) await source?.reread();
    expect(problems()).toHaveLength(1);
    expect(source?.current()).toBe(OLD);
    expect(happened).toEqual([]);

    replace(OLD);
    await eventually(() => expect(logged.at(-1)?.msg).toBe('the API key file is in order again'));
    expect(happened).toEqual([]);

    rmSync(path);
    await eventually(() => expect(problems()).toHaveLength(2));
    replace(NEW);
    await untilCurrent(NEW);
  });
});

describe('a file system that hangs', () => {
  const pipe = () => `${path}.pipe`;

  // Whoever still waits for somebody who writes would keep this process for ever.
  afterEach(() => {
    source?.stop();
    closeSync(openSync(pipe(), constants.O_RDWR));
  });

  it('holds a reread up for a second at most, and one thread only; then the key is there', async () => {
    rmSync(path);
    // Opening it to read blocks until somebody opens it to write, by whatever name.
    execFileSync('mkfifo', [path]);
    linkSync(path, pipe());
    const key = start();
    const startedAt = performance.now();
    await Promise.all(Array.from({ length: 20 }, () => key.reread()));
    expect(performance.now() - startedAt).toBeGreaterThan(900);
    expect(performance.now() - startedAt).toBeLessThan(5_000);
    expect(source?.current()).toBe(OLD);
    // Node has four threads for files and name lookups together.
    await expect(readFile(join(folder, 'none'))).rejects.toMatchObject({ code: 'ENOENT' });
    replace(OLD);
    // The look that hangs, and with it the one behind it.
    await writeFile(pipe(), NEW);
    await eventually(() => expect(happened.at(-1)).toBe(`changed to ${OLD}`));
    expect(happened).toContain(`changed to ${NEW}`);
  });
});

describe('the key source', () => {
  it('of a key from a variable stays with it', async () => {
    source = startKeySource({
      apiKey: OLD,
      learn: (key) => happened.push(key),
      logger: createLogger({ level: 'silent', redact: String }),
    });
    await source.reread();
    expect(source.current()).toBe(OLD);
    expect(happened).toEqual([]);
  });

  it('that is stopped looks no more', async () => {
    start();
    const last = source?.reread();
    source?.stop();
    replace(NEW);
    await last;
    await source?.reread();
    expect(source?.current()).toBe(OLD);
    expect(happened).toEqual([]);
  });
});
