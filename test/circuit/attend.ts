import type { Redis } from 'ioredis';
import { redisScript } from '../../src/base/redis.ts';
import type { CircuitKeys } from '../../src/circuit/keys.ts';
import { machineScript } from '../../src/circuit/scripts.ts';
import type { Seat, Standing } from './model.ts';
import type { Attendance } from './model-rules.ts';

/** What the gate's script does about workers, without the queue. */
const ATTEND = `
local now = clock()
local circuit = read(now, ARGV[1])
settleProven(circuit, now)
local bench, more = attend(circuit, now, ARGV[2], ARGV[3], ARGV[4])
save(circuit, now)
return { bench and 'benched' or (more and 'probation' or 'full'), bench and more and 1 or 0 }`;

/** As the gate of this worker does once a second. */
export function attendAs(redis: Redis, keys: CircuitKeys, { worker, options }: Seat) {
  const script = redisScript<[Standing['standing'], 0 | 1]>(
    redis,
    machineScript(options, keys.channel) + ATTEND,
  );
  const entry = JSON.stringify({ name: worker, options: JSON.stringify(options) });
  return async ({ takes, first }: Attendance): Promise<Standing> => {
    const since = first ? '' : '1';
    const [standing, due] = await script(keys.machine, [worker, takes ? '1' : '0', since, entry]);
    return { standing, due: due === 1 };
  };
}
