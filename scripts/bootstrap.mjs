// `npm run demo` and `npm test` have to work as the very first command after a clone. Nothing is
// installed then, so this file is plain JavaScript and imports only what Node brings along.
//
//   node scripts/bootstrap.mjs demo|bench|soak|test|test:fleet|test:faults [arguments for what is run]
import { spawn } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { constants } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = dirname(dirname(fileURLToPath(import.meta.url)));
const MINIMUM_NODE = [20, 19];
const LOOK_EVERY_MS = 500;
const JEST = [
  '--experimental-vm-modules',
  '--disable-warning=ExperimentalWarning',
  'node_modules/jest/bin/jest.js',
];
const COMMANDS = new Map([
  ['demo', ['--import', 'tsx', 'scripts/demo.ts']],
  ['bench', ['--import', 'tsx', 'scripts/bench.ts']],
  ['soak', ['--import', 'tsx', 'scripts/soak.ts']],
  ['test', JEST],
  ['test:fleet', [...JEST, '--config', 'jest.fleet.config.js']],
  ['test:faults', [...JEST, '--config', 'jest.faults.config.js']],
]);
// A person's npm may be set up to leave out parts, to install elsewhere or to pretend: flags win over its
// files and its environment. No dependency needs its install script.
const INSTALL = `ci --include=dev --include=optional --include=peer --ignore-scripts --bin-links
  --package-lock --install-strategy=hoisted --no-dry-run --no-package-lock-only --no-global
  --no-audit --no-fund --loglevel=error`.split(/\s+/);

async function main([name, ...args]) {
  const command = COMMANDS.get(name);
  if (!command)
    return fail(`usage: node scripts/bootstrap.mjs ${[...COMMANDS.keys()].join('|')} [arguments]`);
  if (!nodeIsNewEnough()) {
    return fail(`conexxus-sync needs Node ${MINIMUM_NODE.join('.')} or newer; this is ${process.version}.`);
  }
  if (!isInstalled()) {
    console.error('Installing the packages of package-lock.json; this takes about half a minute.');
    await quietly(...npm(INSTALL));
    if (!isInstalled()) return fail('npm installed something else than what package-lock.json says.');
  }
  if (!isBuilt()) {
    // Leftovers of deleted sources would be older than every source for ever.
    rmSync(join(ROOT, 'dist'), { recursive: true, force: true });
    await quietly(...npm(['run', 'build']));
  }
  // tsx would leave a cache behind in the temporary folder.
  const env = { ...process.env, TSX_DISABLE_CACHE: '1' };
  process.exitCode = await run(process.execPath, [...command, ...args], { stdio: 'inherit', env });
}

function nodeIsNewEnough() {
  const [major, minor] = process.versions.node.split('.').map(Number);
  return major > MINIMUM_NODE[0] || (major === MINIMUM_NODE[0] && minor >= MINIMUM_NODE[1]);
}

/** Whether node_modules holds what package-lock.json says, by the list npm leaves of what it installed. */
function isInstalled() {
  const installed = packagesOf(join('node_modules', '.package-lock.json'));
  const locked = packagesOf('package-lock.json');
  return Object.entries(locked).every(([path, { version, integrity, optional }]) => {
    if (path === '') return true;
    const found = installed[path];
    // Packages for other platforms are locked, and rightly absent here.
    return found ? found.version === version && found.integrity === integrity : optional === true;
  });
}

function packagesOf(lockFile) {
  const path = join(ROOT, lockFile);
  return existsSync(path) ? JSON.parse(readFileSync(path, 'utf8')).packages : {};
}

/** Whether every file of dist is newer than every source; so a build that was cut off does not count. */
function isBuilt() {
  const built = filesIn(join(ROOT, 'dist'));
  const sources = filesIn(join(ROOT, 'src'));
  const settings = ['package.json', 'tsconfig.json', 'tsconfig.build.json', 'scripts/bundle.mjs'];
  const times = (files) => files.map((file) => statSync(file).mtimeMs);
  return (
    built.length > 0 &&
    Math.min(...times(built)) >= Math.max(...times([...sources, ...settings.map((file) => join(ROOT, file))]))
  );
}

function filesIn(folder) {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    return entry.isDirectory() ? filesIn(path) : [path];
  });
}

/** The npm that runs this script, else the one on the PATH; yarn and pnpm set the same variable. */
function npm(args) {
  const cli = process.env.npm_execpath ?? '';
  return cli.endsWith('npm-cli.js') ? [process.execPath, [cli, ...args]] : ['npm', args];
}

/** Runs a command whose output is of interest only where it fails, and then ends this process. */
async function quietly(command, args) {
  const output = [];
  const code = await run(command, args, { stdio: ['ignore', 'pipe', 'pipe'] }, (chunk) => output.push(chunk));
  if (code === 0) return;
  process.stderr.write(Buffer.concat(output));
  console.error(`\n${[command, ...args].join(' ')} failed (exit code ${code}).`);
  process.exit(code);
}

/** The exit code of the command; as a shell gives it where a signal ended it. */
function run(command, args, options, onOutput = () => {}) {
  const child = spawn(command, args, { cwd: ROOT, ...options });
  child.stdout?.on('data', onOutput);
  child.stderr?.on('data', onOutput);
  const forward = (signal) => {
    // Ctrl-C reaches the whole foreground group: passed on, the child would see it twice.
    if (signal !== 'SIGINT' || !process.stdin.isTTY) child.kill(signal);
  };
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'];
  for (const signal of signals) process.on(signal, forward);
  const watch = whenOrphaned(() => forward('SIGTERM'));
  return new Promise((resolve) => {
    const end = (code) => {
      clearInterval(watch);
      for (const signal of signals) process.off(signal, forward);
      resolve(code);
    };
    child.on('error', (error) => {
      console.error(`${command} cannot be run: ${error.message}`);
      end(127);
    });
    child.on('close', (code, signal) => end(code ?? 128 + constants.signals[signal]));
  });
}

/** npm passes a SIGTERM on to the shell that it runs its scripts with, which dies of it and tells nobody. */
function whenOrphaned(then) {
  if (process.env.npm_lifecycle_event === undefined) return undefined;
  const parent = process.ppid;
  const watch = setInterval(() => {
    if (process.ppid === parent) return;
    clearInterval(watch);
    then();
  }, LOOK_EVERY_MS);
  return watch.unref();
}

function fail(message) {
  console.error(message);
  process.exitCode = 1;
}

await main(process.argv.slice(2));
