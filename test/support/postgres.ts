import { randomBytes } from 'node:crypto';
import { drizzle, type PostgresJsDatabase } from 'drizzle-orm/postgres-js';
import postgres, { type Sql } from 'postgres';
import { startEmbeddedPostgres } from '../../scripts/services/pglite.ts';
import { connectDatabase, type Database } from '../../src/base/database.ts';
import { openPostgres } from '../../src/base/postgres.ts';

export interface FreshDatabase {
  readonly url: string;
  /** It is PGlite: one backend for all connections, which can't be stopped, locked or exhausted. */
  readonly embedded: boolean;
  /** Drops it, whoever is still connected. */
  close(): Promise<void>;
}

/** The product's way to a database, and beside it a person's, who may ask anything. */
export interface OpenDatabase extends Database {
  /** Timestamps come as text. */
  readonly sql: Sql;
  /** Over the same connections as `sql`. */
  readonly db: PostgresJsDatabase;
}

export function openDatabase(url: string, max: number): OpenDatabase {
  const database = connectDatabase(url, { max });
  const sql = openPostgres(url, { max });
  return {
    ...database,
    sql,
    db: drizzle(sql),
    async close() {
      await database.close();
      await sql.end({ timeout: 2 });
    },
  };
}

/** An empty database of the caller's own. */
export async function freshDatabase(): Promise<FreshDatabase> {
  const server = process.env['TEST_DATABASE_URL'] ?? '';
  return server === '' ? embeddedDatabase() : databaseOn(server);
}

async function embeddedDatabase(): Promise<FreshDatabase> {
  const service = await startEmbeddedPostgres();
  return { url: service.url, embedded: true, close: () => service.stop() };
}

/** An empty database on a server that other things use too. */
export async function databaseOn(server: string): Promise<FreshDatabase> {
  const name = `test_${randomBytes(6).toString('hex')}`;
  await asAdmin(server, `create database ${name}`);
  const url = new URL(server);
  url.pathname = name;
  return {
    url: url.href,
    embedded: false,
    close: () => asAdmin(server, `drop database if exists ${name} with (force)`),
  };
}

async function asAdmin(server: string, statement: string): Promise<void> {
  const sql = postgres(server, { max: 1, onnotice: () => {} });
  try {
    await sql.unsafe(statement);
  } finally {
    await sql.end();
  }
}
