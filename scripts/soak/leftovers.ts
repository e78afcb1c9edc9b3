import { setTimeout as delay } from 'node:timers/promises';
import { CALL_TIMEOUT_MS, type Site } from './site.ts';

/** What is there for good: the queue's and the circuit's own keys, and what remembers deliveries. */
const LASTING = [/:circuit$/, /:circuit:trials$/, /:circuit:delivered:/, /:events$/, /:sync:[a-z-]+$/];
/** After this the claim of the last call has run out. */
const LEASES_END_MS = CALL_TIMEOUT_MS + 6_000;
const LISTED = 5;

/** Names of keys that an idle installation should not have. */
export async function findLeftovers({ redis, namespace }: Site): Promise<string[]> {
  await delay(LEASES_END_MS);
  const left: string[] = [];
  for await (const keys of redis.scanStream({ match: `{${namespace}}:*`, count: 1_000 })) {
    if (!Array.isArray(keys)) continue;
    left.push(...keys.map(String).filter((key) => !LASTING.some((pattern) => pattern.test(key))));
  }
  return left.slice(0, LISTED);
}
