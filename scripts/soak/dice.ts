import { setTimeout as delay } from 'node:timers/promises';
import { seededRandom } from '../../test/support/simulator/random.ts';

/** All that is random in a soak comes from here, so that a seed names the sequence of its faults. */
export interface Dice {
  chance(probability: number): boolean;
  /** A whole number, both ends included. */
  between(min: number, max: number): number;
  /** @throws Error on an empty list. */
  pick<T>(list: readonly T[]): T;
}

export function createDice(seed: number): Dice {
  const random = seededRandom(seed);
  return {
    chance: (probability) => random() < probability,
    between: (min, max) => min + Math.floor(random() * (max - min + 1)),
    pick: (list) => {
      const picked = list[Math.floor(random() * list.length)];
      if (picked === undefined) throw new Error('nothing to pick from');
      return picked;
    },
  };
}

/** Resolves after the time, or as soon as the soak is told to end. */
export async function last(ms: number, ending: AbortSignal): Promise<void> {
  await delay(ms, undefined, { signal: ending }).catch(() => undefined);
}
