import { drizzle, type PostgresJsDatabase } from 'drizzle-orm/postgres-js';
import type { Sql } from 'postgres';
import { createConnectionPool } from './connection-pool.ts';
import { ConexxusSyncError } from './errors.ts';
import { openPostgres, type PostgresOptions } from './postgres.ts';
import { sqlStateOf } from './postgres-errors.ts';

/** Drizzle, for as long as the transaction lasts. */
export type Transaction = PostgresJsDatabase;

type Work<Result> = (tx: Transaction) => Promise<Result>;

/**
 * Postgres, in transactions of one connection each. Each statement has ten seconds, and a transaction that
 * nobody goes on with is ended after thirty. Connects at the first one, so a process starts while Postgres is
 * away; one begun then is rejected, and a later one connects again.
 *
 * All reject with what the work throws, or with the error of Drizzle or the driver; then nothing was done,
 * unless the connection broke while it was being committed.
 */
export interface Database {
  /** Where Postgres takes no writes, rejects with `ReadOnlyDatabaseError` before any work. */
  write<Result>(work: Work<Result>): Promise<Result>;
  /** A standby will do. */
  read<Result>(work: Work<Result>): Promise<Result>;
  /** Gives transactions under way two seconds. */
  close(): Promise<void>;
}

/** Max 1 works, and is what PGlite needs: it is one backend for all. */
export type DatabaseOptions = Pick<PostgresOptions, 'max' | 'silenceMaxMs'>;

/** Postgres is a standby, or was told to take no writes. */
class ReadOnlyDatabaseError extends ConexxusSyncError {
  readonly code = 'READ_ONLY_DATABASE';
}

interface Connection {
  readonly sql: Sql;
  readonly tx: Transaction;
  isUsable(): boolean;
  close(): Promise<void>;
}

const STATEMENT_TIMEOUT_MS = 10_000;
const IDLE_IN_TRANSACTION_TIMEOUT_MS = 30_000;
/** So that a name which leads elsewhere by now is asked again, also where nothing ever failed. */
const LIFETIME_MS = 30 * 60_000;

/**
 * For one transaction: behind PgBouncer the next one on this connection has another session, and others this one.
 * Nothing is compiled: a planner who thinks of many rows spends more on that than any of our statements takes.
 */
const LIMITS = `
  set local jit = off;
  set local statement_timeout = ${STATEMENT_TIMEOUT_MS};
  set local idle_in_transaction_session_timeout = ${IDLE_IN_TRANSACTION_TIMEOUT_MS}`;

/**
 * SQLSTATE classes that speak of the statement, or of what it met: data, constraints, serialization, syntax and
 * names, limits, locks. Anything else speaks of the server or the session.
 */
const OF_THE_STATEMENT = new Set(['22', '23', '40', '42', '54', '55']);

export function connectDatabase(url: string, { max, silenceMaxMs }: DatabaseOptions): Database {
  const pool = createConnectionPool(max, () => openConnection(url, silenceMaxMs));
  return {
    write: (work) => pool.use((connection) => transact(connection, beginWriting, work)),
    read: (work) => pool.use((connection) => transact(connection, beginReading, work)),
    close: () => pool.close(),
  };
}

/**
 * One connection, never made again: the driver would go on with the second half of a transaction on a new one,
 * and of one that broke within `sql.begin` it would send a rollback to a socket that is gone, which ends the
 * process.
 */
function openConnection(url: string, silenceMaxMs: number | undefined): Connection {
  const openedAt = performance.now();
  let ended: Promise<void> | undefined;
  const close = () => (ended ??= sql.end({ timeout: 0 }));
  const sql = openPostgres(url, { max: 1, silenceMaxMs, onClose: () => void close() });
  return {
    sql,
    tx: drizzle(sql),
    isUsable: () => ended === undefined && performance.now() - openedAt < LIFETIME_MS,
    close,
  };
}

async function transact<Result>(
  connection: Connection,
  begin: (sql: Sql) => Promise<void>,
  work: Work<Result>,
): Promise<Result> {
  try {
    await begin(connection.sql);
    const result = await work(connection.tx);
    await commit(connection.sql);
    return result;
  } catch (thrown) {
    await abandon(connection, thrown);
    throw thrown;
  }
}

async function beginWriting(sql: Sql): Promise<void> {
  // Several statements in one round trip: the driver answers with a list of the last rows of each.
  const [, rows] = await sql.unsafe<[object, readonly { readOnly: string }[]]>(
    `begin; ${LIMITS}; select current_setting('transaction_read_only') as "readOnly"`,
  );
  if (rows[0]?.readOnly === 'on') {
    throw new ReadOnlyDatabaseError(
      'Postgres takes no writes, as a standby or told to be read-only: its URL must lead to the primary',
    );
  }
}

async function beginReading(sql: Sql): Promise<void> {
  await sql.unsafe(`begin read only; ${LIMITS}`);
}

/** Of a transaction in which something failed, Postgres makes a rollback without a word. */
async function commit(sql: Sql): Promise<void> {
  const { command } = await sql.unsafe('commit');
  if (command !== 'COMMIT') throw new Error(`Postgres answered COMMIT with ${command}`);
}

/**
 * Keeps the connection only where the statement was at fault. A server that says that it is going down, or
 * takes no writes any more, would say so for ever on a connection that stays open, while its name leads to the
 * new primary. It is left without a rollback: then PgBouncer, too, lets go of its connection to that server,
 * which it would give to the next one who asks.
 */
async function abandon(connection: Connection, thrown: unknown): Promise<void> {
  const ofTheStatement = OF_THE_STATEMENT.has(sqlStateOf(thrown)?.slice(0, 2) ?? '');
  if (ofTheStatement && (await rolledBack(connection.sql))) return;
  await connection.close();
}

async function rolledBack(sql: Sql): Promise<boolean> {
  try {
    await sql.unsafe('rollback');
    return true;
  } catch {
    return false;
  }
}
