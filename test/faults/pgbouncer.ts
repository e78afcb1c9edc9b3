import { chownSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createGuardedFolder } from '../../scripts/services/guarded-folder.ts';
import { findBinary, freePort, unprivilegedIdentity } from '../../scripts/services/machine.ts';
import { postgresAnswers } from '../../scripts/services/postgres.ts';
import { launchServer } from '../../scripts/services/server-process.ts';

export interface PgBouncer {
  /** The database of this name, by way of it. */
  url(database?: string): string;
  stop(): Promise<void>;
}

export interface PgBouncerOptions {
  /** Of the server behind it. */
  readonly port: number;
  readonly poolMode: 'transaction' | 'session' | 'statement';
  /** Sessions at the server at most; fewer than clients, so that they have to share. */
  readonly poolSize: number;
}

/** Debian's is off the path of ordinary users. */
const command = findBinary(['pgbouncer'], `${process.env['PATH'] ?? ''}:/usr/sbin:/usr/local/sbin`);

/** Why a test that needs one can't be done. */
export const NO_PGBOUNCER = command === undefined ? 'no PgBouncer on this machine' : undefined;

const PASSWORD = 'pgbouncer-password';

/** A real PgBouncer with the settings that Debian's has: its own defaults, and a password for who connects. */
export async function startPgBouncer({
  port: server,
  poolMode,
  poolSize,
}: PgBouncerOptions): Promise<PgBouncer> {
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
      `default_pool_size = ${poolSize}`,
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
