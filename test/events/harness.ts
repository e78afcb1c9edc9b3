import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { describe } from '@jest/globals';
import { connectRedis } from '../../src/base/redis.ts';
import type { SyncEvent } from '../../src/events/event.ts';
import { createEventWriter, type EventWriter, type EventWriterOptions } from '../../src/events/log.ts';
import { checkSchema, migrateDatabase } from '../../src/events/migrate.ts';
import { eventLog } from '../../src/events/schema.ts';
import { createSpool } from '../../src/events/spool.ts';
import { type FreshDatabase, freshDatabase, type OpenDatabase, openDatabase } from '../support/postgres.ts';
import { testRedisUrl, uniqueNamespace } from '../support/redis.ts';
import { breakOff } from '../support/tcp-proxy.ts';

/** For what needs two backends. PGlite is one: its locks are everybody's, and it can't be terminated. */
export const describeOnServer = process.env['TEST_DATABASE_URL'] ? describe : describe.skip;

/** Resolves when the condition holds; rejects after `maxMs`, naming what was waited for. */
export async function until(what: string, holds: () => Promise<boolean>, maxMs = 10_000): Promise<void> {
  const deadline = Date.now() + maxMs;
  while (!(await holds())) {
    if (Date.now() > deadline) throw new Error(`waited ${maxMs} ms in vain until ${what}`);
    await delay(20);
  }
}

export function anEvent(fields: Partial<SyncEvent> = {}): SyncEvent {
  return {
    dedupeKey: randomUUID(),
    type: 'conexxus.sync.succeeded.push_sales',
    aggregateId: 'ps-1',
    payload: { outcome: 'delivered' },
    ...fields,
  };
}

type Row = typeof eventLog.$inferSelect;

export interface TestDatabase {
  readonly fresh: FreshDatabase;
  readonly database: OpenDatabase;
  close(): Promise<void>;
}

/** One for a whole test file: on PGlite it takes seconds. */
export async function openTestDatabase({ migrated = true } = {}): Promise<TestDatabase> {
  const fresh = await freshDatabase();
  const database = openDatabase(fresh.url, fresh.embedded ? 1 : 4);
  if (migrated) await migrateDatabase(database);
  const close = async () => {
    await database.close();
    await fresh.close();
  };
  return { fresh, database, close };
}

export interface EventsHarness {
  readonly namespace: string;
  readonly streamKey: string;
  readonly redis: ReturnType<typeof connectRedis>;
  readonly spool: ReturnType<typeof createSpool>;
  /** A writer that is stopped with the harness. */
  writer(options?: Partial<EventWriterOptions>): EventWriter;
  connect(): ReturnType<typeof connectRedis>;
  rows(): Promise<Row[]>;
  rowCount(): Promise<number>;
  close(): Promise<void>;
}

/** An outcome stream of the test's own, and on closing an empty table for the next test. */
export function openEvents({ database }: TestDatabase): EventsHarness {
  const namespace = uniqueNamespace();
  const connections: ReturnType<typeof connectRedis>[] = [];
  const writers: EventWriter[] = [];
  const connectOne = () => {
    const connection = connectRedis(testRedisUrl(), 'patient', () => undefined);
    connections.push(connection);
    return connection;
  };
  const redis = connectOne();
  const rows = async () =>
    await database.db.select().from(eventLog).orderBy(eventLog.timestamp, eventLog.dedupeKey);

  return {
    namespace,
    streamKey: `{${namespace}}:events`,
    redis,
    spool: createSpool({ redis, namespace }),
    connect: connectOne,
    rows,
    rowCount: async () => (await rows()).length,
    writer: (options) => {
      const writer = createEventWriter({
        redis,
        // Not among the harness's connections: the writer disconnects it, and ioredis minds being told twice.
        blocking: connectRedis(testRedisUrl(), 'patient', () => undefined),
        namespace,
        database,
        consumer: randomUUID(),
        onSchemaMismatch: (error) => {
          throw error;
        },
        ...options,
      });
      writers.push(writer);
      return writer;
    },
    close: async () => {
      await Promise.all(writers.map((writer) => writer.stop()));
      await redis.del(`{${namespace}}:events`, `{${namespace}}:events:refused`);
      for (const connection of connections) connection.disconnect();
      if ((await checkSchema(database)).kind === 'current') await database.db.delete(eventLog);
    },
  };
}

export interface Proxy {
  /** The given URL by way of the proxy. */
  readonly url: string;
  /** Connections made so far. */
  connections(): number;
  /** `cut`: none passes, each is closed politely at once. `silent`: accepts, passes nothing either way. */
  mode: 'pass' | 'cut' | 'silent';
  /** Breaks the connections there are. */
  drop(): void;
  close(): Promise<void>;
}

/** Stands between a client and Postgres. */
export async function startProxy(target: string): Promise<Proxy> {
  const { hostname, port } = new URL(target);
  const sockets = new Set<Socket>();
  let connections = 0;
  const keep = (socket: Socket) => {
    sockets.add(socket);
    socket.on('error', () => socket.destroy()).on('close', () => sockets.delete(socket));
  };
  const server = createServer((client) => {
    connections += 1;
    keep(client);
    if (proxy.mode === 'cut') client.end();
    if (proxy.mode === 'silent') client.resume();
    if (proxy.mode !== 'pass') return;
    const upstream = connect(Number(port), hostname);
    keep(upstream);
    client.on('data', (chunk) => proxy.mode === 'pass' && upstream.write(chunk));
    upstream.on('data', (chunk) => proxy.mode === 'pass' && client.write(chunk));
    client.on('close', () => upstream.destroy());
    upstream.on('close', () => client.destroy());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = new URL(target);
  url.hostname = '127.0.0.1';
  const address = server.address();
  if (typeof address === 'object') url.port = String(address?.port);
  const drop = () => sockets.forEach(breakOff);
  const proxy: Proxy = {
    url: url.href,
    mode: 'pass',
    connections: () => connections,
    drop,
    close: async () => {
      drop();
      server.close();
      await once(server, 'close');
    },
  };
  return proxy;
}
