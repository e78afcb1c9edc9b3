import { chownSync, realpathSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect } from '@jest/globals';
import { createGuardedFolder } from '../../scripts/services/guarded-folder.ts';
import { freePort, run, unprivilegedIdentity } from '../../scripts/services/machine.ts';
import { findPostgres, postgresAnswers } from '../../scripts/services/postgres.ts';
import { launchServer } from '../../scripts/services/server-process.ts';
import { eventually } from '../support/eventually.ts';
import { type OpenDatabase, openDatabase } from '../support/postgres.ts';
import { startProcess } from '../support/process.ts';
import { reconcile } from '../support/reconcile.ts';
import { startTcpProxy, type TcpProxy } from '../support/tcp-proxy.ts';
import { type PostgresStand, startPostgresStand } from './postgres-server.ts';

interface Standby {
  readonly url: string;
  readonly port: number;
  /** It takes writes from now on, with all that the primary had written. */
  promote(): Promise<void>;
  stop(): Promise<void>;
}

/** A primary, a standby that follows it, and a name that leads to either. The stand itself asks the primary. */
export interface FailoverStand extends PostgresStand {
  readonly name: TcpProxy;
  readonly standby: Standby;
  /** By name. */
  readonly byName: { readonly DATABASE_URL: string };
  /** At the standby, as a person. */
  readonly second: OpenDatabase;
  /** The primary's connections stay open, as those to one that somebody fenced off. */
  turnReadOnly(): Promise<void>;
  failOver(): Promise<void>;
  /** In the books that are at the standby: so many delivered, each with its row, and nothing else. */
  expectRowsAtSecond(accepted: readonly string[]): Promise<void>;
  command(args: readonly string[]): Promise<{ code: number | null; said: string; err: string }>;
}

export async function startFailoverStand(): Promise<FailoverStand> {
  const stand = await startPostgresStand();
  const standby = await startStandby(stand.server);
  const name = await startTcpProxy(stand.server);
  const second = openDatabase(standby.url, 1);
  const byName = { DATABASE_URL: name.through(stand.server.url) };
  return {
    ...stand,
    name,
    standby,
    byName,
    second,
    async turnReadOnly() {
      await stand.admin`alter system set default_transaction_read_only = on`;
      await stand.admin`select pg_reload_conf()`;
      await eventually(async () => {
        const [row] = await stand.admin`select current_setting('transaction_read_only') as value`;
        expect(row?.['value']).toBe('on');
      });
    },
    async failOver() {
      await standby.promote();
      name.pointAt(standby);
    },
    async expectRowsAtSecond(accepted) {
      const found = await reconcile({ ...stand, database: second, accepted });
      const all = accepted.length;
      expect(found).toMatchObject({ delivered: all, succeededRows: all, problems: [] });
    },
    async command(args) {
      const ended = startProcess('dist/cli.js', { ...stand.env, ...byName }, args);
      const { code } = await ended.exited;
      return { code, said: ended.logs.map(({ msg }) => msg).join('\n'), err: ended.stderr() };
    },
    async close() {
      await second.close();
      await stand.close();
      await name.stop();
      await standby.stop();
    },
  };
}

/** A real one, by streaming replication. */
async function startStandby(primary: { readonly port: number }): Promise<Standby> {
  const binaries = await findPostgres(process.env['PATH']);
  if (binaries === undefined) throw new Error('no Postgres server on this machine');
  const port = await freePort();
  const identity = unprivilegedIdentity();
  const folder = createGuardedFolder('standby');
  if (identity) chownSync(folder.path, identity.uid, identity.gid);
  const data = join(folder.path, 'data');
  // Beside the server itself, wherever a link on the path leads.
  const programs = dirname(realpathSync(join(binaries.folder, 'postgres')));
  const options = { cwd: folder.path, ...identity };
  const from = ['-h', '127.0.0.1', '-p', String(primary.port), '-U', 'postgres'];
  await run(
    join(programs, 'pg_basebackup'),
    ['-D', data, ...from, '-R', '-X', 'stream', '-c', 'fast'],
    options,
  );
  const settings = ['listen_addresses=127.0.0.1', 'unix_socket_directories=', 'fsync=off'];
  const url = `postgres://postgres@127.0.0.1:${port}/postgres`;
  const { stop } = await launchServer(folder, {
    name: 'Postgres standby',
    command: join(programs, 'postgres'),
    args: ['-D', data, '-p', String(port), ...settings.flatMap((setting) => ['-c', setting])],
    identity,
    answers: () => postgresAnswers(url),
    crashSignal: 'SIGQUIT',
  });
  return {
    url,
    port,
    promote: async () => void (await run(join(programs, 'pg_ctl'), ['promote', '-w', '-D', data], options)),
    stop,
  };
}
