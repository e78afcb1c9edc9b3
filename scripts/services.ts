import { errorMessage } from '../src/base/errors.ts';
import { redisFromDebian } from './services/debian.ts';
import { startEmbeddedPostgres } from './services/pglite.ts';
import { findPostgres, postgresAnswers, runPostgres } from './services/postgres.ts';
import { findRedis, type RedisBinary, redisAnswers, runRedis } from './services/redis.ts';
import {
  givenService,
  type OnEnded,
  type PrivateServer,
  type Say,
  type Service,
  ServiceNotFoundError,
} from './services/service.ts';

export interface SearchOptions {
  /** The environment variable that may hold the address of a service to use. */
  readonly variable: string;
  readonly env?: NodeJS.ProcessEnv;
  readonly say?: Say;
  /** Told when a server of our own ends by itself. */
  readonly onEnded?: OnEnded;
}

const quiet: Say = () => {};

/**
 * The Redis whose address is given, else a private one (see `startPrivateRedis`).
 * @throws ServiceStartError if one is given or found but does not answer
 * @throws ServiceNotFoundError if there is none to be had
 */
export async function startRedis({
  variable,
  env = process.env,
  say = quiet,
  onEnded,
}: SearchOptions): Promise<Service> {
  const url = env[variable] ?? '';
  if (url !== '') return givenService('Redis', variable, url, redisAnswers);
  const advice = `set ${variable} to the URL of a running one, or `;
  return startPrivateRedis({ env, say, advice, ...(onEnded && { onEnded }) });
}

/** A Redis of our own: a server program on this machine, else one from the system's packages. */
export async function startPrivateRedis({
  env = process.env,
  say = quiet,
  advice = '',
  ...options
}: {
  env?: NodeJS.ProcessEnv;
  say?: Say;
  port?: number;
  args?: readonly string[];
  onEnded?: OnEnded;
  /** What else a person can do where there is none. */
  advice?: string;
} = {}): Promise<PrivateServer> {
  const binary = (await findRedis(env['PATH'])) ?? (await redisFromPackages(env, say, advice));
  return runRedis(binary, options);
}

async function redisFromPackages(env: NodeJS.ProcessEnv, say: Say, advice: string): Promise<RedisBinary> {
  let reason = 'no redis-server on the PATH, and no package manager that can bring it';
  try {
    const binary = await redisFromDebian(env, say);
    if (binary) return binary;
  } catch (error) {
    reason = `no redis-server on the PATH, and Debian's package could not be had: ${errorMessage(error)}`;
  }
  throw new ServiceNotFoundError(
    `No Redis 6.2 or newer (${reason}).\nPlease ${advice}install one: \`apt-get install redis-server\` ` +
      '(Debian, Ubuntu), `dnf install valkey` (Fedora), `brew install redis` (macOS).',
  );
}

/** Without `variable` no address is asked for. */
type PostgresSearch = Omit<SearchOptions, 'variable'> & Partial<Pick<SearchOptions, 'variable'>>;

/**
 * The Postgres whose address is given, else a private one from the server programs on this machine, else
 * the bundled PGlite.
 */
export async function startPostgres(options: PostgresSearch): Promise<Service> {
  return (await startRealPostgres(options)) ?? startEmbeddedPostgres(options.onEnded);
}

/** As `startPostgres`, but undefined where only PGlite is left. */
export async function startRealPostgres(options: PostgresSearch): Promise<Service | undefined> {
  const { variable, env = process.env, say = quiet, onEnded } = options;
  const url = variable && env[variable];
  if (variable && url) return givenService('Postgres', variable, url, postgresAnswers);
  try {
    return await startPrivatePostgres(env, onEnded);
  } catch (error) {
    if (!(error instanceof ServiceNotFoundError)) {
      say(`The Postgres on this machine can't be used: ${errorMessage(error)}`);
    }
    return undefined;
  }
}

/**
 * A Postgres of our own from the server programs on this machine.
 * @throws ServiceNotFoundError if there are none
 */
export async function startPrivatePostgres(env = process.env, onEnded?: OnEnded): Promise<PrivateServer> {
  const binaries = await findPostgres(env['PATH']);
  if (!binaries) {
    throw new ServiceNotFoundError(
      'No Postgres 13 or newer on this machine. Please install one: `apt-get install postgresql` ' +
        '(Debian, Ubuntu), `dnf install postgresql-server` (Fedora), `brew install postgresql` (macOS).',
    );
  }
  return runPostgres(binaries, onEnded);
}
