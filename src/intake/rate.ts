export interface Rate {
  /** Counts a request; where it is one too many, counts nothing and gives the ms until one is allowed again. */
  waitMs(name: string): number;
}

interface RateOptions {
  /** So many at once after a second of silence, and so many a second for as long as wanted. */
  readonly perSecond: number;
  /** Milliseconds of any clock that never goes back. */
  readonly now: () => number;
}

const SECOND_MS = 1_000;

/** By name, each for itself. Names are those of tokens, and so few. */
export function createRate({ perSecond, now }: RateOptions): Rate {
  const stepMs = SECOND_MS / perSecond;
  // When all that was counted will be forgotten again.
  const freeAt = new Map<string, number>();
  return {
    waitMs(name) {
      const at = now();
      const next = Math.max(at, freeAt.get(name) ?? 0) + stepMs;
      const tooManyMs = next - at - SECOND_MS;
      // A billionth of a step too many is none.
      if (tooManyMs > stepMs / 1e6) return tooManyMs;
      freeAt.set(name, next);
      return 0;
    },
  };
}
