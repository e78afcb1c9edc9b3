import type { CircuitOptions } from '../../src/circuit/options.ts';
import type { CircuitStatus } from '../../src/circuit/types.ts';
import type { Machine } from './model-rules.ts';
import { isCoolingDown } from './model-rules.ts';
import { windows } from './model-window.ts';
import { ANONYMOUS, isAlone, type Worker } from './model-workers.ts';

/** What a reader of the model sees: the circuit's status, but what is only told. */
export type Picture = Omit<CircuitStatus, 'lastFailure' | 'lastSuccess' | 'totals' | 'openings'>;

export function pictureOf(
  machine: Machine,
  now: number,
  options: CircuitOptions,
  trialsInFlight: number,
): Picture {
  const { state, epoch, since, cause, hold, bypass, evidence, workers, rejections, outage } = machine;
  const { streak } = evidence;
  const streakCounts = state.is === 'closed' && streak && now - streak.at <= options.streakGapMs;
  return {
    state: state.is,
    phase: state.is === 'half-open' ? state.phase : null,
    epoch,
    since,
    cause,
    retryAt: state.is === 'open' && !hold && !bypass ? state.retryAt : null,
    cooldownUntil: isCoolingDown(machine, now) ? machine.cooldownUntil : null,
    failures: streakCounts ? streak.count : 0,
    successes: state.is === 'half-open' && state.phase === 'trials' ? state.successes : 0,
    hold: hold ?? null,
    bypass: bypass ?? null,
    suspect: evidence.suspect,
    benched: [...workers].flatMap(([id, { bench }]) => (bench ? [benchedAs(id, bench)] : [])),
    window: state.is === 'closed' ? windows(options).sum(workers, now, since) : { calls: 0, failures: 0 },
    rejections,
    outage,
    trialsInFlight,
    healthCallUntil: isAsking(state, now),
    isAnyoneAlive: !isAlone(workers, ANONYMOUS, now),
  };
}

function benchedAs(workerId: string, { since, cause, retryAt }: NonNullable<Worker['bench']>) {
  return { worker: workerId, workerId, since, cause, retryAt };
}

function isAsking(state: Machine['state'], now: number): number | null {
  const until = state.is === 'half-open' && state.phase === 'health' ? state.call?.until : undefined;
  return until !== undefined && now < until ? until : null;
}

/** Times at which something happens to the machine by itself. */
export function boundariesOf(machine: Machine, { streakGapMs }: CircuitOptions): number[] {
  const { state, cooldownUntil, hold, bypass, evidence, workers } = machine;
  const own = state.is === 'open' ? [state.retryAt] : [];
  const call = state.is === 'half-open' && state.phase === 'health' && state.call ? [state.call.until] : [];
  const words = [hold?.until, bypass?.until].filter((until) => until !== undefined);
  const streak = evidence.streak ? [evidence.streak.at + streakGapMs] : [];
  const theirs = [...workers.values()].flatMap(({ seen, bench }) => [
    ...(bench && bench.retryAt !== null ? [bench.retryAt] : []),
    ...(seen ? [seen.until] : []),
  ]);
  return [...own, ...call, ...words, ...streak, ...theirs, cooldownUntil];
}
