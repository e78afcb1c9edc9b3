import { it } from '@jest/globals';
import postgres, { type Sql } from 'postgres';
import { findPostgres } from '../../scripts/services/postgres.ts';
import type { PrivateServer } from '../../scripts/services/service.ts';
import { startPrivatePostgres } from '../../scripts/services.ts';
import { type FaultStand, startFaultStand } from './fault-stand.ts';

/** A Postgres of the test's own, and a person at it whose connections are none of the product's. */
export interface PostgresStand extends FaultStand {
  readonly server: PrivateServer;
  readonly admin: Sql;
}

export const HAS_SERVER = (await findPostgres(process.env['PATH'])) !== undefined;
const NO_SERVER = HAS_SERVER ? undefined : 'no Postgres server on this machine';

/**
 * Skipped, saying so, where there is only PGlite: one backend for all connections. `obstacle`: what else is
 * missing here.
 */
export function itOnServer(title: string, test: () => Promise<void>, obstacle?: string): void {
  const why = NO_SERVER ?? obstacle;
  const row = why === undefined ? it : it.skip;
  row(why === undefined ? title : `${title} (skipped: ${why})`, test);
}

export async function startPostgresStand(
  options: Omit<Parameters<typeof startFaultStand>[0] & object, 'databaseUrl'> = {},
  prepare: (admin: Sql) => Promise<string | undefined> = () => Promise.resolve(undefined),
): Promise<PostgresStand> {
  const server = await startPrivatePostgres();
  const admin = connectAdmin(server);
  const databaseUrl = (await prepare(admin)) ?? server.url;
  const stand = await startFaultStand({ ...options, databaseUrl });
  return {
    ...stand,
    server,
    admin,
    async close() {
      await stand.close();
      await admin.end({ timeout: 1 });
      await server.stop();
    },
  };
}

export function connectAdmin({ url }: { readonly url: string }, max = 2): Sql {
  return postgres(url, { max, onnotice: () => undefined, connection: { application_name: 'a person' } });
}

/** Statements of the product that wait for a lock. */
export async function waitingStatements(admin: Sql): Promise<number> {
  const rows = await admin`
    select from pg_stat_activity where application_name = 'conexxus-sync' and wait_event_type = 'Lock'`;
  return rows.length;
}
