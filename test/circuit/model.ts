import type { CircuitAction, PersonsWord } from '../../src/circuit/circuit.ts';
import type { CircuitOptions } from '../../src/circuit/options.ts';
import type {
  Acquired,
  DenialReason,
  HealthEnding,
  ManualOverride,
  OutcomeReport,
  Recorded,
} from '../../src/circuit/types.ts';
import { type BenchEnd, evidence, isHealthDue, type Weighed } from './model-evidence.ts';
import { type Attendance, type Machine, refusal, rules, told } from './model-rules.ts';
import { boundariesOf, type Picture, pictureOf } from './model-status.ts';
import { endBenches, isBenched, onlyRegister, withoutRegister, workerOf } from './model-workers.ts';

/** Who holds a payload; `recorded` once that permission is spent. */
interface Claim {
  readonly permission: string;
  readonly jobId: string;
  readonly epoch: number;
  readonly until: number;
  readonly trial: boolean;
  readonly recorded?: boolean;
}

/** What all processes share: what the scripts keep in Redis. */
interface Shared {
  kept: Machine | null;
  lost: Machine['workers'];
  cause: 'missing' | 'junk';
  readonly claims: Map<string, Claim>;
  readonly marks: Map<string, string>;
  /** Payloads of which a try has no known end. */
  readonly doubts: Map<string, number>;
  readonly trials: Map<string, number>;
  readonly told: string[];
}

/** A process: who it is, and what it judges by. */
export interface Seat {
  readonly worker: string;
  readonly options: CircuitOptions;
}

export interface Standing {
  readonly standing: 'full' | 'probation' | 'benched';
  readonly due: boolean;
}

export type Model = ReturnType<typeof createModel>;

export function createModel() {
  const shared: Shared = {
    kept: null,
    lost: new Map(),
    cause: 'missing',
    claims: new Map(),
    marks: new Map(),
    doubts: new Map(),
    trials: new Map(),
    told: [],
  };
  return {
    /** The model as one process asks it. */
    seat: (seat: Seat) => createSeat(shared, seat),

    /** Something else wrote over the circuit's key, or it was deleted; or the register is. */
    lose(how: 'missing' | 'junk' | 'register'): void {
      const { kept } = shared;
      const workers = kept?.workers ?? shared.lost;
      if (how !== 'register') Object.assign(shared, { kept: null, lost: onlyRegister(workers), cause: how });
      else if (kept) shared.kept = { ...kept, workers: withoutRegister(workers) };
      else shared.lost = withoutRegister(workers);
    },

    /** Times at which something happens by itself. */
    boundaries(now: number, options: CircuitOptions): number[] {
      const { kept, claims, trials } = shared;
      const own = kept ? boundariesOf(kept, options) : [];
      const leases = [...trials.values(), ...[...claims.values()].map(({ until }) => until)];
      return [...own, ...leases].filter((at) => at > now);
    },

    /** All transitions so far, as "state cause epoch". */
    transitions: () => shared.told.filter((line) => /^(closed|open|half-open) /.test(line)),
  };
}

const liveTrials = ({ trials }: Shared, now: number) => [...trials.values()].filter((until) => now < until);

/** Every method takes the time first; `subject` names the payload. Answers are those of the circuit. */
function createSeat(shared: Shared, { worker, options }: Seat) {
  const { settle, settleProven, close, halfOpen, coolDown, attend } = rules(options);
  const { outcome, failHealth, endBench } = evidence(options);
  const { claims, marks, doubts, trials } = shared;

  /** Who only looks sees what time alone does. */
  const picture = (now: number): Machine =>
    settle(shared.kept, now, { cause: shared.cause, workers: shared.lost });
  const read = (now: number): Machine => settleProven(picture(now), now);

  /** It begins anew: trials of before are none of it. */
  const begins = ({ news }: Machine) =>
    news.some((line) => /^half-open|^closed (missing|junk|reset)/.test(line));

  function keep(machine: Machine): void {
    if (begins(machine)) trials.clear();
    shared.told.push(...machine.news);
    shared.kept = { ...machine, news: [] };
  }

  /** A new trial sweeps away the places whose lease ran out: their holders give nothing back any more. */
  function sweepTrials(now: number): Map<string, number> {
    for (const [permission, until] of trials) if (until <= now) trials.delete(permission);
    return trials;
  }

  function decide(now: number, machine: Machine, { jobId, subject, permission }: Asking): Acquired {
    const refused = refusal(machine, now);
    if (refused) return deny(now, refused.reason, refused.retryAt);
    const { bench } = workerOf(machine.workers, worker);
    if (bench && !machine.bypass) return deny(now, 'benched', bench.retryAt);
    const claim = claims.get(subject);
    if (claim && !claim.recorded && claim.jobId !== jobId && now < claim.until)
      return deny(now, 'in-flight', claim.until);
    const { state } = machine;
    const trial = state.is === 'half-open' && !machine.bypass;
    if (trial && state.phase === 'trials') {
      const live = liveTrials(shared, now);
      if (live.length + state.successes >= options.successThreshold)
        return deny(now, 'trials', Math.min(...live));
    }
    const until = now + options.leaseMs;
    if (claim && !claim.recorded) doubts.set(subject, 0);
    claims.set(subject, { permission, jobId, epoch: machine.epoch, until, trial });
    if (trial) sweepTrials(now).set(permission, until);
    const doubt = doubts.get(subject) ?? null;
    return { kind: 'permitted', permission, epoch: machine.epoch, trial, doubt };
  }

  function weigh(machine: Machine, now: number, asked: Recording, claim: Claim): Weighed {
    const { report, subject } = asked;
    const call = { worker, payload: report.payload ?? subject, jobId: claim.jobId };
    return outcome(machine, now, call, report);
  }

  return {
    acquire(now: number, ask: Asking): Acquired {
      if (marks.has(ask.subject)) return { kind: 'delivered' };
      const machine = read(now);
      const answer = decide(now, machine, ask);
      keep(machine);
      return answer;
    },

    record(now: number, asked: Recording): Recorded {
      const { subject, permission, report } = asked;
      const claim = claims.get(subject);
      const ours = claim?.permission === permission && !claim.recorded;
      const gaveBack = trials.delete(permission);
      const before = read(now);
      const spent = claim?.permission === permission || marks.get(subject) === permission;
      if (!ours && spent)
        return { kind: 'repeated', state: before.state.is, moved: false, verdict: null, waitMs: null };
      const counts = ours && now < claim.until && claim.epoch === before.epoch;
      const weighed =
        counts && !before.bypass
          ? weigh(before, now, asked, claim)
          : { machine: before, verdict: null, waitMs: null };
      if (ours) claims.delete(subject);
      if (report.delivered) doubts.delete(subject);
      else if (report.doubt !== undefined && (ours || !claim)) doubts.set(subject, report.doubt);
      if (report.delivered) marks.set(subject, permission);
      else if (ours || !claim)
        claims.set(subject, { permission, jobId: '', epoch: 0, until: 0, trial: false, recorded: true });
      const { machine, ...said } = weighed;
      keep(machine);
      const moved = machine.news.length > 0 || gaveBack;
      return { kind: counts ? 'recorded' : 'stale', state: machine.state.is, moved, ...said };
    },

    beginHealth(now: number, permission: string): boolean {
      const machine = read(now);
      const refused = refusal(machine, now);
      const due = refused?.reason === 'health' && refused.retryAt === null;
      const takes = due && !isBenched(machine.workers, worker);
      const call = { permission, until: now + options.healthLeaseMs };
      keep(takes ? { ...machine, state: { is: 'half-open', phase: 'health', call } } : machine);
      return takes;
    },

    endHealth(now: number, permission: string, ending: HealthEnding, retryAfterMs?: number): void {
      const machine = read(now);
      const { state } = machine;
      const call = state.is === 'half-open' && state.phase === 'health' ? state.call : undefined;
      if (call?.permission !== permission || now >= call.until || machine.bypass) return keep(machine);
      const ended: Machine = { ...machine, state: { is: 'half-open', phase: 'health' } };
      if (ending === 'rate-limited') return keep(coolDown(ended, now, retryAfterMs));
      if (ending !== 'healthy') return keep(failHealth(ended, now, worker, { ending, retryAfterMs }));
      keep(told({ ...ended, state: { is: 'half-open', phase: 'trials', successes: 0 } }, 'trials'));
    },

    /** The gate's script: this process is there, and does or does not take jobs. */
    attend(now: number, attendance: Attendance): Standing {
      const machine = attend(read(now), now, worker, attendance);
      keep(machine);
      const { bench, probation } = workerOf(machine.workers, worker);
      if (bench) return { standing: 'benched', due: isHealthDue(machine, now, worker) };
      return { standing: probation ? 'probation' : 'full', due: false };
    },

    endBench(now: number, end: BenchEnd): boolean {
      const next = endBench(picture(now), now, worker, end);
      if (next) keep(next);
      return next !== null;
    },

    operate(now: number, action: CircuitAction, said: PersonsWord): 'done' | 'refused' {
      const machine = picture(now);
      if (said.until !== undefined && said.until <= now) return 'refused';
      const next = moveOf(machine, now, action, { ...said, since: now });
      if (!next) return 'refused';
      keep(next);
      return 'done';
    },

    status(now: number): Picture {
      const machine = picture(now);
      const inFlight =
        machine.state.is === 'half-open' && !begins(machine) ? liveTrials(shared, now).length : 0;
      return pictureOf(machine, now, options, inFlight);
    },
  };

  function moveOf(
    machine: Machine,
    now: number,
    action: CircuitAction,
    word: ManualOverride,
  ): Machine | null {
    const { hold, bypass, state } = machine;
    switch (action) {
      case 'hold':
        return { ...machine, hold: word };
      case 'bypass':
        return { ...machine, bypass: word, workers: endBenches(machine.workers) };
      case 'release': {
        if (!hold) return bypass ? close({ ...machine, bypass: undefined }, now, 'bypass-ended') : null;
        return settle({ ...machine, hold: undefined }, now, { cause: 'missing', workers: machine.workers });
      }
      case 'trial': {
        if (hold || bypass) return null;
        const warmed = { ...machine, cooldownUntil: 0 };
        if (state.is === 'open') return halfOpen(warmed, now, 'trial-asked');
        return now < machine.cooldownUntil ? warmed : null;
      }
      case 'reset': {
        const fresh = { cooldownUntil: 0, cooldownMs: undefined, workers: endBenches(machine.workers) };
        return close({ ...machine, ...fresh }, now, 'reset');
      }
    }
  }
}

interface Asking {
  readonly permission: string;
  readonly jobId: string;
  readonly subject: string;
}

interface Recording extends Omit<Asking, 'jobId'> {
  readonly report: OutcomeReport;
}

function deny(now: number, reason: DenialReason, retryAt: number | null): Acquired {
  return { kind: 'denied', reason, retryAt, waitMs: retryAt === null ? null : Math.max(0, retryAt - now) };
}
