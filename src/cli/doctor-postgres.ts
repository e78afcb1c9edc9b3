import { sql } from 'drizzle-orm';
import { connectDatabase, type Database } from '../base/database.ts';
import { postgresCodeOf } from '../base/postgres-errors.ts';
import { checkSchema } from '../events/migrate.ts';
import { answered, type Check, failed, passed, unconfigured } from './check.ts';
import { reasonOf } from './reason.ts';

interface Server {
  readonly version: string;
  readonly standby: boolean;
  readonly readOnly: boolean;
  /** The session is not with the process that the connection was made to. */
  readonly pooled: boolean;
}

/**
 * PgBouncer calls what it refuses by itself a `protocol_violation`, and hangs up: of a question under way the
 * driver tells no more than that.
 */
const MAYBE_A_POOLER = new Set(['08P01', 'CONNECTION_CLOSED']);

export async function checkPostgres(databaseUrl: string | undefined): Promise<Check[]> {
  if (databaseUrl === undefined) return [unconfigured('Postgres', 'DATABASE_URL')];
  const database = connectDatabase(databaseUrl, { max: 1 });
  try {
    const server = await answered(askServer(database));
    const schema = await answered(checkSchema(database));
    return [
      passed('Postgres', server.version),
      roleOf(server),
      ...(server.pooled ? [POOLER] : []),
      schema.kind === 'current'
        ? passed('Postgres schema', 'up to date')
        : failed('Postgres schema', schema.advice),
    ];
  } catch (error) {
    return [failed('Postgres', `cannot be used (${reasonOf(error)}): ${fixOf(error)}`)];
  } finally {
    await database.close();
  }
}

async function askServer(database: Database): Promise<Server> {
  const rows = await database.read((tx) =>
    tx.execute<{ version: string; standby: boolean; readOnly: boolean; backend: number }>(sql`
      select version() as version, pg_is_in_recovery() as standby, pg_backend_pid() as backend,
        current_setting('default_transaction_read_only') = 'on' as "readOnly"`),
  );
  const { version = '', standby = false, readOnly = false, backend } = rows[0] ?? {};
  return {
    version: /^PostgreSQL [\d.]+/.exec(version)?.[0] ?? 'reachable',
    standby,
    readOnly,
    pooled: backend !== rows.state.pid,
  };
}

function roleOf({ standby, readOnly }: Server): Check {
  if (standby) {
    return failed(
      'Postgres role',
      'this is a standby, which takes no writes: let DATABASE_URL lead to the primary',
    );
  }
  if (readOnly) {
    const fix = 'see who turned it on and why (managed services do where the disk is full), then turn it off';
    return failed('Postgres role', `takes no writes, as default_transaction_read_only is on: ${fix}`);
  }
  return passed('Postgres role', 'primary, takes writes');
}

const POOLER = passed(
  'Postgres pooler',
  'PgBouncer, or another pooler, is in between: pool_mode transaction or session will do',
);

function fixOf(error: unknown): string {
  if (MAYBE_A_POOLER.has(postgresCodeOf(error) ?? '')) {
    return 'if PgBouncer is in between, is its pool_mode transaction or session, and does it know database and user?';
  }
  return 'is it running at DATABASE_URL, and are database, user and password right?';
}
