import { once } from 'node:events';
import type { Slices } from '../base/config/config.ts';
import type { Redactor } from '../base/redaction.ts';
import { connectRedis } from '../base/redis.ts';
import { examineRedis } from '../base/redis-fitness.ts';
import { VERSION } from '../base/version.ts';
import { createConexxusClient } from '../conexxus/client.ts';
import { ANSWER_MS, answered, type Check, failed, passed, unconfigured } from './check.ts';
import { examineWorkers } from './doctor-fleet.ts';
import { examineMachine } from './doctor-machine.ts';
import { checkPostgres } from './doctor-postgres.ts';
import { examineFurther } from './doctor-redis.ts';
import { checkOf } from './finding.ts';
import { reasonOf } from './reason.ts';

type Settings = Readonly<Partial<Slices>>;

/** Asks all services at once; takes a few seconds at most, and never rejects. */
export async function checkServices(settings: Settings, redact: Redactor): Promise<Check[]> {
  const checks = await Promise.all([
    checkRedis(settings),
    checkPostgres(settings.databaseUrl),
    checkConexxus(settings, redact),
    examineMachine(settings.databaseUrl).then((findings) => findings.map(checkOf)),
  ]);
  return checks.flat();
}

async function checkRedis(settings: Settings): Promise<Check[]> {
  const { redisUrl, namespace } = settings;
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
    const workers = await answered(examineWorkers(redis, settings));
    // Last: it ends with a write, and where a replica refuses that, the connection looks for another Redis.
    const further = await answered(examineFurther(redis, namespace));
    return [...checks, ...further.map(checkOf), ...workers.map(checkOf)];
  } catch (error) {
    const reason = reasonOf(lastError ?? error);
    return [
      failed('Redis', `cannot be used (${reason}): is it running at REDIS_URL, and the password right?`),
    ];
  } finally {
    redis.disconnect();
  }
}

async function checkConexxus({ conexxus, access }: Settings, redact: Redactor): Promise<Check[]> {
  if (!conexxus || !access) return [unconfigured('Conexxus', 'CONEXXUS_API_URL and CONEXXUS_API_KEY')];
  const { apiUrl: baseUrl, timeoutMs } = conexxus;
  const userAgent = `conexxus-sync/${VERSION}`;
  try {
    const apiKey = { current: () => access.apiKey, reread: () => Promise.resolve() };
    const { ca } = access;
    const client = createConexxusClient({
      apiKey,
      ca,
      baseUrl,
      timeoutMs,
      userAgent,
      redact,
      concurrency: 1,
    });
    try {
      return [describeHealth(await answered(client.health({ timeoutMs: ANSWER_MS - 1_000 })))];
    } finally {
      client.close();
    }
  } catch (error) {
    return [failed('Conexxus', `could not be asked (${reasonOf(error)}): check CONEXXUS_API_URL`)];
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
