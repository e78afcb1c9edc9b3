import type { Redis } from 'ioredis';
import { connectRedis } from '../../src/base/redis.ts';
import { migrateDatabase } from '../../src/events/migrate.ts';
import { migrateOutbox } from '../../src/outbox/migrate.ts';
import { createToken } from '../../src/tokens/tokens.ts';
import { type FreshDatabase, freshDatabase, type OpenDatabase, openDatabase } from '../support/postgres.ts';
import { type RunningProcess, startProcess } from '../support/process.ts';
import { testRedisUrl, uniqueNamespace } from '../support/redis.ts';

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  // oxlint-disable-next-line typescript/no-explicit-any
  readonly body: any;
}

export interface Asking {
  readonly token?: string;
  /** Sent as JSON, unless it is a text. */
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

/** An intake process, with a database of its own and a namespace in the Redis that all share. */
export interface IntakeBench {
  readonly database: OpenDatabase;
  readonly fresh: FreshDatabase;
  readonly namespace: string;
  readonly redis: Redis;
  readonly env: Readonly<Record<string, string>>;
  readonly process: RunningProcess;
  readonly url: string;
  token(name: string, ...locationIds: string[]): Promise<string>;
  ask(method: string, path: string, how?: Asking): Promise<Answer>;
  close(): Promise<void>;
}

interface BenchOptions {
  readonly outbox?: boolean;
  /** Beyond what any needs; may be another way to the database. */
  readonly env?: (databaseUrl: string) => Readonly<Record<string, string>>;
  /** False: it is not waited for until it has begun. */
  readonly wait?: boolean;
}

export async function intakeBench({
  outbox = false,
  env: more = () => ({}),
  wait = true,
}: BenchOptions = {}): Promise<IntakeBench> {
  const fresh = await freshDatabase();
  const database = openDatabase(fresh.url, fresh.embedded ? 1 : 4);
  await migrateDatabase(database);
  if (outbox) await migrateOutbox(database);
  const namespace = uniqueNamespace();
  const redis = connectRedis(testRedisUrl(), 'patient', () => undefined);
  const env = {
    REDIS_URL: testRedisUrl(),
    DATABASE_URL: fresh.url,
    SYNC_NAMESPACE: namespace,
    INTAKE_PORT: '0',
    INTAKE_RATE: '100000',
    ...more(fresh.url),
  };
  const intake = startProcess('dist/intake.js', env);
  const url = await urlOf(intake);
  if (wait) await intake.waitForLog('intake started', 30_000);
  return {
    database,
    fresh,
    namespace,
    redis,
    env,
    process: intake,
    url,
    token: (name, ...locationIds) =>
      database.write((tx) => createToken(tx, { name, locationIds, actor: 'a test' })),
    ask: (method, path, how) => ask(url, method, path, how),
    async close() {
      await intake.stop();
      redis.disconnect();
      await database.close();
      await fresh.close();
    },
  };
}

/** Once it listens. */
async function urlOf(intake: RunningProcess): Promise<string> {
  const { port } = await intake.waitForLog('intake listens', 30_000);
  return `http://127.0.0.1:${String(port)}`;
}

async function ask(
  url: string,
  method: string,
  path: string,
  { token, body, headers = {} }: Asking = {},
): Promise<Answer> {
  const answer = await fetch(`${url}${path}`, {
    method,
    headers: {
      ...(token !== undefined && { authorization: `Bearer ${token}` }),
      ...(body !== undefined && { 'content-type': 'application/json' }),
      ...headers,
    },
    ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
  });
  const text = await answer.text();
  return { status: answer.status, headers: answer.headers, body: text === '' ? undefined : JSON.parse(text) };
}

export const LINES = { 'content-type': 'application/x-ndjson' };

export function jsonLines(payloads: readonly unknown[]): string {
  return payloads
    .map((payload) => (typeof payload === 'string' ? payload : JSON.stringify(payload)))
    .join('\n');
}
