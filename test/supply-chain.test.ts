import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from '@jest/globals';

interface LockedPackage {
  readonly integrity?: string;
  readonly dev?: boolean;
  readonly devOptional?: boolean;
  readonly optional?: boolean;
  readonly link?: boolean;
  readonly hasInstallScript?: boolean;
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

describe('what others wrote', () => {
  it('is locked to its content, package for package', () => {
    expect(packages.length).toBeGreaterThan(100);
    const open = packages.filter(([, { integrity = '' }]) => !integrity.startsWith('sha512-'));
    expect(open.map(([path]) => path)).toEqual([]);
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
