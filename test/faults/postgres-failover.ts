import { chownSync, realpathSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { createGuardedFolder } from '../../scripts/services/guarded-folder.ts';
import { freePort, run, unprivilegedIdentity } from '../../scripts/services/machine.ts';
import { findPostgres, postgresAnswers } from '../../scripts/services/postgres.ts';
import { launchServer } from '../../scripts/services/server-process.ts';

export interface Standby {
  readonly url: string;
  readonly port: number;
  /** It takes writes from now on, with all that the primary had written. */
  promote(): Promise<void>;
  stop(): Promise<void>;
}

/** A real one, which follows the primary by streaming replication. */
export async function startStandby(primary: { readonly port: number }): Promise<Standby> {
  const binaries = await findPostgres(process.env['PATH']);
  if (binaries === undefined) throw new Error('no Postgres server on this machine');
  const port = await freePort();
  const identity = unprivilegedIdentity();
  const folder = createGuardedFolder('standby');
  if (identity) chownSync(folder.path, identity.uid, identity.gid);
  const data = join(folder.path, 'data');
  // Beside the server itself, wherever a link on the path leads.
  const programs = dirname(realpathSync(join(binaries.folder, 'postgres')));
  const program = (name: string) => join(programs, name);
  const options = { cwd: folder.path, ...identity };
  const from = ['-h', '127.0.0.1', '-p', String(primary.port), '-U', 'postgres'];
  await run(program('pg_basebackup'), ['-D', data, ...from, '-R', '-X', 'stream', '-c', 'fast'], options);
  const settings = ['listen_addresses=127.0.0.1', 'unix_socket_directories=', 'fsync=off'];
  const url = `postgres://postgres@127.0.0.1:${port}/postgres`;
  const { stop } = await launchServer(folder, {
    name: 'Postgres standby',
    command: program('postgres'),
    args: ['-D', data, '-p', String(port), ...settings.flatMap((setting) => ['-c', setting])],
    identity,
    answers: () => postgresAnswers(url),
    crashSignal: 'SIGQUIT',
  });
  return {
    url,
    port,
    promote: async () => void (await run(program('pg_ctl'), ['promote', '-w', '-D', data], options)),
    stop,
  };
}
