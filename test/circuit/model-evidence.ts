import type { CircuitOptions } from '../../src/circuit/options.ts';
import type { BenchEnding, CircuitVerdict, OutcomeReport } from '../../src/circuit/types.ts';
import { changing, isCoolingDown, type Machine, noting, rules, SEVERAL, told } from './model-rules.ts';
import { windows } from './model-window.ts';
import { ANONYMOUS, isAlone, isBenched, longer, onProbation, type Row, workerOf } from './model-workers.ts';

/** The parties of a call but the third, Conexxus. */
export interface Call {
  readonly worker: string;
  /** The subject, or what the report names in its stead. */
  readonly payload: string;
  readonly jobId: string;
}

/** `benched`: it was the worker. `suspect`: it may be the payload. `alone`: this payload waits by itself. */
export interface Weighed {
  readonly machine: Machine;
  readonly verdict: CircuitVerdict | null;
  readonly waitMs: number | null;
}

const KEPT_PAYLOADS = 16;
const LEAST_WAIT_MS = 1_000;
const WAIT_MS = 5_000;

const judged = (machine: Machine, verdict: CircuitVerdict | null = null): Weighed => ({
  machine,
  verdict,
  waitMs: null,
});

/** What an outcome of a call that counts does: the rules of DESIGN section 5, "Evidence". */
export function evidence(options: CircuitOptions) {
  const { openTime, trip, bench, closeIfProven, coolDown } = rules(options);
  const { counted, rateReached } = windows(options);

  function outcome(before: Machine, now: number, call: Call, report: OutcomeReport): Weighed {
    const { effect, durationMs } = report;
    if (effect === 'ignored') return judged(before);
    if (effect === 'success' && options.slowCallMs > 0 && durationMs > options.slowCallMs)
      return outcome(before, now, call, { ...report, effect: 'failure' });
    const machine =
      effect === 'crashed' || call.worker === ANONYMOUS
        ? before
        : changing(before, call.worker, { crashes: null });
    const blames = effect === 'failure' || effect === 'crashed';
    if (blames && isBenched(machine.workers, call.worker)) return judged(machine, 'benched');
    switch (effect) {
      case 'success':
        return judged(succeed(machine, now, call));
      case 'failure':
        if (machine.state.is === 'closed') return failClosed(machine, now, call, report.retryAfterMs);
        return failTrial(machine, now, call, report.retryAfterMs);
      case 'misconfigured':
        return refuse(machine, now, call);
      case 'rate-limited':
        return limit(machine, now, call, report.retryAfterMs);
      case 'rejected':
        return judged(reject(machine, now));
      case 'crashed':
        return crash(machine, now, call);
    }
  }

  /** Known, and another could bear witness. */
  const maySit = ({ workers }: Machine, now: number, { worker }: Call) =>
    worker !== ANONYMOUS && !isAlone(workers, worker, now);

  function succeed(machine: Machine, now: number, call: Call): Machine {
    const next = credit({ ...machine, rejections: 0, cooldownMs: undefined }, now, call);
    const { state } = next;
    if (state.is === 'closed') return count(next, now, call, false);
    const successes = state.is === 'half-open' && state.phase === 'trials' ? state.successes + 1 : 0;
    return closeIfProven({ ...next, state: { is: 'half-open', phase: 'trials', successes } }, now);
  }

  /** What a success ends, in any state: what its worker, its payload and all others were blamed for. */
  function credit(machine: Machine, now: number, { worker: id, payload }: Call): Machine {
    const { suspect, proven, limited } = machine.evidence;
    const next = noting(machine, {
      streak: null,
      doubt: null,
      lonePayload: null,
      suspect: suspect?.payload === payload ? null : suspect,
      proven: newest([...proven, ...limited]),
      limited: [],
    });
    if (id === ANONYMOUS) return next;
    const { bench, probation } = workerOf(machine.workers, id);
    const mayReturn = bench !== null && bench.retryAt !== null;
    const credited = changing(next, id, {
      row: null,
      level: 0,
      probation: false,
      bench: mayReturn ? { ...bench, retryAt: now } : bench,
    });
    return bench || probation ? told(credited, `delivered ${id}`) : credited;
  }

  function count(machine: Machine, now: number, { worker }: Call, failed: boolean): Machine {
    const { outcomes } = workerOf(machine.workers, worker);
    return changing(machine, worker, { outcomes: counted(outcomes, now, machine.since, failed) });
  }

  /** Its worker's row, longer by one. */
  function withRow(machine: Machine, { worker, payload }: Call): Machine {
    if (worker === ANONYMOUS) return machine;
    return changing(machine, worker, { row: longer(workerOf(machine.workers, worker).row, payload) });
  }

  const isRow = ({ count, several }: Row) => count >= options.failureThreshold && several;

  /** One failure is enough on probation; else a row over several payloads. */
  function isProvenSick(machine: Machine, { worker: id }: Call): boolean {
    const { probation, row } = workerOf(machine.workers, id);
    return probation || (row !== null && isRow(row));
  }

  function failClosed(before: Machine, now: number, call: Call, retryAfterMs: number | undefined): Weighed {
    const { worker } = call;
    const streak = streakAfter(before, now, call);
    const machine = noting(withRow(count(before, now, call, true), call), { streak });
    const believed = !maySit(machine, now, call);
    const isOneWorkers = streak.worker !== SEVERAL && streak.payload === SEVERAL;
    if (streak.count >= options.failureThreshold && (believed || !isOneWorkers)) {
      const suspect = streak.payload === SEVERAL ? null : suspectOf(call, now);
      return judged(trip(noting(machine, { suspect }), now, 'streak', { retryAfterMs }));
    }
    if (rateReached(machine.workers, now, machine.since, { id: worker, alone: believed }))
      return judged(trip(machine, now, 'rate', { retryAfterMs }));
    if (!believed && isProvenSick(machine, call))
      return judged(bench(machine, now, worker, 'failures'), 'benched');
    return judged(machine);
  }

  /** A wrong key or address is its worker's, until several were refused. */
  function refuse(before: Machine, now: number, call: Call): Weighed {
    const closed = before.state.is === 'closed';
    const streak = closed ? streakAfter(before, now, call) : null;
    const machine = noting(before, { streak });
    const bySeveral = streak?.worker === SEVERAL && streak.count >= options.failureThreshold;
    if (!bySeveral && isBenched(machine.workers, call.worker)) return judged(machine, 'benched');
    if (!bySeveral && maySit(machine, now, call))
      return judged(bench(machine, now, call.worker, 'misconfigured'), 'benched');
    return judged(trip(machine, now, 'misconfigured'));
  }

  function streakAfter({ evidence: { streak: last } }: Machine, now: number, { worker, payload }: Call) {
    const who = worker === ANONYMOUS ? SEVERAL : worker;
    if (!last || now - last.at > options.streakGapMs) return { count: 1, at: now, worker: who, payload };
    return {
      count: last.count + 1,
      at: now,
      worker: last.worker === who ? who : SEVERAL,
      payload: last.payload === payload ? payload : SEVERAL,
    };
  }

  function failTrial(before: Machine, now: number, call: Call, retryAfterMs: number | undefined): Weighed {
    const { worker, payload } = call;
    const reopen = (machine: Machine, sameTime = false) =>
      judged(trip(machine, now, 'trial-failed', { retryAfterMs, sameTime }));
    if (worker === ANONYMOUS) return reopen(before);
    const { suspect, lonePayload, doubt } = before.evidence;
    if (suspect?.payload === payload) return judged(before, 'suspect');
    const machine = withRow(before, call);
    const sits = (machine: Machine) => judged(bench(machine, now, worker, 'trials'), 'benched');
    const suspected = () => judged(noting(machine, { suspect: suspectOf(call, now) }), 'suspect');
    if (isAlone(machine.workers, worker, now)) {
      if (lonePayload === payload) return suspected();
      return reopen(noting(machine, { lonePayload: payload }), lonePayload === null);
    }
    // Who is known to be sick bears no witness, neither as the first nor as the second.
    if (isProvenSick(machine, call)) return sits(machine);
    if (doubt?.payload === payload) return suspected();
    if (doubt?.worker === worker) return sits(machine);
    if (doubt) return reopen(machine);
    return judged(noting(machine, { doubt: { worker, payload } }));
  }

  const suspectOf = ({ payload, jobId }: Call, now: number) => ({ payload, jobId, since: now });

  function limit(machine: Machine, now: number, { payload }: Call, askedMs: number | undefined): Weighed {
    const { proven, limited } = machine.evidence;
    if (proven.includes(payload))
      return { machine, verdict: 'alone', waitMs: Math.max(LEAST_WAIT_MS, askedMs ?? WAIT_MS) };
    const names = limited.includes(payload) ? limited : newest([...limited, payload]);
    const next = coolDown(noting(machine, { limited: names }), now, askedMs);
    return { machine: next, verdict: null, waitMs: next.cooldownUntil - now };
  }

  const newest = (payloads: readonly string[]) => payloads.slice(-KEPT_PAYLOADS);

  function reject(machine: Machine, now: number): Machine {
    const rejected = { ...machine, rejections: machine.rejections + 1 };
    return rejected.rejections >= options.rejections ? trip(rejected, now, 'rejecting') : rejected;
  }

  function crash(before: Machine, now: number, call: Call): Weighed {
    if (call.worker === ANONYMOUS) return judged(reject(before, now));
    const crashes = longer(workerOf(before.workers, call.worker).crashes, call.payload);
    const machine = changing(before, call.worker, { crashes });
    if (!maySit(machine, now, call)) return judged(reject(machine, now));
    // Its own code moves no circuit while another worker is there, and buries no more jobs than rejections would.
    const wouldOpen = machine.rejections + 1 >= options.rejections;
    const inARow = crashes.several && (wouldOpen || crashes.count >= options.failureThreshold);
    if (inARow || crashesOfAll(machine, call.worker) > options.rejections)
      return judged(bench(machine, now, call.worker, 'crashing'), 'benched');
    return judged(wouldOpen ? machine : reject(machine, now));
  }

  const crashesOfAll = ({ workers }: Machine, own: string) =>
    [...workers]
      .filter(([id, { seen }]) => id === own || seen !== null)
      .reduce((sum, [, { crashes }]) => sum + (crashes?.count ?? 0), 0);

  /** The health call of half-open found nobody, or was refused. */
  function failHealth(machine: Machine, now: number, worker: string, end: FailedHealth): Machine {
    const cause = end.ending === 'failed' ? 'health-failed' : 'misconfigured';
    const { healthDoubt } = machine.evidence;
    const another = worker !== ANONYMOUS && !isAlone(machine.workers, worker, now);
    if (another && workerOf(machine.workers, worker).probation) return bench(machine, now, worker, cause);
    if (another && (healthDoubt === null || healthDoubt === worker))
      return bench(noting(machine, { healthDoubt: worker }), now, worker, cause);
    return trip(machine, now, cause, { retryAfterMs: end.retryAfterMs });
  }

  /** A benched worker's own health call, or a new key. `null`: there is no bench that this ends or prolongs. */
  function endBench(machine: Machine, now: number, id: string, { ending, retryAfterMs }: BenchEnd) {
    const { bench, level } = workerOf(machine.workers, id);
    if (bench === null || bench.retryAt === null) return null;
    if (ending === 'healthy' || ending === 'key-changed')
      return told({ ...machine, workers: onProbation(machine.workers, id) }, `returned ${id}`);
    const after = level + (ending === 'rate-limited' ? 0 : 1);
    const askedMs = ending === 'rate-limited' ? (retryAfterMs ?? 0) : 0;
    const retryAt = now + Math.max(openTime(after), askedMs);
    return changing(machine, id, { level: after, bench: { ...bench, retryAt, triedAt: now } });
  }

  return { outcome, failHealth, endBench };
}

interface FailedHealth {
  readonly ending: 'failed' | 'misconfigured';
  readonly retryAfterMs?: number | undefined;
}

export interface BenchEnd {
  readonly ending: BenchEnding;
  readonly retryAfterMs?: number | undefined;
}

/** Its own health call is due: not while people or a 429 say wait; after a closing at once. */
export function isHealthDue(machine: Machine, now: number, id: string): boolean {
  const { bench } = workerOf(machine.workers, id);
  if (!bench || bench.retryAt === null || machine.hold || isCoolingDown(machine, now)) return false;
  const closedSince = machine.state.is === 'closed' && machine.since > bench.triedAt;
  return now >= bench.retryAt || closedSince;
}
