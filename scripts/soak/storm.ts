import { errorMessage } from '../../src/base/errors.ts';
import { type Dice, last } from './dice.ts';
import type { Fault, Scene } from './faults.ts';

export interface StormOptions {
  readonly faults: readonly Fault[];
  /** Begins no new fault after this; those at work come to their end. */
  readonly lastsMs: number;
  readonly onStrike: (fault: Fault) => void;
  readonly onLifted: (fault: Fault) => void;
  /** It could not be injected, for this reason. */
  readonly onMiss: (fault: Fault, reason: string) => void;
}

const TOGETHER = 0.5;
/** The API has most kinds of faults: so many times as often as any other target. */
const API_WEIGHT = 3;
/** Between faults, long enough for the circuit to close and the backlog to drain. */
const QUIET_MS = [3_000, 7_000] as const;

/** Faults one after the other, or two at once, with quiet times between them. */
export async function storm(scene: Scene, options: StormOptions, ending: AbortSignal): Promise<void> {
  const endsAt = performance.now() + options.lastsMs;
  do {
    await last(scene.dice.between(...QUIET_MS), ending);
    if (ending.aborted) return;
    await Promise.all(
      choose(options.faults, scene.dice).map((fault) => strike(fault, scene, options, ending)),
    );
  } while (performance.now() < endsAt);
}

/** A target first, so that those with few kinds of faults are hit often enough. */
function choose(faults: readonly Fault[], dice: Dice): readonly Fault[] {
  const oneOf = (candidates: readonly Fault[]) => {
    const targets = [...new Set(candidates.map(({ target }) => target))];
    const weighted = targets.flatMap((target) =>
      target === 'api' ? Array.from({ length: API_WEIGHT }, () => target) : [target],
    );
    const target = dice.pick(weighted);
    return dice.pick(candidates.filter((fault) => fault.target === target));
  };
  const first = oneOf(faults);
  if (first.alone || !dice.chance(TOGETHER)) return [first];
  return [first, oneOf(faults.filter(({ target, alone }) => !alone && target !== first.target))];
}

async function strike(fault: Fault, scene: Scene, options: StormOptions, ending: AbortSignal): Promise<void> {
  options.onStrike(fault);
  try {
    await fault.strike(scene, ending);
  } catch (error) {
    options.onMiss(fault, errorMessage(error));
  } finally {
    options.onLifted(fault);
  }
}
