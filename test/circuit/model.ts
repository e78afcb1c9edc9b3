import type { CircuitAction, PersonsWord } from '../../src/circuit/circuit.ts';
import type { CircuitOptions } from '../../src/circuit/options.ts';
import type {
  Acquired,
  CircuitStatus,
  DenialReason,
  HealthEnding,
  ManualOverride,
  OutcomeReport,
  Recorded,
} from '../../src/circuit/types.ts';
import { type Machine, refusal, rules } from './model-rules.ts';

/** Who holds a payload; `recorded` once that permission is spent. */
interface Claim {
  readonly permission: string;
  readonly jobId: string;
  readonly epoch: number;
  readonly until: number;
  readonly trial: boolean;
  readonly recorded?: boolean;
}

export type Model = ReturnType<typeof createModel>;

/** Every method takes the time first; `subject` names the payload. Answers are those of the circuit. */
export function createModel(options: CircuitOptions) {
  const { settle, outcome, trip, coolDown, halfOpen, close, streak } = rules(options);
  let kept: Machine | null = null;
  let lost = 'missing';
  const claims = new Map<string, Claim>();
  const marks = new Map<string, string>();
  const trials = new Map<string, number>();
  const told: string[] = [];

  const picture = (now: number): Machine => settle(kept, now, lost);

  function keep(machine: Machine): void {
    const begins = machine.news.some((line) => /^half-open|^closed (missing|junk|reset)/.test(line));
    if (begins) trials.clear();
    told.push(...machine.news);
    kept = { ...machine, news: [] };
  }

  /** A new trial sweeps away the places whose lease ran out: their holders give nothing back any more. */
  function sweepTrials(now: number): Map<string, number> {
    for (const [permission, until] of trials) if (until <= now) trials.delete(permission);
    return trials;
  }

  const liveTrials = (now: number) => [...trials.values()].filter((until) => now < until);

  function decide(now: number, machine: Machine, ask: Asking): Acquired {
    const { jobId, subject, permission } = ask;
    const refused = refusal(machine, now);
    if (refused) return deny(now, refused.reason, refused.retryAt);
    const claim = claims.get(subject);
    if (claim && !claim.recorded && claim.jobId !== jobId && now < claim.until)
      return deny(now, 'in-flight', claim.until);
    const { state } = machine;
    const trial = state.is === 'half-open' && !machine.bypass;
    if (trial && state.phase === 'trials') {
      const live = liveTrials(now);
      if (live.length + state.successes >= options.successThreshold)
        return deny(now, 'trials', Math.min(...live));
    }
    const until = now + options.leaseMs;
    claims.set(subject, { permission, jobId, epoch: machine.epoch, until, trial });
    if (trial) sweepTrials(now).set(permission, until);
    return { kind: 'permitted', permission, epoch: machine.epoch, trial };
  }

  return {
    acquire(now: number, ask: Asking): Acquired {
      if (marks.has(ask.subject)) return { kind: 'delivered' };
      const machine = picture(now);
      const answer = decide(now, machine, ask);
      keep(machine);
      return answer;
    },

    record(now: number, { subject, permission }: Omit<Asking, 'jobId'>, report: OutcomeReport): Recorded {
      const claim = claims.get(subject);
      const ours = claim?.permission === permission && !claim.recorded;
      const gaveBack = trials.delete(permission);
      let machine = picture(now);
      const spent = claim?.permission === permission || marks.get(subject) === permission;
      if (!ours && spent) return { kind: 'repeated', state: machine.state.is, moved: false };
      const counts = ours && now < claim.until && claim.epoch === machine.epoch;
      if (counts && !machine.bypass) machine = outcome(machine, now, report);
      if (ours) claims.delete(subject);
      if (report.delivered) marks.set(subject, permission);
      else if (ours || !claim)
        claims.set(subject, { permission, jobId: '', epoch: 0, until: 0, trial: false, recorded: true });
      const moved = machine.news.length > 0 || gaveBack;
      keep(machine);
      return { kind: counts ? 'recorded' : 'stale', state: machine.state.is, moved };
    },

    beginHealth(now: number, permission: string): boolean {
      const machine = picture(now);
      const refused = refusal(machine, now);
      const due = refused?.reason === 'health' && refused.retryAt === null;
      const call = { permission, until: now + options.healthLeaseMs };
      keep(due ? { ...machine, state: { is: 'half-open', phase: 'health', call } } : machine);
      return due;
    },

    endHealth(now: number, permission: string, ending: HealthEnding, retryAfterMs?: number): void {
      const machine = picture(now);
      const { state } = machine;
      const call = state.is === 'half-open' && state.phase === 'health' ? state.call : undefined;
      if (call?.permission !== permission || now >= call.until || machine.bypass) return keep(machine);
      const ended: Machine = { ...machine, state: { is: 'half-open', phase: 'health' } };
      const floor = retryAfterMs === undefined ? 0 : now + retryAfterMs;
      const next = {
        healthy: (): Machine => ({
          ...ended,
          state: { is: 'half-open', phase: 'trials', successes: 0 },
          news: [...ended.news, 'trials'],
        }),
        'rate-limited': () => coolDown(ended, now, retryAfterMs),
        misconfigured: () => trip({ ...ended, floor }, now, 'misconfigured'),
        failed: () => trip({ ...ended, floor }, now, 'health-failed'),
      };
      keep(next[ending]());
    },

    operate(now: number, action: CircuitAction, said: PersonsWord): 'done' | 'refused' {
      const machine = picture(now);
      if (said.until !== undefined && said.until <= now) return 'refused';
      const next = moveOf(machine, now, action, { ...said, since: now });
      if (!next) return 'refused';
      keep(next);
      return 'done';
    },

    status: (now: number): CircuitStatus => statusOf(picture(now), now),

    /** Something else wrote over the state, or it was deleted. */
    lose(cause: 'missing' | 'junk'): void {
      kept = null;
      lost = cause;
    },

    /** Times at which something happens by itself. */
    boundaries(now: number): number[] {
      const { state, cooldownUntil, hold, bypass } = picture(now);
      const own = state.is === 'open' ? [state.retryAt] : [];
      const call =
        state.is === 'half-open' && state.phase === 'health' && state.call ? [state.call.until] : [];
      const words = [hold?.until, bypass?.until].filter((until) => until !== undefined);
      const leases = [...trials.values(), ...[...claims.values()].map(({ until }) => until)];
      return [...own, ...call, ...words, ...leases, cooldownUntil].filter((at) => at > now);
    },

    trialsInFlight: (now: number) => liveTrials(now).length,

    /** All transitions so far, as "state cause epoch". */
    transitions: () => told.filter((line) => /^(closed|open|half-open) /.test(line)),
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
        return { ...machine, bypass: word };
      case 'release':
        if (hold) return settle({ ...machine, hold: undefined }, now);
        return bypass ? close({ ...machine, bypass: undefined }, now, 'bypass-ended') : null;
      case 'trial':
        if (hold || bypass || state.is !== 'open') return null;
        return halfOpen({ ...machine, cooldownUntil: 0 }, now, 'trial-asked');
      case 'reset':
        return close({ ...machine, cooldownUntil: 0, cooldownMs: undefined }, now, 'reset');
    }
  }

  function statusOf(machine: Machine, now: number): CircuitStatus {
    const { state, epoch, since, cause, cooldownUntil, hold, bypass } = machine;
    return {
      state: state.is,
      phase: state.is === 'half-open' ? state.phase : null,
      epoch,
      since,
      cause,
      retryAt: state.is === 'open' ? state.retryAt : null,
      cooldownUntil: now < cooldownUntil ? cooldownUntil : null,
      failures: streak(machine.outcomes, now),
      successes: state.is === 'half-open' && state.phase === 'trials' ? state.successes : 0,
      hold: hold ?? null,
      bypass: bypass ?? null,
    };
  }
}

interface Asking {
  readonly permission: string;
  readonly jobId: string;
  readonly subject: string;
}

function deny(now: number, reason: DenialReason, retryAt: number | null): Acquired {
  return { kind: 'denied', reason, retryAt, waitMs: retryAt === null ? null : Math.max(0, retryAt - now) };
}
