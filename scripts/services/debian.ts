import { mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { homedir } from 'node:os';
import { isAbsolute, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { findBinary, run } from './machine.ts';
import { findRedis, inspectRedis, type RedisBinary } from './redis.ts';
import type { Say } from './service.ts';

const APT_INSTALL = fileURLToPath(new URL('./apt-install.sh', import.meta.url));
const PACKAGES = ['redis-server', 'redis-tools'];
const TIMEOUT_MS = 300_000;

/**
 * Redis from Debian's packages: installed where we are root, else unpacked into the user's cache.
 * Undefined on a machine without apt; rejects where no package can be had.
 */
export async function redisFromDebian(env: NodeJS.ProcessEnv, say: Say): Promise<RedisBinary | undefined> {
  if (['apt-get', 'dpkg-deb'].some((tool) => findBinary([tool], env['PATH']) === undefined)) return undefined;
  const installed = process.getuid?.() === 0 ? await install(env, say) : undefined;
  return installed ?? unpacked(env, say);
}

async function install(env: NodeJS.ProcessEnv, say: Say): Promise<RedisBinary | undefined> {
  say("Redis is not on this machine: installing Debian's package redis-server (its service stays off).");
  try {
    await run('/bin/sh', [APT_INSTALL, 'redis-server'], { env, timeout: TIMEOUT_MS });
  } catch {
    // A read-only system, a broken package database: the package may be unpacked all the same.
    return undefined;
  }
  const found = await findRedis(env['PATH']);
  return found && { ...found, source: 'package' };
}

async function unpacked(env: NodeJS.ProcessEnv, say: Say): Promise<RedisBinary | undefined> {
  const cache = join(cacheHome(env), 'conexxus-sync');
  const target = join(cache, `redis-${process.arch}`);
  const kept = await inspectRedis(programIn(target));
  if (kept) return kept;
  say(`Redis is not on this machine: unpacking Debian's package redis-server into ${target}.`);
  mkdirSync(cache, { recursive: true });
  const work = mkdtempSync(join(cache, 'unpacking-'));
  try {
    await unpackInto(work, env);
    // In one step, so that two runs at once never see half of it.
    rmSync(target, { recursive: true, force: true });
    renameSync(join(work, 'root'), target);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
  return inspectRedis(programIn(target));
}

function cacheHome(env: NodeJS.ProcessEnv): string {
  const given = env['XDG_CACHE_HOME'] ?? '';
  return isAbsolute(given) ? given : join(homedir(), '.cache');
}

function programIn(root: string): Omit<RedisBinary, 'version'> {
  const libraries = join(root, 'usr', 'lib');
  return {
    command: join(root, 'usr', 'bin', 'redis-server'),
    source: 'package',
    libraryPath: foldersIn(libraries).join(':'),
  };
}

function foldersIn(folder: string): string[] {
  try {
    const entries = readdirSync(folder, { withFileTypes: true });
    return entries.filter((entry) => entry.isDirectory()).map((entry) => join(folder, entry.name));
  } catch {
    return [];
  }
}

async function unpackInto(work: string, env: NodeJS.ProcessEnv): Promise<void> {
  const downloads = join(work, 'downloads');
  for (const folder of ['state/lists/partial', 'cache/archives/partial', 'downloads', 'root']) {
    mkdirSync(join(work, folder), { recursive: true });
  }
  const apt = async (...args: string[]) => {
    const options = { cwd: downloads, env: { ...env, LC_ALL: 'C' }, timeout: TIMEOUT_MS, maxBuffer: 2 ** 26 };
    return (await run('apt-get', [...privateApt(work), ...args], options)).stdout;
  };
  // It also fails for an unreachable list of somebody else's; what counts is whether the download works.
  await apt('update').catch(() => {});
  await apt('download', ...PACKAGES, ...(await missingLibraries(apt)));
  for (const file of readdirSync(downloads)) {
    await run('dpkg-deb', ['-x', join(downloads, file), join(work, 'root')], { env });
  }
}

/** Settings that let apt work on lists and downloads of its own, where the system's are root's. */
function privateApt(work: string): string[] {
  const settings = {
    'Dir::State': join(work, 'state'),
    'Dir::State::status': '/var/lib/dpkg/status',
    'Dir::Cache': join(work, 'cache'),
    'APT::Sandbox::User': '',
    'Acquire::Retries': '2',
  };
  return Object.entries(settings).flatMap(([name, value]) => ['-o', `${name}=${value}`]);
}

/** What apt would install along with Redis, beyond what this machine has. */
async function missingLibraries(apt: (...args: string[]) => Promise<string>): Promise<string[]> {
  const plan = await apt('install', '--simulate', '--no-install-recommends', 'redis-server').catch(() => '');
  const names = Array.from(plan.matchAll(/^Inst (\S+)/gm), ([, name]) => name ?? '');
  return names.filter((name) => !PACKAGES.includes(name));
}
