import { Socket } from 'node:net';
import { drizzle, type PostgresJsDatabase } from 'drizzle-orm/postgres-js';
import postgres, { type Notice, type Sql } from 'postgres';

export interface DatabaseOptions {
  /** Connections at most. 1 works, and is what PGlite needs: it is one backend for all. */
  readonly max: number;
  /** What the server says beside its answers ("relation already exists, skipping"); default: nothing. */
  readonly onNotice?: (notice: Notice) => void;
}

export interface Database {
  /**
   * For raw queries. Timestamps come back as text, JSON and array parameters are passed as text: Drizzle
   * reads and writes these itself.
   */
  readonly sql: Sql;
  readonly db: PostgresJsDatabase;
  /** Waits for queries under way, at most two seconds. */
  close(): Promise<void>;
}

const CONNECT_TIMEOUT_S = 5;
const STATEMENT_TIMEOUT_MS = 10_000;
const IDLE_IN_TRANSACTION_TIMEOUT_MS = 30_000;
const IDLE_TIMEOUT_S = 20;
const CLOSE_TIMEOUT_S = 2;
const RECONNECT_MAX_S = 1;
/** Longer than any statement may take and longer than an idle connection is kept. */
const SILENCE_MAX_MS = 25_000;

/**
 * Connects at the first query, so a process starts while Postgres is away; a query made then fails, and
 * a later one connects again.
 *
 * Statements are never prepared by name: Drizzle's are not either, and names outlive a connection behind
 * PgBouncer and on PGlite's one backend.
 */
export function connectDatabase(url: string, { max, onNotice }: DatabaseOptions): Database {
  const options = {
    max,
    prepare: false,
    // The driver's query for array types has nobody to take its error: a connection that breaks at that
    // moment would end the process with an unhandled rejection.
    fetch_types: false,
    // Which leaves arrays to Drizzle, and Drizzle drops backslashes from their items.
    types: { textArray: { to: 1009, from: [1009], serialize: String, parse: parseTextArray } },
    connect_timeout: CONNECT_TIMEOUT_S,
    idle_timeout: IDLE_TIMEOUT_S,
    // The driver's own grows to 20 s, which is how long after its return Postgres would go unused.
    backoff: (retries: number) => Math.min(0.05 * 2 ** Math.min(retries, 10), RECONNECT_MAX_S),
    connection: {
      application_name: 'conexxus-sync',
      statement_timeout: STATEMENT_TIMEOUT_MS,
      idle_in_transaction_session_timeout: IDLE_IN_TRANSACTION_TIMEOUT_MS,
    },
    onnotice: onNotice ?? (() => undefined),
    // Not in the driver's types, but in its documentation.
    socket: openSocket,
  };
  const sql = postgres(url, options);
  return { sql, db: drizzle(sql), close: () => sql.end({ timeout: CLOSE_TIMEOUT_S }) };
}

/** Of one dimension and without nulls, as all of ours. */
function parseTextArray(literal: string): string[] {
  const items = literal.slice(1, -1).matchAll(/"((?:[^"\\]|\\.)*)"|([^,]+)/gs);
  return Array.from(items, ([, quoted, bare]) => quoted?.replaceAll(/\\(.)/gs, '$1') ?? bare ?? '');
}

interface SocketOptions {
  readonly host: readonly string[];
  readonly port: readonly number[];
  readonly path?: string | false;
}

/**
 * The driver's own sockets have two faults: with a peer that went silent they wait until TCP gives up (a
 * quarter of an hour), and to one that accepts and hangs up politely, as a proxy without its server does,
 * they reconnect without a pause. Both end the connection here. The silence is not seen under TLS, where
 * the driver takes our listeners off.
 */
function openSocket({ host: [host = 'localhost'], port: [port = 5432], path }: SocketOptions): Socket {
  const socket = new DatabaseSocket();
  socket.setTimeout(SILENCE_MAX_MS, () => socket.destroy(new Error('Postgres has gone silent')));
  socket.once('end', () => socket.destroy(new Error('Postgres closed the connection')));
  if (path) socket.connect(path);
  else socket.connect(port, host);
  // The driver checks a server's certificate against this name.
  return Object.assign(socket, { host, port });
}

/**
 * Breaks with an error only before the server's first word. A query made between the error of a broken
 * connection and its end would never be settled by the driver; those on one that just ended all are.
 */
class DatabaseSocket extends Socket {
  override destroy(error?: Error): this {
    return super.destroy(this.bytesRead === 0 ? error : undefined);
  }
}
