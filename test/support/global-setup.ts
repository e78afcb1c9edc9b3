import type { Service } from '../../scripts/services/service.ts';
import { startRealPostgres, startRedis } from '../../scripts/services.ts';

declare global {
  var testServices: Service[] | undefined;
}

const say = (line: string) => console.error(line);

/** One Redis and, where this machine has one, one Postgres for the whole run; the tests share them. */
export default async function setUp(): Promise<void> {
  const redis = await startRedis({ variable: 'TEST_REDIS_URL', say });
  globalThis.testServices = [redis];
  process.env['TEST_REDIS_URL'] = redis.url;
  say(redis.description);

  const postgres = await startRealPostgres({ variable: 'TEST_DATABASE_URL', say });
  if (postgres) {
    globalThis.testServices.push(postgres);
    process.env['TEST_DATABASE_URL'] = postgres.url;
  }
  say(postgres?.description ?? 'No Postgres on this machine: each test file gets a bundled one (PGlite).');
}
