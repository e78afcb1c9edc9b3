import type { Redis } from 'ioredis';
import { redisScript } from '../../src/base/redis.ts';
import type { CircuitKeys } from '../../src/circuit/keys.ts';
import type { CircuitOptions } from '../../src/circuit/options.ts';
import { machineScript } from '../../src/circuit/scripts.ts';

/** What the gate's script does about workers, without the queue. */
const ATTEND = `
local now = clock()
local circuit = read(now, ARGV[1])
settleProven(circuit, now)
local bench, isSmall, differ, since
if ARGV[2] == 'leave' then
  leave(circuit)
else
  bench, isSmall, differ, since = attend(circuit, now, ARGV[2], ARGV[3], ARGV[4])
end
save(circuit, now)
return {
  bench and cjson.encode(bench) or '', isSmall and 1 or 0, differ == nil and '' or (differ and '1' or '0'),
  since and encode(since) or '',
}`;

/** What the script answers a worker. */
export interface Attended {
  readonly bench: { readonly cause: string; readonly retryAt?: number } | null;
  /** Benched: its own health call is due. */
  readonly isDue: boolean;
  readonly onProbation: boolean;
  /** Null: not looked at this time. */
  readonly optionsDiffer: boolean | null;
  /** Since when it is there. */
  readonly since: string;
}

/** '1': it is there and takes jobs; '0': it takes none; `leave`: its last word. */
type Attendance = '1' | '0' | 'leave';

interface Attendant {
  readonly worker: string;
  readonly name: string;
  readonly options: CircuitOptions;
}

/** As the gate of this worker does once a second; `since` is empty at its first time. */
export function attendAs(
  redis: Redis,
  keys: Pick<CircuitKeys, 'machine' | 'channel'>,
  { worker, name, options }: Attendant,
) {
  const script = redisScript<[string, 0 | 1, '' | '0' | '1', string]>(
    redis,
    machineScript(options, keys.channel) + ATTEND,
  );
  const entry = JSON.stringify({ name, options: JSON.stringify(options) });
  return async (word: Attendance, since: string): Promise<Attended> => {
    const [bench, isSmall, differ, seenSince] = await script(keys.machine, [worker, word, since, entry]);
    return {
      bench: bench === '' ? null : JSON.parse(bench),
      isDue: bench !== '' && isSmall === 1,
      onProbation: bench === '' && isSmall === 1,
      optionsDiffer: differ === '' ? null : differ === '1',
      since: seenSince,
    };
  };
}
