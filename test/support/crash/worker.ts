/**
 * The worker, which dies at the point named by CRASH_AT (see crash-points.ts). The product holds no
 * hook for it: its scripts' calls to Redis are watched, and told apart by their keys.
 */
import { Redis } from 'ioredis';
import type { CrashPoint } from '../crash-points.ts';

type Run = (...args: unknown[]) => Promise<unknown>;

const point = process.env['CRASH_AT'];
/** Of each call: permission, job, worker; `record` has more. */
const ARGUMENTS_OF_ACQUIRE = 3;
/** Of all calls of a command together: the machine's. Then two of each call: claim and mark. */
const KEYS_OF_ALL = 4;
const KEYS_OF_A_CALL = 2;
const recording = new Set<Promise<unknown>>();

for (const name of ['eval', 'evalsha']) {
  const original: Run = Reflect.get(Redis.prototype, name);
  const watched: Run = function (this: Redis, ...args) {
    return watch(args, () => Reflect.apply(original, this, args));
  };
  Reflect.set(Redis.prototype, name, watched);
}
await import('../../../src/worker.ts');

async function watch([, keyCount, ...rest]: unknown[], run: () => Promise<unknown>): Promise<unknown> {
  const keys = rest.slice(0, Number(keyCount)).map(String);
  // The gate also hears of the opening on its own connection, perhaps before `record` is answered here.
  if (isAt('before-pause') && isGate(keys)) await Promise.allSettled(recording);
  if (!isOfJob(keys)) return run();
  const calls = (keys.length - KEYS_OF_ALL) / KEYS_OF_A_CALL;
  const recorded = (rest.length - keys.length) / calls > ARGUMENTS_OF_ACQUIRE;
  if (recorded && isAt('before-record')) return die();
  const running = run();
  if (recorded) recording.add(running);
  try {
    const replies = await running;
    if (Array.isArray(replies) && replies.some(recorded ? diesOfRecord : diesOfAcquire)) await die();
    return replies;
  } finally {
    recording.delete(running);
  }
}

/** `acquire` and `record`: after the keys of all comes a claim. */
function isOfJob(keys: readonly string[]): boolean {
  return keys[KEYS_OF_ALL]?.includes(':circuit:claim:') === true;
}

function isGate(keys: readonly string[]): boolean {
  return keys[4]?.endsWith(':meta') === true;
}

function diesOfAcquire(reply: unknown): boolean {
  return isAt('before-call') && Array.isArray(reply) && reply[0] === 'permitted';
}

function diesOfRecord(reply: unknown): boolean {
  if (isAt('after-record')) return true;
  return isAt('before-pause') && Array.isArray(reply) && reply[1] === 'open' && reply[2] === 1;
}

function isAt(which: CrashPoint): boolean {
  return point === which;
}

/** Never resolves: nothing runs between the deciding and the dying. */
function die(): Promise<never> {
  process.kill(process.pid, 'SIGKILL');
  return new Promise(() => {});
}
