import type { Checked, Move } from './check.ts';
import type { Accepted } from './load.ts';

/** Sums over all checks. */
export interface Totals {
  readonly faults: Map<string, number>;
  /** Faults that could not be injected, with the last reason. */
  readonly missed: Map<string, string>;
  readonly openings: Map<string, number>;
  /** From each opening of a closed circuit to its closing. */
  readonly outagesMs: number[];
  readonly restAfterMs: number[];
  readonly problems: string[];
  checks: number;
  jobs: number;
  transactions: number;
  delivered: number;
  deadLettered: number;
  calls: number;
  repeatedCalls: number;
  appliedTwice: number;
  succeededRows: number;
  failedRows: number;
  staleRows: number;
  deadLetterRows: number;
  refusals: number;
  closings: number;
  openSince: number | undefined;
}

export function createTotals(): Totals {
  return {
    faults: new Map(),
    missed: new Map(),
    openings: new Map(),
    outagesMs: [],
    restAfterMs: [],
    problems: [],
    checks: 0,
    jobs: 0,
    transactions: 0,
    delivered: 0,
    deadLettered: 0,
    calls: 0,
    repeatedCalls: 0,
    appliedTwice: 0,
    succeededRows: 0,
    failedRows: 0,
    staleRows: 0,
    deadLetterRows: 0,
    refusals: 0,
    closings: 0,
    openSince: undefined,
  };
}

export function count(counts: Map<string, number>, name: string): void {
  counts.set(name, (counts.get(name) ?? 0) + 1);
}

export function addCheck(totals: Totals, accepted: Accepted, checked: Checked): void {
  const { sums } = checked;
  totals.checks += 1;
  totals.jobs += sums.accepted;
  for (const transactions of accepted.jobs.values()) totals.transactions += transactions;
  totals.refusals += accepted.refusals;
  totals.calls += checked.calls;
  totals.repeatedCalls += checked.repeatedCalls;
  totals.staleRows += checked.staleRows;
  const summed = [
    'delivered',
    'deadLettered',
    'appliedTwice',
    'succeededRows',
    'failedRows',
    'deadLetterRows',
  ] as const;
  for (const name of summed) totals[name] += sums[name];
  totals.restAfterMs.push(checked.restAfterMs);
  totals.problems.push(...checked.problems.map((problem) => `check ${totals.checks}: ${problem}`));
  for (const move of checked.moves) addMove(totals, move);
}

function addMove(totals: Totals, { to, cause, at }: Move): void {
  if (to === 'opened') {
    count(totals.openings, cause);
    totals.openSince ??= at;
  } else if (to === 'closed') {
    totals.closings += 1;
    // A reset closes what may be closed already.
    if (totals.openSince !== undefined) totals.outagesMs.push(at - totals.openSince);
    totals.openSince = undefined;
  }
}
