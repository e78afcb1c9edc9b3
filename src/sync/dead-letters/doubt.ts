import type { Redis } from 'ioredis';
import type { Database } from '../../base/database.ts';
import { claimKey } from '../../circuit/keys.ts';
import { readFleetOptions } from '../../circuit/register.ts';
import { eventStreamKey } from '../../events/event.ts';
import { readFates } from '../../events/fates.ts';
import { parseOptions } from '../report/fleet-options.ts';
import type { ToRepair } from './to-repair.ts';

interface DoubtDeps {
  readonly redis: Redis;
  readonly namespace: string;
  /** Of the event log, where it can be asked. */
  readonly log?: Pick<Database, 'read'> | undefined;
}

/** The least that a fleet can be told to remember. */
const MEMORY_MIN_MS = 86_400_000;

/** Whether Conexxus may have the sale, though it is dead: of some try of it nobody knows the end. */
export function createDoubtReader({ redis, namespace, log }: DoubtDeps) {
  return async ({ id, syncKey, diedAt }: ToRepair): Promise<boolean> => {
    // What cannot be sent never was.
    if (syncKey === undefined) return false;
    const claim = await redis.get(claimKey(namespace, syncKey));
    // As claims.ts reads it.
    if (claim !== null && !/^recorded\|[^|]*$/.test(claim)) return true;
    return (await inLog(id, log)) ?? Date.now() - diedAt > (await memoryMs(redis, namespace));
  };
}

/** Undefined: it cannot be asked. */
async function inLog(id: string, log: DoubtDeps['log']): Promise<boolean | undefined> {
  if (log === undefined) return undefined;
  try {
    const fates = await readFates(log, [id]);
    return fates.get(id)?.failures.inDoubt ?? false;
  } catch {
    return undefined;
  }
}

/** So long Redis knows of such a try. */
async function memoryMs(redis: Redis, namespace: string): Promise<number> {
  const options = parseOptions(await readFleetOptions(redis, namespace, eventStreamKey(namespace)));
  return options?.circuit.deliveredRetentionMs ?? MEMORY_MIN_MS;
}
