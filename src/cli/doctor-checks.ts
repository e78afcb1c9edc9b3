import { once } from 'node:events';
import type { Slices } from '../base/config/config.ts';
import { connectDatabase } from '../base/database.ts';
import { errorMessage } from '../base/errors.ts';
import type { Redactor } from '../base/redaction.ts';
import { connectRedis } from '../base/redis.ts';
import { examineRedis } from '../base/redis-fitness.ts';
import { VERSION } from '../base/version.ts';
import { createConexxusClient } from '../conexxus/client.ts';
import { checkSchema, SchemaMismatchError } from '../events/migrate.ts';
import { examineMachine } from './doctor-machine.ts';
import { examineFurther } from './doctor-redis.ts';
import type { Finding } from './finding.ts';
import { reasonOf } from './reason.ts';

export interface Check {
  readonly name: string;
  readonly ok: boolean;
  /** What was found; where it is not ok, with the fix. */
  readonly message: string;
}

type Settings = Readonly<Partial<Slices>>;

/** Each service answers within this, or is reported as silent. */
const ANSWER_MS = 6_000;

/** Asks all services at once; takes a few seconds at most, and never rejects. */
export async function checkServices(settings: Settings, redact: Redactor): Promise<Check[]> {
  const checks = await Promise.all([
    checkRedis(settings),
    checkPostgres(settings),
    checkConexxus(settings, redact),
    examineMachine(settings.databaseUrl).then((findings) => findings.map(checkOf)),
  ]);
  return checks.flat().map(({ name, ok, message }) => ({ name, ok, message: redact(message) }));
}

async function checkRedis({ redisUrl, namespace }: Settings): Promise<Check[]> {
  if (redisUrl === undefined) return [unconfigured('Redis', 'REDIS_URL')];
  let lastError: unknown;
  const redis = connectRedis(redisUrl, 'fail-fast', (error) => {
    lastError = error;
  });
  try {
    await once(redis, 'ready', { signal: AbortSignal.timeout(ANSWER_MS) });
    const findings = await answered(examineRedis(redis));
    const checks = findings.map(({ about, verdict, text }) => ({
      name: about === 'version' ? 'Redis' : `Redis ${about}`,
      ok: verdict === 'ok',
      message: text,
    }));
    if (namespace === undefined) return checks;
    const further = await answered(examineFurther(redis, namespace));
    return [...checks, ...further.map(checkOf)];
  } catch (error) {
    const reason = reasonOf(lastError ?? error);
    return [
      failed('Redis', `cannot be used (${reason}): is it running at REDIS_URL, and the password right?`),
    ];
  } finally {
    redis.disconnect();
  }
}

function checkOf({ about, ok, text }: Finding): Check {
  return { name: about, ok, message: text };
}

async function checkPostgres({ databaseUrl }: Settings): Promise<Check[]> {
  if (databaseUrl === undefined) return [unconfigured('Postgres', 'DATABASE_URL')];
  const database = connectDatabase(databaseUrl, { max: 1 });
  try {
    const [row] = await answered(database.sql<{ version: string }[]>`select version() as version`);
    const schema = await answered(checkSchema(database.db));
    const version = /^PostgreSQL [\d.]+/.exec(row?.version ?? '')?.[0] ?? 'reachable';
    return [
      passed('Postgres', version),
      schema.kind === 'current'
        ? passed('Postgres schema', 'up to date')
        : failed('Postgres schema', new SchemaMismatchError(schema).message),
    ];
  } catch (error) {
    const fix = 'is it running at DATABASE_URL, and are database, user and password right?';
    return [failed('Postgres', `cannot be used (${reasonOf(error)}): ${fix}`)];
  } finally {
    await database.close();
  }
}

async function checkConexxus({ conexxus, access }: Settings, redact: Redactor): Promise<Check[]> {
  if (!conexxus || !access) return [unconfigured('Conexxus', 'CONEXXUS_API_URL and CONEXXUS_API_KEY')];
  const { apiUrl: baseUrl, timeoutMs } = conexxus;
  const userAgent = `conexxus-sync/${VERSION}`;
  try {
    const client = createConexxusClient({ ...access, baseUrl, timeoutMs, userAgent, redact, concurrency: 1 });
    try {
      return [describeHealth(await answered(client.health({ timeoutMs: ANSWER_MS - 1_000 })))];
    } finally {
      client.close();
    }
  } catch (error) {
    return [failed('Conexxus', `could not be asked (${errorMessage(error)}): check CONEXXUS_API_URL`)];
  }
}

type Health = Awaited<ReturnType<ReturnType<typeof createConexxusClient>['health']>>;

function describeHealth(health: Health): Check {
  switch (health.kind) {
    case 'ok':
      return passed(
        'Conexxus',
        `healthy, answered in ${health.durationMs} ms (which proves nothing about the API key)`,
      );
    case 'unsupported':
      return passed('Conexxus', `answers, and has no health check (HTTP ${health.httpStatus})`);
    case 'rate_limited':
      return failed('Conexxus', 'limits our rate now (HTTP 429): try again later');
    case 'misconfigured':
      return failed(
        'Conexxus',
        `refuses us (${health.error.message}): check CONEXXUS_API_KEY and CONEXXUS_API_URL`,
      );
    default:
      return failed(
        'Conexxus',
        `is not healthy (${health.error.message}): check CONEXXUS_API_URL, the network, and CONEXXUS_CA_FILE`,
      );
  }
}

async function answered<T>(answer: PromiseLike<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const silence = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer within ${ANSWER_MS} ms`)), ANSWER_MS);
  });
  try {
    return await Promise.race([answer, silence]);
  } finally {
    clearTimeout(timer);
  }
}

function passed(name: string, message: string): Check {
  return { name, ok: true, message };
}

function failed(name: string, message: string): Check {
  return { name, ok: false, message };
}

function unconfigured(name: string, variables: string): Check {
  return failed(name, `not checked: set ${variables} right first`);
}
