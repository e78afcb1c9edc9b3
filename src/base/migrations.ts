import { fileURLToPath } from 'node:url';
import { type SQL, sql } from 'drizzle-orm';
import { type MigrationMeta, readMigrationFiles } from 'drizzle-orm/migrator';
import type { Database, Transaction } from './database.ts';
import { ConexxusSyncError } from './errors.ts';
import { sqlStateOf } from './postgres-errors.ts';

/** Tables that are migrated together, and what there is to know of it. */
export interface MigrationSet {
  /** Of the generated files, seen from the top of the package. */
  readonly folder: string;
  /** Where it is written down what was applied: one of Drizzle's own tables, by our own hand. */
  readonly journal: { readonly schema: string; readonly table: string };
  /** Of several processes at once one migrates. */
  readonly lock: string;
  /** Where others write all day, longest wait for one of their locks: whoever comes later waits behind it. */
  readonly lockTimeoutMs?: number;
  readonly advice: Readonly<Record<SchemaMismatch['kind'], string>>;
}

/**
 * How the database's schema stands to this version of the code. `applied` and `known` identify the last
 * migration on either side: the time it was generated, in ms.
 */
export type SchemaState =
  | { readonly kind: 'current'; readonly known: number }
  | { readonly kind: 'missing'; readonly known: number; readonly advice: string }
  | {
      readonly kind: 'behind' | 'newer';
      readonly known: number;
      readonly applied: number;
      readonly advice: string;
    };

type SchemaMismatch = Exclude<SchemaState, { kind: 'current' }>;

/** The code may not use this database as it is; the message says what to do. */
export class SchemaMismatchError extends ConexxusSyncError {
  readonly code = 'SCHEMA_MISMATCH';
  override readonly isClean = true;
  readonly state: SchemaMismatch;

  constructor(state: SchemaMismatch) {
    super(state.advice);
    this.state = state;
  }
}

/** Somebody's transaction was in the way for too long. Nothing was changed. */
class SchemaLockedError extends ConexxusSyncError {
  readonly code = 'SCHEMA_LOCKED';
  override readonly isClean = true;
}

const LOCK_NOT_AVAILABLE = '55P03';

/** Looks, changes nothing. */
export async function checkMigrations(
  database: Pick<Database, 'read'>,
  set: MigrationSet,
): Promise<SchemaState> {
  return compare(knownMigrations(set), await database.read((tx) => lastApplied(tx, set)), set);
}

/**
 * Brings the schema up to date, all or nothing. Of several processes at once one migrates, the others
 * wait for it and find nothing to do.
 * Resolves to the number of migrations applied; rejects with `SchemaMismatchError` if the schema is newer
 * than this code, with `SchemaLockedError` if somebody was in the way, as `Database` does if Postgres fails.
 *
 * Drizzle's own `migrate` looks for the last migration before its transaction begins, so that two at once
 * both migrate; the files and the table of what was applied are Drizzle's.
 */
export async function applyMigrations(database: Pick<Database, 'write'>, set: MigrationSet): Promise<number> {
  const migrations = knownMigrations(set);
  return await database.write(async (tx) => {
    // Waiting for another's migration, or building an index, takes its time.
    await tx.execute(sql`set local statement_timeout = 0`);
    await tx.execute(sql`select pg_advisory_xact_lock(hashtextextended(${set.lock}, 0))`);
    const applied = await lastApplied(tx, set);
    const state = compare(migrations, applied, set);
    if (state.kind === 'newer') throw new SchemaMismatchError(state);
    const due = migrations.filter(({ folderMillis }) => folderMillis > applied);
    if (due.length > 0) await applyInTime(tx, due, set);
    return due.length;
  });
}

/** At the top of the package, two levels above this file, compiled or not. */
function knownMigrations({ folder }: MigrationSet): MigrationMeta[] {
  return readMigrationFiles({ migrationsFolder: fileURLToPath(new URL(`../../${folder}`, import.meta.url)) });
}

/** What there is to say where nothing was applied yet. */
export function missing(set: MigrationSet): SchemaMismatch {
  return { kind: 'missing', known: lastOf(knownMigrations(set)), advice: set.advice.missing };
}

function lastOf(migrations: readonly MigrationMeta[]): number {
  return Math.max(...migrations.map(({ folderMillis }) => folderMillis));
}

function compare(migrations: readonly MigrationMeta[], applied: number, set: MigrationSet): SchemaState {
  const { advice } = set;
  const known = lastOf(migrations);
  if (applied === 0) return missing(set);
  if (applied === known) return { kind: 'current', known };
  const kind = applied < known ? 'behind' : 'newer';
  return { kind, known, applied, advice: advice[kind] };
}

/** 0: none yet. */
async function lastApplied(tx: Transaction, set: MigrationSet): Promise<number> {
  if (!(await hasJournal(tx, set))) return 0;
  const [row] = await tx.execute<{ last: string | null }>(
    sql`select max(created_at) as last from ${journalOf(set)}`,
  );
  return Number(row?.last ?? 0);
}

async function hasJournal(tx: Transaction, { journal: { schema, table } }: MigrationSet): Promise<boolean> {
  const [found] = await tx.execute<{ exists: boolean }>(
    sql`select to_regclass(${`${schema}.${table}`}) is not null as exists`,
  );
  return found?.exists ?? false;
}

function journalOf({ journal: { schema, table } }: MigrationSet): SQL {
  return sql`${sql.identifier(schema)}.${sql.identifier(table)}`;
}

async function applyInTime(tx: Transaction, due: readonly MigrationMeta[], set: MigrationSet): Promise<void> {
  const { lockTimeoutMs } = set;
  if (lockTimeoutMs === undefined) return apply(tx, due, set);
  try {
    await tx.execute(sql.raw(`set local lock_timeout = ${lockTimeoutMs}`));
    await apply(tx, due, set);
  } catch (error) {
    if (sqlStateOf(error) !== LOCK_NOT_AVAILABLE) throw error;
    throw new SchemaLockedError(
      `The database could not be migrated: for ${lockTimeoutMs / 1_000} seconds a transaction of somebody else ` +
        'was in the way. Nothing was changed: run it again when that is over ' +
        '(pg_stat_activity tells whose it is, see drizzle/README.md).',
      { cause: error },
    );
  }
}

async function apply(
  tx: Transaction,
  migrations: readonly MigrationMeta[],
  set: MigrationSet,
): Promise<void> {
  for (const migration of migrations) {
    for (const statement of migration.sql) await tx.execute(sql.raw(statement));
    // After the first, which may create the schema that this is in.
    if (!(await hasJournal(tx, set))) await createJournal(tx, set);
    await tx.execute(sql`
      insert into ${journalOf(set)} (hash, created_at) values (${migration.hash}, ${migration.folderMillis})`);
  }
}

async function createJournal(tx: Transaction, set: MigrationSet): Promise<void> {
  await tx.execute(sql`create schema if not exists ${sql.identifier(set.journal.schema)}`);
  await tx.execute(sql`
    create table ${journalOf(set)} (id serial primary key, hash text not null, created_at bigint)`);
}
