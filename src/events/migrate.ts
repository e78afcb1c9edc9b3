import { fileURLToPath } from 'node:url';
import { sql } from 'drizzle-orm';
import { type MigrationMeta, readMigrationFiles } from 'drizzle-orm/migrator';
import type { Database, Transaction } from '../base/database.ts';
import { ConexxusSyncError } from '../base/errors.ts';

/**
 * How the database's schema stands to this version of the code. `applied` and `known` identify the last
 * migration on either side: the time it was generated, in ms.
 */
export type SchemaState =
  | { readonly kind: 'current'; readonly known: number }
  | { readonly kind: 'missing'; readonly known: number }
  | { readonly kind: 'behind' | 'newer'; readonly known: number; readonly applied: number };

export type SchemaMismatch = Exclude<SchemaState, { kind: 'current' }>;

/** The code may not use this database as it is; the message says what to do. */
export class SchemaMismatchError extends ConexxusSyncError {
  readonly code = 'SCHEMA_MISMATCH';
  override readonly isClean = true;
  readonly state: SchemaMismatch;

  constructor(state: SchemaMismatch) {
    super(advice[state.kind]);
    this.state = state;
  }
}

const advice = {
  missing: 'The database has no conexxus-sync tables yet: run `node dist/cli.js migrate`.',
  behind:
    'The database schema is older than this version of conexxus-sync needs: run `node dist/cli.js migrate`.',
  newer:
    'The database schema is newer than this version of conexxus-sync knows: install the version that made it. ' +
    '`node dist/cli.js migrate` of this version can only go forward.',
} satisfies Record<SchemaMismatch['kind'], string>;

/** At the top of the package, two levels above this file, compiled or not. */
const migrationsFolder = fileURLToPath(new URL('../../drizzle', import.meta.url));

/** Looks, changes nothing. */
export async function checkSchema(database: Pick<Database, 'read'>): Promise<SchemaState> {
  return compare(knownMigrations(), await database.read(lastApplied));
}

/**
 * Brings the schema up to date, all or nothing. Of several processes at once one migrates, the others
 * wait for it and find nothing to do.
 * Resolves to the number of migrations applied; rejects with `SchemaMismatchError` if the schema is newer
 * than this code, as `Database` does if Postgres fails.
 *
 * Drizzle's own `migrate` looks for the last migration before its transaction begins, so that two at once
 * both migrate; the files and the table of what was applied are Drizzle's.
 */
export async function migrateDatabase(database: Pick<Database, 'write'>): Promise<number> {
  const migrations = knownMigrations();
  return await database.write(async (tx) => {
    // Waiting for another's migration, or building an index, takes its time.
    await tx.execute(sql`set local statement_timeout = 0`);
    await tx.execute(sql`select pg_advisory_xact_lock(hashtextextended('conexxus-sync migrate', 0))`);
    const applied = await lastApplied(tx);
    const state = compare(migrations, applied);
    if (state.kind === 'newer') throw new SchemaMismatchError(state);
    const due = migrations.filter(({ folderMillis }) => folderMillis > applied);
    if (due.length > 0) await apply(tx, due);
    return due.length;
  });
}

function knownMigrations(): MigrationMeta[] {
  return readMigrationFiles({ migrationsFolder });
}

function compare(migrations: readonly MigrationMeta[], applied: number): SchemaState {
  const known = Math.max(...migrations.map(({ folderMillis }) => folderMillis));
  if (applied === 0) return { kind: 'missing', known };
  if (applied === known) return { kind: 'current', known };
  return { kind: applied < known ? 'behind' : 'newer', known, applied };
}

/** 0: none yet. */
async function lastApplied(tx: Transaction): Promise<number> {
  const [table] = await tx.execute<{ exists: boolean }>(
    sql`select to_regclass('drizzle.__drizzle_migrations') is not null as exists`,
  );
  if (!table?.exists) return 0;
  const [row] = await tx.execute<{ last: string | null }>(
    sql`select max(created_at) as last from drizzle.__drizzle_migrations`,
  );
  return Number(row?.last ?? 0);
}

async function apply(tx: Transaction, migrations: readonly MigrationMeta[]): Promise<void> {
  await tx.execute(sql`create schema if not exists drizzle`);
  await tx.execute(sql`
    create table if not exists drizzle.__drizzle_migrations (
      id serial primary key, hash text not null, created_at bigint
    )`);
  for (const migration of migrations) {
    for (const statement of migration.sql) await tx.execute(sql.raw(statement));
    await tx.execute(sql`
      insert into drizzle.__drizzle_migrations (hash, created_at)
      values (${migration.hash}, ${migration.folderMillis})`);
  }
}
