/** After so long without it, a line that comes again is news. */
const QUIET_MS = 5_000;
/** What is different each time is not kept for ever. */
const KNOWN_MAX = 200;

interface Known {
  saidAt: number;
  seenAt: number;
  withheld: number;
}

/**
 * Which of many equal lines are said: the first, and one each `everyMs` for as long as they keep coming. Gives how many
 * were withheld since the last that was said, or null: this one is withheld too.
 */
export function createSeldom(
  everyMs: number,
  now: () => number = () => performance.now(),
): (line: string) => number | null {
  const known = new Map<string, Known>();

  return (line) => {
    const at = now();
    const before = known.get(line);
    if (before !== undefined && at - before.seenAt < QUIET_MS && at - before.saidAt < everyMs) {
      before.seenAt = at;
      before.withheld += 1;
      return null;
    }
    if (known.size >= KNOWN_MAX) known.clear();
    known.set(line, { saidAt: at, seenAt: at, withheld: 0 });
    return before?.withheld ?? 0;
  };
}
