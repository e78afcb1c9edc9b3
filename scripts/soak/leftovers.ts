import { setTimeout as delay } from 'node:timers/promises';
import { CALL_TIMEOUT_MS, type Site } from './site.ts';

/** What is there for good: the queue's and the circuit's own keys, and what remembers deliveries. */
const LASTING = [
  /:circuit$/,
  /:circuit:trials$/,
  /:circuit:workers$/,
  /:circuit:delivered:/,
  /:events$/,
  /:sync:[a-z-]+$/,
];
const CLAIM = /:circuit:claim:/;
/** What is known of a payload's try without an end is remembered as long as a delivery (src/circuit/lua/acquire.lua). */
const RECORDED_IN_DOUBT = /^recorded\|[^|]*\|\d+$/;
/** After this the claim of the last call has run out. */
const LEASES_END_MS = CALL_TIMEOUT_MS + 6_000;
const LISTED = 5;

type Keys = Pick<Site, 'redis' | 'namespace'>;

/** Names of keys that an idle installation should not have. */
export async function findLeftovers(site: Keys): Promise<string[]> {
  await delay(LEASES_END_MS);
  return leftIn(site);
}

/** The same, of one whose last claim has run out. */
export async function leftIn({ redis, namespace }: Keys): Promise<string[]> {
  const left: string[] = [];
  for await (const keys of redis.scanStream({ match: `{${namespace}}:*`, count: 1_000 })) {
    if (!Array.isArray(keys)) continue;
    for (const key of keys.map(String)) {
      if (LASTING.some((pattern) => pattern.test(key))) continue;
      if (CLAIM.test(key) && RECORDED_IN_DOUBT.test((await redis.get(key)) ?? '')) continue;
      left.push(key);
    }
  }
  return left.slice(0, LISTED);
}
