import { readFileSync } from 'node:fs';
import type { IRedisTransaction, Queue } from 'bullmq';
import type { ChainableCommander } from 'ioredis';
import { ConexxusSyncError } from '../../base/errors.ts';
import { APPEND_EVENT } from '../../events/scripts.ts';
import { repliesOf } from '../producer/known-jobs.ts';

/** A script of ours. It answers 0 where it does nothing; BullMQ's, finding the same state, then does nothing too. */
interface OurHalf {
  readonly lua: string;
  readonly keys: readonly string[];
  readonly args: readonly string[];
}

interface BullMQsHalf {
  add(transaction: IRedisTransaction): Promise<unknown>;
  /** What it answers when it has done its work. */
  readonly done: unknown;
}

/** BullMQ did not do its half: this is not the version that ours was written for. */
class BullMQDisagreesError extends ConexxusSyncError {
  readonly code = 'BULLMQ_DISAGREES';
}

/** The script beside this file, with `appendEvent` before it. */
export function readScript(name: string): string {
  return APPEND_EVENT + readFileSync(new URL(`./${name}.lua`, import.meta.url), 'utf8');
}

/**
 * Our half, then BullMQ's, in one transaction; whether it was done. Ours goes as text: sent as a hash, it
 * could be unknown to Redis while BullMQ's is known, and then only BullMQ's half would be done.
 */
export async function transactWithBullMQ(queue: Queue, ours: OurHalf, theirs: BullMQsHalf): Promise<boolean> {
  const client = await queue.getBackend().client;
  const transaction = client.multi();
  if (!takesText(transaction)) throw new BullMQDisagreesError('BullMQ has no transactions of ioredis');
  transaction.eval(ours.lua, ours.keys.length, ...ours.keys, ...ours.args);
  await theirs.add(transaction);
  const [reply, bullReply] = await repliesOf(transaction);
  if (reply === 0) return false;
  if (bullReply !== theirs.done) throw new BullMQDisagreesError(`BullMQ answered ${String(bullReply)}`);
  return true;
}

/** BullMQ's type names only what all its drivers can do. */
function takesText(
  transaction: IRedisTransaction,
): transaction is IRedisTransaction & Pick<ChainableCommander, 'eval'> {
  return 'eval' in transaction;
}
