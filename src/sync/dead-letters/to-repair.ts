import { createHash } from 'node:crypto';
import type { Queue } from 'bullmq';
import type { Redis } from 'ioredis';
import { ConexxusSyncError } from '../../base/errors.ts';
import { parseJob } from '../jobs/jobs.ts';
import { transactionIdsOf } from '../jobs/payload.ts';
import { repliesOf } from '../producer/known-jobs.ts';
import { parsed } from './edit.ts';
import { stateOf } from './job-state.ts';
import { readReplacedBy } from './replaced-by.ts';
import { SPLITS } from './splits.ts';

/** Nothing was repaired and nothing changed; the message says why, and what to do. */
export class RepairRefusedError extends ConexxusSyncError {
  readonly code = 'REPAIR_REFUSED';
  /** Conexxus may have the sale: a person may say that it has not. */
  readonly isInDoubt: boolean;

  constructor(message: string, { isInDoubt = false } = {}) {
    super(message);
    this.isInDoubt = isInDoubt;
  }
}

/** A dead letter that may be edited. */
export interface ToRepair {
  readonly id: string;
  /** Job name: any text that another client chose. */
  readonly name: string;
  /** Its data as BullMQ has it, and the SHA-1 of these bytes. */
  readonly json: string;
  readonly hash: string;
  /** `code: message` */
  readonly reason: string;
  readonly diedAt: number;
  /** Of what workers would send; undefined: it cannot be sent. */
  readonly syncKey: string | undefined;
}

interface Shelf {
  readonly redis: Redis;
  /** Over the same connection. */
  readonly queue: Queue;
  readonly namespace: string;
}

/** @throws RepairRefusedError */
export async function readToRepair(shelf: Shelf, id: string): Promise<ToRepair> {
  const { redis, queue } = shelf;
  const key = queue.toKey(id);
  const pipeline = redis.pipeline().zscore(queue.toKey('failed'), id);
  const [score, data, fields] = await repliesOf(
    pipeline.hgetBuffer(key, 'data').hmget(key, 'name', 'failedReason', 'finishedOn', SPLITS),
  );
  const [name, reason, diedAt, splits] = Array.isArray(fields) ? fields.map((field) => field ?? '') : [];
  if (score === null || !Buffer.isBuffer(data) || typeof name !== 'string' || name === '') {
    throw await notDead(shelf, id);
  }
  const json = data.toString();
  if (name === 'fetch_inventory') {
    throw new RepairRefusedError(`${name} delivers nothing: enqueue it anew, and discard ${id}`);
  }
  if (splits === '1' && transactionIdsOf(parsed(json)).length > 1) {
    throw new RepairRefusedError(
      `${id} is a batch that a relay is about to send in halves: wait until its bad sales are dead letters of their own, and repair those`,
    );
  }
  const read = parseJob(name, parsed(json));
  return {
    id,
    name,
    json,
    hash: createHash('sha1').update(data).digest('hex'),
    reason: String(reason),
    diedAt: Number(diedAt),
    syncKey: read.ok ? read.job.syncKey : undefined,
  };
}

/** Why a job is not there to be repaired. */
export async function notDead({ redis, queue, namespace }: Shelf, id: string): Promise<RepairRefusedError> {
  const state = await stateOf(redis, queue, id);
  if (state !== undefined) return new RepairRefusedError(`${id} is no dead letter: it is ${state}`);
  const by = (await readReplacedBy(redis, namespace, [id])).get(id);
  return new RepairRefusedError(
    by === undefined
      ? `There is no dead letter ${id}: somebody discarded it, or the id is wrong`
      : `There is no dead letter ${id} any more: somebody edited it into ${by}`,
  );
}
