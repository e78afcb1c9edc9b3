import { type BackendFactory, createRedisBackend, type RedisQueueBackend } from 'bullmq';
import { moveToFinished } from 'bullmq/dist/cjs/scripts/moveToFinished-14.js';
import type { Redis } from 'ioredis';
import { batchedScript } from '../base/redis.ts';

/** What BullMQ gives its script after the keys. */
const ARGS = 9;

/**
 * BullMQ's backend, save that jobs which end in one turn of the event loop are ended by one command: its own script for
 * each of them, one after the other, each by itself.
 */
export function finishingTogether(redis: Redis): BackendFactory<RedisQueueBackend> {
  const { name, content, keys } = moveToFinished;
  const finish = batchedScript<unknown>(redis, {
    prelude: '',
    step: content,
    sharedKeys: [],
    ownKeys: keys,
    args: ARGS,
  });
  return (queue, opts, options) => {
    const backend = createRedisBackend(queue, opts, options);
    const execute = backend.execCommand.bind(backend);
    backend.execCommand = (client, command, given) =>
      command === name ? finish(given.slice(0, keys), given.slice(keys)) : execute(client, command, given);
    return backend;
  };
}
