import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFile, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import type { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';

/** Does what npm is asked, as far as the test needs it: builds, and fails to install. */
const NPM = `
  import { mkdirSync, writeFileSync } from 'node:fs';
  const [, , command] = process.argv;
  console.log('npm ' + process.argv.slice(2).join(' '));
  if (command === 'ci') process.exit(3);
  mkdirSync('dist');
  writeFileSync('dist/worker.js', '');
`;

describe('npm run demo and npm test on a fresh clone', () => {
  let clone: string;

  beforeEach(async () => {
    clone = await mkdtemp(join(tmpdir(), 'conexxus-sync-bootstrap-'));
    await Promise.all(['scripts', 'src'].map((folder) => mkdir(join(clone, folder))));
    await copyFile('scripts/bootstrap.mjs', join(clone, 'scripts/bootstrap.mjs'));
    // Locked is the one package that a demo in TypeScript needs, as it is installed here.
    const { packages } = JSON.parse(await readFile('node_modules/.package-lock.json', 'utf8'));
    const lock = { packages: { '': {}, 'node_modules/tsx': packages['node_modules/tsx'] } };
    await writeFile(join(clone, 'package-lock.json'), JSON.stringify(lock));
    const settings = ['tsconfig.json', 'tsconfig.build.json', 'scripts/bundle.mjs'];
    await Promise.all(settings.map((file) => writeFile(join(clone, file), '{}')));
    await writeFile(join(clone, 'package.json'), '{ "type": "module" }');
    await writeFile(join(clone, 'src/worker.ts'), '');
    await writeFile(join(clone, 'npm-cli.js'), NPM);
    await symlink(resolve('node_modules'), join(clone, 'node_modules'));
  });
  afterEach(() => rm(clone, { recursive: true }));

  it('pass on the arguments and the exit code', async () => {
    await demo('console.log(process.argv.slice(2)); process.exit(7);');
    expect(await ending(bootstrap('demo', '--fast', 'a b'))).toEqual({
      code: 7,
      out: "[ '--fast', 'a b' ]\n",
      err: '',
    });
  });

  it('pass on a signal, and end as the command ends', async () => {
    await demo(
      `process.on('SIGTERM', () => process.exit(5)); setInterval(() => {}, 1000); console.log('up');`,
    );
    const child = bootstrap('demo');
    const end = ending(child);
    await once(child.stdout, 'data');
    child.kill('SIGTERM');
    expect(await end).toMatchObject({ code: 5 });
  });

  it('end too when the shell dies that npm runs them with', async () => {
    await demo(
      `process.on('SIGTERM', () => { console.log('told'); process.exit(); });
       setInterval(() => {}, 1000); console.log('up');`,
    );
    const [file, ...args] = [process.execPath, join(clone, 'scripts/bootstrap.mjs'), 'demo'];
    const env = { ...environment(), npm_lifecycle_event: 'demo' };
    // Of two commands, the shell can't become the first.
    const shell = spawn('sh', ['-c', `"$0" "$@"; true`, file, ...args], {
      env,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const end = ending(shell);
    await once(shell.stdout, 'data');
    shell.kill('SIGTERM');
    expect((await end).out).toBe('up\ntold\n');
  });

  it('build only what is not built, or is older than its source', async () => {
    await demo('');
    await ending(bootstrap('demo'));
    await writeFile(join(clone, 'npm-cli.js'), 'process.exit(4)');
    expect(await ending(bootstrap('demo'))).toMatchObject({ code: 0 });
    await writeFile(join(clone, 'src/worker.ts'), 'changed');
    expect(await ending(bootstrap('demo'))).toMatchObject({ code: 4 });
  });

  it('install first where something is missing, and show what npm said only if that fails', async () => {
    await rm(join(clone, 'node_modules'));
    const { code, err } = await ending(bootstrap('demo'));
    expect(code).toBe(3);
    expect(err).toMatch(/^Installing the packages .*\nnpm ci [^]* failed \(exit code 3\)\.\n$/);
  });

  it('know nothing else', async () => {
    expect(await ending(bootstrap('deploy'))).toMatchObject({
      code: 1,
      err: expect.stringMatching(/^usage: node scripts\/bootstrap\.mjs demo\|\S+ \[arguments\]\n$/),
    });
  });

  const demo = (code: string) => writeFile(join(clone, 'scripts/demo.ts'), code);

  const environment = () => ({
    ...process.env,
    NODE_OPTIONS: '',
    npm_execpath: join(clone, 'npm-cli.js'),
  });

  const bootstrap = (...args: string[]) =>
    spawn(process.execPath, [join(clone, 'scripts/bootstrap.mjs'), ...args], {
      env: environment(),
      stdio: ['ignore', 'pipe', 'pipe'],
    });
});

async function ending(child: ChildProcessByStdio<null, Readable, Readable>) {
  const closed = once(child, 'close');
  const [out, err] = await Promise.all([text(child.stdout), text(child.stderr), closed]);
  return { code: child.exitCode, out, err };
}
