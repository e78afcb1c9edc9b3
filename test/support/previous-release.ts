import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

interface PreviousRelease {
  readonly folder: string;
  remove(): void;
}

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/** Before prices of four decimals. */
const COMMIT = '5e8e09f60e6b3715a00ffb00f51898ba7aa7e07f';

/** Why it can't be built here, or undefined. */
export const NO_PREVIOUS_RELEASE = hasCommit()
  ? undefined
  : 'no clone that holds the commit of the last release';

function hasCommit(): boolean {
  try {
    execFileSync('git', ['cat-file', '-e', `${COMMIT}^{commit}`], { cwd: ROOT, stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

/** The release before this one, built from its commit into `dist/` of a folder, with the packages of this one. */
export function buildPreviousRelease(): PreviousRelease {
  const folder = mkdtempSync(join(tmpdir(), 'conexxus-previous-'));
  const options = { cwd: folder, stdio: 'pipe' } as const;
  execFileSync('git', ['archive', '--output', join(folder, 'source.tar'), COMMIT], { cwd: ROOT });
  execFileSync('tar', ['-xf', 'source.tar'], options);
  symlinkSync(join(ROOT, 'node_modules'), join(folder, 'node_modules'));
  execFileSync(process.execPath, ['node_modules/typescript/bin/tsc', '-p', 'tsconfig.build.json'], options);
  execFileSync(process.execPath, ['scripts/copy-assets.mjs'], options);
  return { folder, remove: () => rmSync(folder, { recursive: true }) };
}
