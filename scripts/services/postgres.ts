import { chownSync, readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import postgres from 'postgres';
import { createGuardedFolder, type GuardedFolder } from './guarded-folder.ts';
import { findBinary, freePort, type Identity, run, unprivilegedIdentity } from './machine.ts';
import { launchServer } from './server-process.ts';
import type { OnEnded, PrivateServer } from './service.ts';

/** The first with DROP DATABASE … WITH (FORCE), which the tests clean up with. */
const MINIMUM_MAJOR = 13;
/** Debian keeps the server programs of every major version in a folder of its own, off the PATH. */
const DEBIAN_VERSIONS = '/usr/lib/postgresql';

export interface PostgresBinaries {
  readonly folder: string;
  readonly version: string;
}

/** The newest Postgres server programs on this machine, those on the search path first. */
export async function findPostgres(searchPath: string | undefined): Promise<PostgresBinaries | undefined> {
  const onPath = findBinary(['postgres'], searchPath);
  const folders = [...(onPath === undefined ? [] : [dirname(onPath)]), ...debianFolders()];
  for (const folder of folders) {
    const version = await versionIn(folder);
    if (version !== undefined && Number.parseInt(version, 10) >= MINIMUM_MAJOR) return { folder, version };
  }
  return undefined;
}

function debianFolders(): string[] {
  try {
    const versions = readdirSync(DEBIAN_VERSIONS).sort((a, b) => Number(b) - Number(a));
    return versions.map((version) => join(DEBIAN_VERSIONS, version, 'bin'));
  } catch {
    return [];
  }
}

async function versionIn(folder: string): Promise<string | undefined> {
  if (findBinary(['initdb'], folder) === undefined) return undefined;
  try {
    const { stdout } = await run(join(folder, 'postgres'), ['--version']);
    return /\d+(\.\d+)*/.exec(stdout)?.[0];
  } catch {
    return undefined;
  }
}

/** A private Postgres for throwaway data: it survives a crash of its processes, not of the machine. */
export async function runPostgres(binaries: PostgresBinaries, onEnded?: OnEnded): Promise<PrivateServer> {
  const port = await freePort();
  const url = `postgres://postgres@127.0.0.1:${port}/postgres`;
  const identity = unprivilegedIdentity();
  const folder = createGuardedFolder('postgres');
  const data = await createCluster(binaries, folder, identity);
  const settings = [
    'listen_addresses=127.0.0.1',
    // Loopback is enough, and the path of a socket has a length limit.
    'unix_socket_directories=',
    'fsync=off',
    'full_page_writes=off',
  ];
  const server = await launchServer(folder, {
    name: 'Postgres',
    command: join(binaries.folder, 'postgres'),
    args: ['-D', data, '-p', String(port), ...settings.flatMap((setting) => ['-c', setting])],
    identity,
    answers: () => postgresAnswers(url),
    // As `pg_ctl stop -m immediate`: a crash of the server that leaves none of its processes behind.
    crashSignal: 'SIGQUIT',
    onEnded,
  });
  const description = `Postgres ${binaries.version} (${binaries.folder}), private, on 127.0.0.1:${port}`;
  return Object.assign(server, { url, port, source: 'binary' as const, description });
}

async function createCluster(
  binaries: PostgresBinaries,
  folder: GuardedFolder,
  identity: Identity | undefined,
): Promise<string> {
  const data = join(folder.path, 'data');
  if (identity) chownSync(folder.path, identity.uid, identity.gid);
  try {
    await run(
      join(binaries.folder, 'initdb'),
      ['-D', data, '-U', 'postgres', '--auth=trust', '--encoding=UTF8', '--locale=C', '--no-sync'],
      { cwd: folder.path, ...identity },
    );
  } catch (error) {
    await folder.remove();
    throw error;
  }
  return data;
}

/** Rejects unless a Postgres that takes queries is there. */
export async function postgresAnswers(url: string): Promise<void> {
  const sql = postgres(url, { max: 1, connect_timeout: 5, onnotice: () => {} });
  try {
    await sql`select 1`;
  } finally {
    await sql.end({ timeout: 1 });
  }
}
