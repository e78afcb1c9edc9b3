import { type BackendFactory, createRedisBackend, type RedisQueueBackend } from 'bullmq';
import { moveToFinished } from 'bullmq/dist/cjs/scripts/moveToFinished-14.js';
import type { Redis } from 'ioredis';
import { batchedScript, type RedisScript } from '../base/redis.ts';

/** Of the keys that BullMQ gives its script, the job's own: its set of finished ones, its hash, its metrics. */
const OWN_FROM = 10;
const OWN_TO = 13;
/** What BullMQ gives its script after the keys. */
const ARGS = 9;
/** Here its script begins to do something; all that stands before is functions, which need to be made only once. */
const BEGINS = 'local jobIdKey = KEYS[12]';

/**
 * BullMQ's backend, save that jobs which end in one turn of the event loop are ended by one command: its own script for
 * each of them, one after the other, each by itself.
 */
export function finishingTogether(redis: Redis): BackendFactory<RedisQueueBackend> {
  const { name, keys } = moveToFinished;
  return (queue, opts, options) => {
    const backend = createRedisBackend(queue, opts, options);
    const execute = backend.execCommand.bind(backend);
    let finish: RedisScript<unknown> | undefined;
    backend.execCommand = (client, command, given) => {
      if (command !== name) return execute(client, command, given);
      // A backend has one queue: the first job's keys say which ones all its jobs have in common.
      finish ??= finishWith(redis, [...given.slice(0, OWN_FROM), ...given.slice(OWN_TO, keys)]);
      return finish(given.slice(OWN_FROM, OWN_TO), given.slice(keys));
    };
    return backend;
  };
}

function finishWith(redis: Redis, sharedKeys: readonly string[]): RedisScript<unknown> {
  const { content } = moveToFinished;
  const begins = content.indexOf(BEGINS);
  return batchedScript(redis, {
    prelude: content.slice(0, begins),
    // What all have in common comes first here; BullMQ has the last of it, its marker, after the job's own.
    step: `KEYS[11], KEYS[12], KEYS[13], KEYS[14] = KEYS[12], KEYS[13], KEYS[14], KEYS[11]\n${content.slice(begins)}`,
    sharedKeys,
    ownKeys: OWN_TO - OWN_FROM,
    args: ARGS,
  });
}
