import { execFile } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { copyFile, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, it } from '@jest/globals';
import { VERSION } from '../src/base/version.ts';

interface LockedPackage {
  readonly integrity?: string;
  readonly dev?: boolean;
  readonly devOptional?: boolean;
  readonly optional?: boolean;
  readonly link?: boolean;
  readonly hasInstallScript?: boolean;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

const ROOT = fileURLToPath(new URL('..', import.meta.url));

/** All may be used in a closed product as it is; a package with other terms is for a person to decide. */
const ALLOWED = new Set([
  'MIT',
  'ISC',
  'BSD-2-Clause',
  'BSD-3-Clause',
  'Apache-2.0',
  '0BSD',
  'Unlicense',
  'CC0-1.0',
  'BlueOak-1.0.0',
]);

const lock: { packages: Record<string, LockedPackage> } = JSON.parse(read('package-lock.json'));
const packages = Object.entries(lock.packages).filter(([path]) => path !== '');
const production = packages.filter(([, { dev, devOptional }]) => !dev && !devOptional);

function read(path: string): string {
  return readFileSync(join(ROOT, path), 'utf8');
}

/** As the package itself says it, not as the lock file repeats it. */
function licenceOf(path: string): string {
  const { license }: { license?: string } = JSON.parse(read(join(path, 'package.json')));
  return license ?? 'none';
}

/** `(MIT OR CC0-1.0)`: one of them is enough. */
function isAllowed(licence: string): boolean {
  return licence
    .replace(/^\((.*)\)$/, '$1')
    .split(' OR ')
    .some((choice) => ALLOWED.has(choice));
}

/** Whether the package at `path` finds `name` in the lock: in its own node_modules, or in one further up. */
function isLocked(name: string, path: string): boolean {
  if (Object.hasOwn(lock.packages, join(path, 'node_modules', name))) return true;
  const parent = path.slice(0, Math.max(0, path.lastIndexOf('node_modules/') - 1));
  return path !== '' && isLocked(name, parent);
}

/** What npm would install from the lock on that machine, without a network; rejects where it refuses the lock. */
async function installedOn(os: string, cpu: string): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'conexxus-sync-lock-'));
  try {
    const files = ['package.json', 'package-lock.json'];
    await Promise.all(files.map((file) => copyFile(join(ROOT, file), join(folder, file))));
    const args = ['ci', '--dry-run', '--offline', '--ignore-scripts', `--os=${os}`, `--cpu=${cpu}`];
    const { stdout } = await promisify(execFile)('npm', [...args, '--libc=glibc'], { cwd: folder });
    return stdout;
  } finally {
    await rm(folder, { recursive: true });
  }
}

describe('what others wrote', () => {
  it('is locked with its packages for all other machines', () => {
    const open = packages.flatMap(([path, { optionalDependencies = {} }]) =>
      Object.keys(optionalDependencies).filter((name) => !isLocked(name, path)),
    );
    expect(open).toEqual([]);
  });

  it.each([
    ['linux', 'x64', 'linux-x64-gnu'],
    ['linux', 'arm64', 'linux-arm64-gnu'],
    ['darwin', 'x64', 'darwin-x64'],
    ['darwin', 'arm64', 'darwin-arm64'],
    ['win32', 'x64', 'win32-x64-msvc'],
    ['win32', 'arm64', 'win32-arm64-msvc'],
  ])('is what `npm ci` installs on %s %s', async (os, cpu, platform) => {
    const added = [...(await installedOn(os, cpu)).matchAll(/^add (\S+) /gm)].map(([, name]) => name);
    expect(added.filter((name) => name?.startsWith('@swc/core-'))).toEqual([`@swc/core-${platform}`]);
  });

  it('runs in production only under licences that ask for no more than their text', () => {
    // Those for other platforms are locked, and rightly absent here.
    const installed = production.filter(([path]) => existsSync(join(ROOT, path)));
    expect(installed.length).toBeGreaterThan(50);
    const foreign = installed.map(([path]) => `${path}: ${licenceOf(path)}`);
    expect(foreign.filter((line) => !isAllowed(line.split(': ')[1] ?? ''))).toEqual([]);
  });

  it('needs no script of its own to be installed', () => {
    const scripts = production.filter(([, { hasInstallScript }]) => hasInstallScript === true);
    // An optional one speeds up what works without.
    expect(scripts.filter(([, { optional }]) => optional !== true).map(([path]) => path)).toEqual([]);
  });
});

describe('our own name, which is not ours in the public registry', () => {
  // What makes npm and its like fetch a package by its name; by a path they fetch nothing.
  const FETCH =
    /\b(?:npx|bunx|(?:npm|pnpm|yarn|bun) (?:x|exec|dlx|create|init|i|install|add))(?: -\S+)* conexxus-sync\b/;

  it('is fetched by no command that people read in a text or a message', () => {
    const sources = readdirSync(join(ROOT, 'src'), { recursive: true, encoding: 'utf8' });
    const files = [
      'README.md',
      '.env.example',
      'docker-compose.yml',
      ...sources.map((path) => join('src', path)),
    ];
    const texts = files.filter((path) => /\.\w+$/.test(path));
    expect(texts.length).toBeGreaterThan(100);
    expect(texts.filter((path) => FETCH.test(read(path)))).toEqual([]);
  });

  it('is a command of this folder, for whoever knows it by npx', async () => {
    // `--no`: what is not here is not fetched. The first time on a machine, npx links this folder into its cache as a
    // package, and would have `prepare` build it anew: other tests use what is there.
    const args = ['--no', '--ignore-scripts', '--', 'conexxus-sync', '--version'];
    const { stdout } = await promisify(execFile)('npx', args, { cwd: ROOT });
    expect(stdout.trim()).toBe(VERSION);
  });

  it('is built into the image, and pulled from nowhere', () => {
    const ours = read('docker-compose.yml').matchAll(/^ *image: (conexxus-sync\S*)\n *(.*)$/gm);
    expect([...ours].map(([, image, next]) => [image, next])).toEqual([
      ['conexxus-sync', 'pull_policy: never'],
      ['conexxus-sync-simulator', 'pull_policy: build'],
    ]);
    expect(
      read('docker-compose.yml')
        .match(/pull_policy: .*/g)
        ?.sort(),
    ).toEqual(['pull_policy: build', 'pull_policy: build', 'pull_policy: never']);
  });
});
