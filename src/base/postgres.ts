import { Socket } from 'node:net';
import postgres, { type Sql } from 'postgres';

export interface PostgresOptions {
  /** Connections at most. */
  readonly max: number;
  /** How long nothing at all may come from a server that was asked; default 25,000, 0: for ever. */
  readonly silenceMaxMs?: number | undefined;
  /** Called when a connection has ended, whoever ended it. */
  readonly onClose?: () => void;
}

const CONNECT_TIMEOUT_S = 5;
const IDLE_TIMEOUT_S = 20;
const RECONNECT_MAX_S = 1;
/** Longer than any statement may take and longer than an idle connection is kept. */
const SILENCE_MAX_MS = 25_000;

/**
 * The driver, with what it needs to be told. Connects at the first query, so that a process starts while
 * Postgres is away.
 *
 * Statements are never prepared by name: Drizzle's are not either, and names outlive a connection behind
 * PgBouncer and on PGlite's one backend. Nothing but the name is asked for when a connection is made:
 * PgBouncer refuses a connection with settings that it does not keep track of.
 */
export function openPostgres(
  url: string,
  { max, silenceMaxMs = SILENCE_MAX_MS, onClose = () => undefined }: PostgresOptions,
): Sql {
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
    // It would end a connection between two statements of a transaction.
    max_lifetime: null,
    // The driver's own grows to 20 s, which is how long after its return Postgres would go unused.
    backoff: (retries: number) => Math.min(0.05 * 2 ** Math.min(retries, 10), RECONNECT_MAX_S),
    connection: { application_name: 'conexxus-sync' },
    onnotice: () => undefined,
    onclose: onClose,
    // Not in the driver's types, but in its documentation.
    socket: (address: SocketOptions) => openSocket(address, silenceMaxMs),
  };
  return postgres(url, options);
}

/** Of one dimension and without nulls, as all of ours. */
function parseTextArray(literal: string): string[] {
  const items = literal.slice(1, -1).matchAll(/"([^"\\]*(?:\\.[^"\\]*)*)"|([^,]+)/gs);
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
function openSocket(
  { host: [host = 'localhost'], port: [port = 5432], path }: SocketOptions,
  silenceMaxMs: number,
): Socket {
  const socket = new DatabaseSocket();
  socket.setTimeout(silenceMaxMs, () => socket.destroy(broken('ETIMEDOUT', 'Postgres has gone silent')));
  socket.once('end', () => socket.destroy(broken('ECONNRESET', 'Postgres closed the connection')));
  if (path) socket.connect(path);
  else socket.connect(port, host);
  // The driver checks a server's certificate against this name.
  return Object.assign(socket, { host, port });
}

/** With the code of the network, by which it is told from a fault of our own. */
function broken(code: string, message: string): Error {
  return Object.assign(new Error(message), { code });
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
