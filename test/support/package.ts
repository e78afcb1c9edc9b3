import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

interface Ran {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** An empty project beside which lies the package as `npm pack` makes it of what was built. */
export interface Project {
  readonly folder: string;
  /** Its path. */
  readonly tarball: string;
  /** Paths in the package. */
  readonly files: readonly string[];
  write(name: string, text: string): Promise<void>;
  /** In the folder, with PATH and `env` alone. */
  run(command: string, args: readonly string[], env?: NodeJS.ProcessEnv): Promise<Ran>;
  remove(): Promise<void>;
}

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const execute = promisify(execFile);

export async function aProject(): Promise<Project> {
  const folder = await mkdtemp(join(tmpdir(), 'conexxus-sync-package-'));
  const write = (name: string, text: string) => writeFile(join(folder, name), text);
  await write('package.json', '{ "name": "a-pos", "private": true }');
  // Not built again: other tests use what is there.
  const pack = ['pack', '--ignore-scripts', '--silent', '--pack-destination', folder];
  const { stdout: name } = await execute('npm', pack, { cwd: ROOT });
  const tarball = join(folder, name.trim());
  const { stdout: listed } = await execute('tar', ['-tzf', tarball]);
  return {
    folder,
    tarball,
    files: listed
      .trim()
      .split('\n')
      .map((path) => path.replace(/^package\//, '')),
    write,
    run: (command, args, env = {}) => run(folder, command, args, env),
    remove: () => rm(folder, { recursive: true }),
  };
}

async function run(
  cwd: string,
  command: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv,
): Promise<Ran> {
  const options = { cwd, env: { PATH: process.env['PATH'], ...env } };
  return new Promise((resolve) => {
    const child = execFile(command, [...args], options, (_error, stdout, stderr) =>
      resolve({ code: child.exitCode ?? -1, stdout, stderr }),
    );
  });
}

/**
 * As npm would put it there, but that its packages are ours. What it does not name as a dependency it does not find,
 * though others brought it.
 */
export async function unpackInto({ folder, tarball }: Project): Promise<void> {
  const modules = join(folder, 'node_modules');
  const home = join(modules, 'conexxus-sync');
  await mkdir(home, { recursive: true });
  await execute('tar', ['-xzf', tarball, '--strip-components=1', '-C', home]);
  const manifest: { dependencies: Record<string, string> } = JSON.parse(
    await readFile(join(home, 'package.json'), 'utf8'),
  );
  for (const name of [...Object.keys(manifest.dependencies), '@types/node']) {
    await mkdir(dirname(join(modules, name)), { recursive: true });
    await symlink(join(ROOT, 'node_modules', name), join(modules, name));
  }
}
