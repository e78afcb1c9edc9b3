import { type BackendFactory, createRedisBackend, type RedisQueueBackend } from 'bullmq';
import { moveToFinished } from 'bullmq/dist/cjs/scripts/moveToFinished-14.js';
import type { Redis } from 'ioredis';
import { batchedScript } from '../base/redis.ts';

/** Of the keys that BullMQ gives its script, those which all jobs of a queue have in common; by their names in BullMQ. */
const SHARED_KEYS = [
  'wait',
  'active',
  'prioritized',
  'events',
  'stalled',
  'limiter',
  'delayed',
  'paused',
  'meta',
  'pc',
  'marker',
];
/** After the first ten: completed or failed, the job, its metrics; then the marker. */
const OWN_FROM = 10;
const OWN_KEYS = 3;
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
    const finish = batchedScript<unknown>(redis, scriptFor(backend));
    const execute = backend.execCommand.bind(backend);
    backend.execCommand = (client, command, given) =>
      command === name
        ? finish(given.slice(OWN_FROM, OWN_FROM + OWN_KEYS), given.slice(keys))
        : execute(client, command, given);
    return backend;
  };
}

function scriptFor({ keys }: RedisQueueBackend) {
  const { content } = moveToFinished;
  const begins = content.indexOf(BEGINS);
  return {
    prelude: content.slice(0, begins),
    // The marker is among the keys that all share, but BullMQ has it last.
    step: `KEYS[11], KEYS[12], KEYS[13], KEYS[14] = KEYS[12], KEYS[13], KEYS[14], KEYS[11]\n${content.slice(begins)}`,
    sharedKeys: SHARED_KEYS.map((key) => keys[key] ?? ''),
    ownKeys: OWN_KEYS,
    args: ARGS,
  };
}
