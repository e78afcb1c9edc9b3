import type { LoggedEvent } from '../../events/logged-event.ts';

/** From an opening of a closed circuit to its closing. Times are ms. */
export interface Outage {
  readonly from: number;
  /** Null: it is not over. */
  readonly until: number | null;
  /** As the circuit's scripts write it: why it opened first. */
  readonly cause: string;
  readonly openings: number;
}

/** Those that these moves tell of, newest first. One whose beginning is not among them is left out. */
export function outagesIn(moves: readonly LoggedEvent[]): Outage[] {
  const found: Outage[] = [];
  let current: Outage | undefined;
  for (const { type, at, payload } of moves.toSorted((a, b) => a.at.getTime() - b.at.getTime())) {
    const cause = typeof payload['cause'] === 'string' ? payload['cause'] : '';
    if (type === 'conexxus.circuit.opened') {
      current =
        current === undefined
          ? { from: at.getTime(), until: null, cause, openings: 1 }
          : { ...current, openings: current.openings + 1 };
    } else if (type === 'conexxus.circuit.closed' && current !== undefined) {
      found.push({ ...current, until: at.getTime() });
      current = undefined;
    }
  }
  return [...found, ...(current === undefined ? [] : [current])].toReversed();
}
