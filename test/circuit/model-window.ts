import type { CircuitOptions } from '../../src/circuit/options.ts';
import type { Counted, Workers } from './model-workers.ts';

interface Sum {
  readonly calls: number;
  readonly failures: number;
}

const SLICES = 10;

/**
 * The windows of the workers, each in ten slices of the options of whoever writes, or reads, it. No slice
 * begins before the last closing, `since`: what lies before it counts no more.
 */
export function windows({ windowMs, minimumCalls, failureRate, failureThreshold }: CircuitOptions) {
  const sliceMs = Math.ceil(windowMs / SLICES);
  const sliceAt = (ms: number) => Math.floor(ms / sliceMs) * sliceMs;

  const inWindow = (outcomes: readonly Counted[], now: number, since: number) =>
    outcomes.filter(({ at }) => at > sliceAt(now) - SLICES * sliceMs && at >= since && at <= now);

  /** One more outcome; what has left the window is forgotten. */
  function counted(outcomes: readonly Counted[], now: number, since: number, failed: boolean) {
    return [...inWindow(outcomes, now, since), { at: Math.max(sliceAt(now), since), failed }];
  }

  function sumOf(outcomes: readonly Counted[], now: number, since: number): Sum {
    const calls = inWindow(outcomes, now, since);
    return { calls: calls.length, failures: calls.filter(({ failed }) => failed).length };
  }

  const share = ({ calls, failures }: Sum) => (calls === 0 ? 0 : failures / calls);

  /** By all that are registered and, where others could bear witness, also without the one that saw the worst. */
  function rateReached(workers: Workers, now: number, since: number, judge: Judge): boolean {
    const known = [...workers].filter(([id, { seen }]) => id === judge.id || seen !== null);
    const all = known.map(([, { outcomes }]) => sumOf(outcomes, now, since));
    const fleet = total(all);
    if (fleet.calls < minimumCalls || share(fleet) < failureRate) return false;
    const [worst] = all.toSorted((a, b) => b.failures - a.failures || a.calls - b.calls);
    const others = total(all.filter((sum) => sum !== worst));
    return judge.alone || (others.failures >= failureThreshold && share(others) >= failureRate);
  }

  return {
    counted,
    rateReached,
    sum: (workers: Workers, now: number, since: number) =>
      total([...workers.values()].map(({ outcomes }) => sumOf(outcomes, now, since))),
  };
}

/** Who counts, and whether another could bear witness. */
interface Judge {
  readonly id: string;
  readonly alone: boolean;
}

const total = (parts: readonly Sum[]): Sum => ({
  calls: parts.reduce((sum, { calls }) => sum + calls, 0),
  failures: parts.reduce((sum, { failures }) => sum + failures, 0),
});
