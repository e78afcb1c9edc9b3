import type { Logger } from '../base/logger.ts';
import { postgresCodeOf } from '../base/postgres-errors.ts';
import { refusalOf } from '../base/redis-writes.ts';
import { shared, within } from '../base/shared.ts';

/** What a look at one thing came to. Anybody may read the reason: it names no host, no user and no sale. */
export type Finding =
  | { readonly status: 'ok' }
  | { readonly status: 'degraded' | 'failed'; readonly reason: string };

/** One thing that a process looks at. */
export interface Check {
  /** Whether the process can do nothing of use while this fails. */
  readonly needed: boolean;
  /** A rejection is a failure; the log has the error, the reading its code at most. */
  look(): Promise<Finding>;
}

/** By the name of what is checked: `redis`, `postgres`, `events`, … */
export type Checks = Readonly<Record<string, Check>>;

interface Reading {
  readonly status: Finding['status'] | 'timeout';
  /** Since this look began; of one that is still under way, until now. */
  readonly latencyMs: number;
  readonly reason?: string | undefined;
}

export interface Readiness {
  /** Whether it does what it is there for. */
  readonly ready: boolean;
  /** `degraded`: it does, without something that it can spare; `down`: it does not. */
  readonly status: 'ok' | 'degraded' | 'down';
  readonly checks: Readonly<Record<string, Reading>>;
}

const CHECK_TIMEOUT_MS = 2_000;
/** Asked without a login, so asking often must not become load on what is checked. */
const READING_KEPT_MS = 1_000;

/** A reader of all checks at once. Who asks within a second has the same readings. */
export function createReadiness(checks: Checks, logger: Logger): () => Promise<Readiness> {
  const readers = Object.entries(checks).map(
    ([name, check]) => [name, createReader(name, check, logger)] as const,
  );
  return shared(async () => {
    const readings = await Promise.all(readers.map(async ([name, read]) => [name, await read()] as const));
    return sumUp(checks, readings);
  }, READING_KEPT_MS);
}

function sumUp(checks: Checks, readings: readonly (readonly [string, Reading])[]): Readiness {
  const failing = readings.filter(([, { status }]) => status === 'failed' || status === 'timeout');
  const isDown = failing.some(([name]) => checks[name]?.needed);
  const isWell = readings.every(([, { status }]) => status === 'ok');
  return {
    ready: !isDown,
    status: isDown ? 'down' : isWell ? 'ok' : 'degraded',
    checks: Object.fromEntries(readings),
  };
}

/** A look that hangs is not begun a second time: an outage of a day would pile them up. */
function createReader(name: string, check: Check, logger: Logger): () => Promise<Reading> {
  let underWay: Promise<Reading> | undefined;
  let startedAt = 0;
  const elapsedMs = () => Math.round(performance.now() - startedAt);

  async function look(): Promise<Reading> {
    startedAt = performance.now();
    try {
      const { status, ...more } = await check.look();
      return { status, latencyMs: elapsedMs(), ...more };
    } catch (error) {
      logger.warn({ err: error, check: name }, 'readiness check failed');
      const reason = reasonOf(error);
      return { status: 'failed', latencyMs: elapsedMs(), ...(reason !== undefined && { reason }) };
    } finally {
      underWay = undefined;
    }
  }

  return async () => {
    underWay ??= look();
    const reading = await within(CHECK_TIMEOUT_MS, underWay, null);
    return reading ?? { status: 'timeout', latencyMs: elapsedMs() };
  };
}

/** Messages name hosts and users; what we say of a refusal, and codes, do not. */
function reasonOf(error: unknown): string | undefined {
  return (error instanceof Error ? refusalOf(error) : undefined) ?? postgresCodeOf(error);
}
