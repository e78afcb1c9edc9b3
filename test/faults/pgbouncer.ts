import { chownSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createGuardedFolder } from '../../scripts/services/guarded-folder.ts';
import { findBinary, freePort, unprivilegedIdentity } from '../../scripts/services/machine.ts';
import { postgresAnswers } from '../../scripts/services/postgres.ts';
import { launchServer } from '../../scripts/services/server-process.ts';
import { startProcess } from '../support/process.ts';
import { type PostgresStand, startPostgresStand } from './postgres-server.ts';

interface PgBouncer {
  /** The database of this name, by way of it. */
  url(database?: string): string;
  stop(): Promise<void>;
}

interface PgBouncerOptions {
  /** Of the server behind it. */
  readonly port: number;
  readonly poolMode: 'transaction' | 'statement';
}

/** A Postgres of the test's own with a PgBouncer before it. */
export interface PooledStand extends PostgresStand {
  readonly pooledUrl: string;
  /** The command line, by way of the PgBouncer. */
  command(args: readonly string[], database?: string): Promise<{ code: number | null; said: string }>;
}

/** Debian's is off the path of ordinary users. */
const command = findBinary(['pgbouncer'], `${process.env['PATH'] ?? ''}:/usr/sbin:/usr/local/sbin`);

/** Why a test that needs one can't be done. */
export const NO_PGBOUNCER = command === undefined ? 'no PgBouncer on this machine' : undefined;

const PASSWORD = 'pgbouncer-password';
/** Sessions at the server, for the four connections of each worker and for everybody else. */
const POOL_SIZE = 2;

/** A real PgBouncer with the settings that Debian's has: its own defaults, and a password for who connects. */
export async function startPgBouncer({ port: server, poolMode }: PgBouncerOptions): Promise<PgBouncer> {
  const port = await freePort();
  const folder = createGuardedFolder('pgbouncer');
  const settings = join(folder.path, 'pgbouncer.ini');
  const users = join(folder.path, 'userlist.txt');
  writeFileSync(users, `"postgres" "${PASSWORD}"\n`);
  writeFileSync(
    settings,
    [
      '[databases]',
      `* = host=127.0.0.1 port=${server}`,
      '[pgbouncer]',
      'listen_addr = 127.0.0.1',
      `listen_port = ${port}`,
      'unix_socket_dir =',
      'auth_type = md5',
      `auth_file = ${users}`,
      `pool_mode = ${poolMode}`,
      `default_pool_size = ${POOL_SIZE}`,
    ].join('\n'),
  );
  // It refuses to run as root.
  const identity = unprivilegedIdentity();
  if (identity)
    for (const path of [folder.path, settings, users]) chownSync(path, identity.uid, identity.gid);
  const url = (database = 'postgres') => `postgres://postgres:${PASSWORD}@127.0.0.1:${port}/${database}`;
  const { stop } = await launchServer(folder, {
    name: 'PgBouncer',
    command: command ?? 'pgbouncer',
    args: [settings],
    identity,
    answers: () => postgresAnswers(url()),
    crashSignal: 'SIGKILL',
  });
  return { url, stop };
}

export async function startPooledStand(
  poolMode: PgBouncerOptions['poolMode'] = 'transaction',
): Promise<PooledStand> {
  const stand = await startPostgresStand();
  const bouncer = await startPgBouncer({ port: stand.server.port, poolMode });
  return {
    ...stand,
    pooledUrl: bouncer.url(),
    async command(args, database) {
      const ended = startProcess('dist/cli.js', { ...stand.env, DATABASE_URL: bouncer.url(database) }, args);
      const { code } = await ended.exited;
      return { code, said: ended.logs.map(({ msg }) => msg).join('\n') };
    },
    async close() {
      await stand.close();
      await bouncer.stop();
    },
  };
}
