import type { Redis } from 'ioredis';

const PROBE_MS = 1_000;

/**
 * The only proof that it takes sales: a write. After a failed snapshot, as a replica, at `maxmemory` Redis
 * answers all that is read. Rejects with its refusal, which `refusalOf` explains.
 */
export async function takesWrites(redis: Redis, namespace: string): Promise<true> {
  await redis.set(`{${namespace}}:probe`, '', 'PX', PROBE_MS);
  return true;
}

/** Why Redis takes no write now, with the fix; undefined where it is another error. */
export function refusalOf({ message }: Error): string | undefined {
  return REFUSALS.find(([code]) => code.test(message))?.[1];
}

const REFUSALS: readonly (readonly [code: RegExp, words: string])[] = [
  [
    /\bMISCONF\b/,
    'Redis refuses writes, since it could not save its data to disk (MISCONF): free its disk or make its ' +
      'folder writable; its log says more',
  ],
  [/\bREADONLY\b/, 'this Redis is a replica and refuses writes (READONLY): name the primary in REDIS_URL'],
  [/\bOOM\b/, 'Redis is at its maxmemory (OOM): raise it, or find out what fills it (doctor)'],
  [
    /\bNOREPLICAS\b/,
    'Redis refuses writes, since too few replicas are with it (NOREPLICAS): start them, or lower ' +
      'min-replicas-to-write',
  ],
  [/\bNOPERM\b/, 'the user in REDIS_URL may not write (NOPERM): give it the rights'],
];
