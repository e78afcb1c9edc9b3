import type { Redis } from 'ioredis';
import { jobKey } from '../queue.ts';

/**
 * Said of a job whose payload is a batch of the relay's: `1`, kept as a field of BullMQ's job hash, so that it goes
 * with the job. Where it dies, with several transactions, the relay takes it out and sends its halves.
 */
export const SPLITS = 'splits';

export async function readToBeSplit(redis: Redis, namespace: string, jobId: string): Promise<boolean> {
  return (await redis.hget(jobKey(namespace, jobId), SPLITS)) === '1';
}

/**
 * Lua: whether a job that says so is a batch still to be split. Above so many bytes it is, without a look: an object of
 * ten megabytes would stop Redis for as long as it is decoded.
 */
export const IS_BATCH_LUA = `
local function isBatch(key)
  if redis.call('HSTRLEN', key, 'data') > ${64 * 1024} then
    return true
  end
  local isJson, data = pcall(cjson.decode, redis.call('HGET', key, 'data') or '')
  return isJson and type(data) == 'table' and type(data.transactions) == 'table' and #data.transactions > 1
end`;
