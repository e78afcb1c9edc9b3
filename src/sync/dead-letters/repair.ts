import { randomUUID } from 'node:crypto';
import type { Queue } from 'bullmq';
import type { Redis } from 'ioredis';
import type { Database } from '../../base/database.ts';
import type { Redactor } from '../../base/redaction.ts';
import { redisScript } from '../../base/redis.ts';
import { IS_IN_DOUBT } from '../../circuit/claims.ts';
import { claimKey, deliveredMarkKey } from '../../circuit/keys.ts';
import { eventStreamKey, type SyncEvent } from '../../events/event.ts';
import { createSpool } from '../../events/spool.ts';
import { locationIdOf, transactionIdsOf } from '../jobs/payload.ts';
import { jobOf } from '../producer/job-adder.ts';
import { replacedEvent, replacesEvent, shownJson } from '../sync-event.ts';
import type { Differences } from './differences.ts';
import { createDoubtReader } from './doubt.ts';
import { type Edited, type Edition, parsed, readEdition } from './edit.ts';
import { stateOf } from './job-state.ts';
import { readScript } from './job-transaction.ts';
import { operatorEvent, type Word } from './operator-event.ts';
import { REPLACED_KEPT_MS, replacedByKey } from './replaced-by.ts';
import { notDead, RepairRefusedError, readToRepair, type ToRepair } from './to-repair.ts';

interface Repair {
  /** Job id of the dead letter. */
  readonly id: string;
  readonly edited: Edited;
  /** Do it although Conexxus may have the dead one: some try of it has no known end. */
  readonly inDoubt?: boolean | undefined;
}

/** One sale in place of another. */
export interface Replacement {
  /** Job id of the dead one. */
  readonly replaced: string;
  /** Of the new one: job id, and the `Idempotency-Key` that it is sent with. */
  readonly jobId: string;
  readonly locationId: string;
  readonly transactionIds: readonly string[];
  /** Old to new, without secrets. */
  readonly differences: Differences;
  /** Conexxus may have the dead one. */
  readonly inDoubt: boolean;
}

/** Both throw InvalidPayloadError with every problem of the edited payload, or RepairRefusedError; then nothing changed. */
export interface Repairs {
  /** What would be done; changes nothing. */
  rehearse(asked: Repair): Promise<Replacement>;
  /**
   * The edited sale into the queue, under a key of its own, and the dead letter closed as replaced by it, in one step:
   * of many who replay, discard or repair it at once, one does. Each has its event; the act is in the audit trail before.
   */
  repair(asked: Repair & { readonly word: Word }): Promise<Replacement>;
}

export interface RepairDeps {
  readonly redis: Redis;
  /** Over the same connection. */
  readonly queue: Queue;
  readonly namespace: string;
  readonly redact: Redactor;
  /** Of the event log, where it can be asked: it remembers longer than Redis whose tries have no known end. */
  readonly log?: Pick<Database, 'read'> | undefined;
}

interface Plan extends Edition {
  readonly dead: ToRepair;
  readonly inDoubt: boolean;
}

/** As repair.lua answers. */
type Verdict =
  | 'done'
  | 'not-dead'
  | 'changed'
  | 'delivered'
  | 'elsewhere'
  | 'in-doubt'
  | 'known'
  | 'known-delivered'
  | 'known-in-flight';

const LUA = IS_IN_DOUBT + readScript('repair');
/** Of the differences, in the event. */
const CHANGES_KEPT = 50;

export function createRepairs(deps: RepairDeps): Repairs {
  const { redis, queue, namespace, redact } = deps;
  const script = redisScript<Verdict>(redis, LUA);
  const audit = createSpool({ redis, namespace });
  const readDoubt = createDoubtReader(deps);

  async function plan({ id, edited, inDoubt: isMeant = false }: Repair): Promise<Plan> {
    const dead = await readToRepair(deps, id);
    const edition = readEdition(dead.json, edited, redact);
    if (edition.job.syncKey === dead.syncKey) {
      throw new RepairRefusedError(`The edit changes nothing of ${id}: replay it instead`);
    }
    const inDoubt = await readDoubt(dead);
    if (inDoubt && !isMeant) throw doubtful(id);
    const planned = { ...edition, dead, inDoubt };
    const known = await knownAs(deps, planned);
    if (known !== undefined) throw await refusalOf(deps, planned, known);
    return planned;
  }

  return {
    rehearse: async (asked) => replacementIn(await plan(asked)),
    async repair({ word, ...asked }) {
      const planned = await plan(asked);
      const { dead, job } = planned;
      const { actor, reason } = word;
      await audit.append(
        operatorEvent(actor, 'repair', dead.id, {
          reason,
          replacedBy: job.syncKey,
          inDoubt: planned.inDoubt,
        }),
      );
      const verdict = await script(
        keysOf(deps, planned),
        argsOf(queue, planned, eventsOf(planned, word, redact)),
      );
      if (verdict !== 'done') throw await refusalOf(deps, planned, verdict);
      return replacementIn(planned);
    },
  };
}

function replacementIn({ dead, job, differences, inDoubt }: Plan): Replacement {
  const { syncKey, locationId, transactionIds } = job;
  return { replaced: dead.id, jobId: syncKey, locationId, transactionIds, differences, inDoubt };
}

/** The same as the script asks, for whoever only looks. */
async function knownAs(
  { redis, queue, namespace }: RepairDeps,
  { dead, job }: Plan,
): Promise<Verdict | undefined> {
  const { syncKey = '', id } = dead;
  const marks = (key: string) => redis.exists(deliveredMarkKey(namespace, key));
  if ((await marks(syncKey)) === 1) return 'delivered';
  if (syncKey !== id && syncKey !== '' && (await redis.exists(queue.toKey(syncKey))) === 1)
    return 'elsewhere';
  if ((await redis.exists(queue.toKey(job.syncKey))) === 1) return 'known';
  return (await marks(job.syncKey)) === 1 ? 'known-delivered' : undefined;
}

/** As repair.lua names them. */
function keysOf({ queue, namespace }: RepairDeps, { dead, job }: Plan): string[] {
  const { id, syncKey } = dead;
  const key = (name: string) => queue.toKey(name);
  return [
    key('failed'),
    key(id),
    syncKey === undefined ? key('no-claim') : claimKey(namespace, syncKey),
    syncKey === undefined ? key('no-mark') : deliveredMarkKey(namespace, syncKey),
    syncKey === undefined || syncKey === id ? key('no-other') : key(syncKey),
    key(job.syncKey),
    claimKey(namespace, job.syncKey),
    deliveredMarkKey(namespace, job.syncKey),
    eventStreamKey(namespace),
    ...['events', 'wait', 'meta', 'active', 'marker', 'id'].map(key),
    replacedByKey(namespace, id),
  ];
}

function argsOf(
  queue: Queue,
  { dead, job, inDoubt }: Plan,
  events: readonly SyncEvent[],
): (string | number)[] {
  const { json } = job;
  const { opts, timestamp } = jobOf(queue, { name: job.name, jobId: job.syncKey, json });
  return [
    dead.id,
    dead.hash,
    job.syncKey,
    json,
    JSON.stringify(opts),
    timestamp,
    ...events.map((event) => JSON.stringify(event)),
    inDoubt ? '1' : '',
    randomUUID(),
    REPLACED_KEPT_MS,
  ];
}

/** Of the old one, and of the new one. */
function eventsOf({ dead, job, differences, inDoubt }: Plan, word: Word, redact: Redactor): SyncEvent[] {
  const { id, syncKey, name, reason: diedOf } = dead;
  const data = parsed(dead.json);
  const before = {
    jobId: id,
    syncKey,
    name,
    json: shownJson(data),
    locationId: locationIdOf(data),
    transactionIds: transactionIdsOf(data),
  };
  const after = {
    jobId: job.syncKey,
    syncKey: job.syncKey,
    name: job.name,
    json: job.json,
    locationId: job.locationId,
    transactionIds: job.transactionIds,
  };
  const changes = differences.list.slice(0, CHANGES_KEPT);
  const replacement = { replacedBy: job.syncKey, diedOf, changes, ...(inDoubt && { inDoubt }) };
  return [replacedEvent(before, word, replacement, redact), replacesEvent(after, word, id, redact)];
}

function doubtful(id: string): RepairRefusedError {
  return new RepairRefusedError(
    `Conexxus may have ${id}: nobody knows how a try of it ended, and the edited sale goes under another key. Ask them; where they have it not, say so with --in-doubt, or inDoubt: true`,
    { isInDoubt: true },
  );
}

async function refusalOf(
  deps: RepairDeps,
  { dead, job }: Plan,
  verdict: Verdict,
): Promise<RepairRefusedError> {
  const { redis, queue } = deps;
  const { id, syncKey = '' } = dead;
  switch (verdict) {
    case 'delivered':
      return new RepairRefusedError(`The payload of ${id} was delivered by another job: discard it`);
    case 'elsewhere':
      return new RepairRefusedError(
        `The payload of ${id} is also in job ${syncKey}: decide about that one first`,
      );
    case 'in-doubt':
      return doubtful(id);
    case 'known': {
      const state = (await stateOf(redis, queue, job.syncKey)) ?? 'gone';
      return new RepairRefusedError(
        `The edited sale is known: it is job ${job.syncKey}, which is ${state}. ${id} may be discarded`,
      );
    }
    case 'known-delivered':
      return new RepairRefusedError(
        `The edited sale was delivered before, as ${job.syncKey}: ${id} may be discarded`,
      );
    case 'known-in-flight':
      return new RepairRefusedError(
        `The edited sale is under way in another job: ${id} may be discarded once it is delivered`,
      );
    case 'changed':
      return new RepairRefusedError(`${id} holds another payload since it was looked at: look again`);
    default:
      return notDead(deps, id);
  }
}
