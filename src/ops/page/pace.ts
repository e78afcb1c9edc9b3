/** How fast the queue gets on, per second. */
export interface Pace {
  readonly delivered: number;
  readonly failed: number;
  /** By how much less waits; below 0: it grows. */
  readonly drained: number;
}

export interface Mark {
  /** Redis's clock. */
  readonly now: number;
  /** Since the circuit was first started. */
  readonly successes: number;
  readonly failures: number;
  /** All that is to be sent. */
  readonly waiting: number;
}

/** Over so long; of less than the first of these nothing is said. */
const [SHORTEST_MS, LONGEST_MS] = [4_000, 30_000];

/** Measures while somebody looks. Null: it was not looked at long enough. */
export function createPacemaker(): (mark: Mark) => Pace | null {
  let marks: readonly Mark[] = [];
  return (mark) => {
    const last = marks.at(-1);
    // A circuit that was made anew counts from the beginning.
    const goesOn = last !== undefined && mark.successes >= last.successes && mark.now > last.now;
    const kept = goesOn ? marks.filter(({ now }) => mark.now - now <= LONGEST_MS) : [];
    if (mark.now !== last?.now) marks = [...kept, mark];
    const [first] = marks;
    if (first === undefined || mark.now - first.now < SHORTEST_MS) return null;
    const seconds = (mark.now - first.now) / 1_000;
    return {
      delivered: (mark.successes - first.successes) / seconds,
      failed: (mark.failures - first.failures) / seconds,
      drained: (first.waiting - mark.waiting) / seconds,
    };
  };
}

/** Milliseconds until nothing waits; null: it does not get less. */
export function untilEmptyMs(pace: Pace | null, waiting: number): number | null {
  if (pace === null || pace.drained <= 0) return null;
  return (waiting / pace.drained) * 1_000;
}
