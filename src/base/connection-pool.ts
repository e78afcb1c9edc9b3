import { setTimeout as delay } from 'node:timers/promises';
import { ConexxusSyncError } from './errors.ts';

interface Poolable {
  /** It may be given to the next one. */
  isUsable(): boolean;
  /** Ends it, whatever is under way. */
  close(): Promise<void>;
}

interface ConnectionPool<Connection> {
  /** Waits for its turn where all are in use. */
  use<Result>(work: (connection: Connection) => Promise<Result>): Promise<Result>;
  /** Gives what is under way two seconds. Who still waits for his turn is refused. */
  close(): Promise<void>;
}

class DatabaseClosedError extends ConexxusSyncError {
  readonly code = 'DATABASE_CLOSED';
}

const CLOSE_TIMEOUT_MS = 2_000;

/** At most `max` connections, each used by one at a time; the one used last first, so that others grow old. */
export function createConnectionPool<Connection extends Poolable>(
  max: number,
  open: () => Connection,
): ConnectionPool<Connection> {
  const turns = createTurns(max);
  const idle: Connection[] = [];
  const used = new Map<Connection, Promise<unknown>>();
  let closed = false;

  async function take(): Promise<Connection> {
    if (closed) throw new DatabaseClosedError('The database connection was closed');
    for (let connection = idle.pop(); connection !== undefined; connection = idle.pop()) {
      if (connection.isUsable()) return connection;
      await connection.close();
    }
    return open();
  }

  async function useOne<Result>(work: (connection: Connection) => Promise<Result>): Promise<Result> {
    const connection = await take();
    const result = work(connection);
    used.set(connection, result);
    try {
      return await result;
    } finally {
      used.delete(connection);
      if (!closed && connection.isUsable()) idle.push(connection);
      else await connection.close();
    }
  }

  return {
    async use(work) {
      await turns.take();
      try {
        return await useOne(work);
      } finally {
        turns.end();
      }
    },
    async close() {
      closed = true;
      await settled(used.values(), CLOSE_TIMEOUT_MS);
      await Promise.all([...idle.splice(0), ...used.keys()].map((connection) => connection.close()));
    },
  };
}

/** So many at once, the others in the order of their coming. */
function createTurns(max: number) {
  const waiting: (() => void)[] = [];
  let free = max;
  return {
    async take(): Promise<void> {
      if (free > 0) free -= 1;
      else await new Promise<void>((resolve) => waiting.push(resolve));
    },
    end(): void {
      const next = waiting.shift();
      if (next) next();
      else free += 1;
    },
  };
}

async function settled(work: Iterable<Promise<unknown>>, maxMs: number): Promise<void> {
  const done = new AbortController();
  // It rejects by the signal alone.
  const late = delay(maxMs, undefined, { signal: done.signal }).catch(() => undefined);
  await Promise.race([Promise.allSettled(work), late]);
  done.abort();
}
