import { Redis } from 'ioredis';
import { createGuardedFolder } from './guarded-folder.ts';
import { findBinary, freePort, run } from './machine.ts';
import { launchServer } from './server-process.ts';
import type { OnEnded, PrivateServer } from './service.ts';

/** Older ones lack commands that BullMQ and the event writer use. */
const MINIMUM_VERSION = [6, 2] as const;

export interface RedisBinary {
  readonly command: string;
  readonly version: string;
  readonly source: 'binary' | 'package';
  /** Where its libraries are, if they are not the system's. */
  readonly libraryPath?: string;
}

/** The Redis (or Valkey) server program on the search path, if there is one that is new enough. */
export async function findRedis(searchPath: string | undefined): Promise<RedisBinary | undefined> {
  const command = findBinary(['redis-server', 'valkey-server'], searchPath);
  return command === undefined ? undefined : inspectRedis({ command, source: 'binary' });
}

/** The program with its version; undefined where it does not run here, or is too old. */
export async function inspectRedis(program: Omit<RedisBinary, 'version'>): Promise<RedisBinary | undefined> {
  try {
    const env = { ...process.env, ...libraryEnvironment(program) };
    const { stdout } = await run(program.command, ['--version'], { env });
    const version = /\bv=(\d+\.\d+\.\d+)/.exec(stdout)?.[1];
    return version !== undefined && isNewEnough(version) ? { ...program, version } : undefined;
  } catch {
    return undefined;
  }
}

function isNewEnough(version: string): boolean {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  return major > MINIMUM_VERSION[0] || (major === MINIMUM_VERSION[0] && minor >= MINIMUM_VERSION[1]);
}

function libraryEnvironment({ libraryPath }: { libraryPath?: string }): NodeJS.ProcessEnv {
  return libraryPath === undefined ? {} : { LD_LIBRARY_PATH: libraryPath };
}

/** A private Redis, durable and never evicting as ours must be. `args` come last, so they win. */
export async function runRedis(
  binary: RedisBinary,
  options: { port?: number; args?: readonly string[]; onEnded?: OnEnded },
): Promise<PrivateServer> {
  const port = options.port ?? (await freePort());
  const url = `redis://127.0.0.1:${port}`;
  const folder = createGuardedFolder('redis');
  const server = await launchServer(folder, {
    name: 'Redis',
    command: binary.command,
    args: [
      '--dir',
      folder.path,
      ...`--port ${port} --bind 127.0.0.1 --appendonly yes --maxmemory-policy noeviction`.split(' '),
      '--save',
      '',
      ...(options.args ?? []),
    ],
    env: libraryEnvironment(binary),
    answers: () => redisAnswers(url),
    crashSignal: 'SIGKILL',
    onEnded: options.onEnded,
  });
  const description = `Redis ${binary.version} (${binary.command}), private, on 127.0.0.1:${port}`;
  return Object.assign(server, { url, port, source: binary.source, description });
}

/** Rejects unless a Redis that takes commands is there. */
export async function redisAnswers(url: string): Promise<void> {
  const redis = new Redis(url, { lazyConnect: true, retryStrategy: () => null, connectTimeout: 3_000 });
  let reason: Error | undefined;
  redis.on('error', (error) => {
    reason = error;
  });
  try {
    await redis.connect();
    await redis.ping();
  } catch (error) {
    // ioredis rejects with "Connection is closed" and tells the reason only here.
    throw reason ?? error;
  } finally {
    // A connection that has ended would be waited for, for two seconds.
    if (redis.status !== 'end') redis.disconnect();
  }
}
