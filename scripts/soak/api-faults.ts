import type { Fault as ApiFault, Mode } from '../../test/support/simulator/protocol.ts';
import { type Dice, last } from './dice.ts';
import type { Fault, Scene } from './faults.ts';

const SALES_PATH = '/api/v1/sales/push';

/** All of the API is in this mode for a while. */
function whole(name: string, mode: (dice: Dice) => Mode, seconds: readonly [number, number] = [2, 6]): Fault {
  return {
    name: `API: ${name}`,
    target: 'api',
    strike: async ({ site: { simulator }, dice }, ending) => {
      const lastsMs = 1_000 * dice.between(...seconds);
      await simulator.setMode(mode(dice));
      await last(lastsMs, ending);
      await simulator.setMode('ok');
    },
  };
}

/** Some sales meet it, the others and the health call do not. */
function some(name: string, fault: ApiFault, times: readonly [number, number]): Fault {
  return {
    name: `API: ${name}`,
    target: 'api',
    strike: async ({ site: { simulator }, dice }: Scene, ending) => {
      const match = { path: SALES_PATH, everyNth: dice.between(2, 4), times: dice.between(...times) };
      await simulator.setFaults([{ match, fault }]);
      await last(1_000 * dice.between(3, 6), ending);
      await simulator.setFaults([]);
    },
  };
}

function retryAfter(dice: Dice): string {
  const seconds = dice.between(1, 3);
  return dice.chance(0.3) ? new Date(Date.now() + 1_000 * seconds).toUTCString() : String(seconds);
}

export const API_FAULTS: readonly Fault[] = [
  whole('down', () => 'down'),
  whole('503 storm', () => 503),
  whole('503 with Retry-After', (dice) => ({
    kind: 'status',
    status: 503,
    headers: { 'retry-after': retryAfter(dice) },
  })),
  whole(
    '429 with Retry-After',
    (dice) => ({ kind: 'status', status: 429, headers: { 'retry-after': retryAfter(dice) } }),
    [1, 3],
  ),
  whole('401', () => 401, [1, 3]),
  whole('hangs', () => ({ kind: 'hang' })),
  whole('hangs after applying', () => ({ kind: 'hang', apply: true })),
  whole('reset before', () => ({ kind: 'resetBefore' })),
  whole('reset after applying', () => ({ kind: 'resetAfterApply' })),
  whole('flapping', () => ({ kind: 'flap' })),
  whole('slow', () => ({ kind: 'slow', latency: { kind: 'uniform', min: 100, max: 1_200 } })),
  whole('HTML instead', () => ({ kind: 'html' })),
  whole('truncated answers', () => ({ kind: 'truncated' })),
  some('a few 422', { kind: 'status', status: 422 }, [1, 6]),
  some('some answers lost', { kind: 'resetAfterApply' }, [5, 30]),
  some('some answers of another shape', { kind: 'wrongShape' }, [5, 30]),
];
