import type { CircuitOptions } from '../../src/circuit/options.ts';
import type { DenialReason, ManualOverride, OutcomeReport } from '../../src/circuit/types.ts';

/**
 * The circuit without Redis: the rules of the design, written to be read. Every function takes a
 * machine and gives the next one; model.ts adds what lies beside the machine: the claims, the trials
 * and the delivered marks.
 */
export interface Machine {
  readonly state: State;
  readonly epoch: number;
  readonly since: number;
  readonly cause: string;
  /** What was counted since it was last closed; older than the window, it counts no more. */
  readonly outcomes: readonly Counted[];
  /** How many trials failed since it was last closed: the open time doubles with each. */
  readonly failedTrials: number;
  readonly rejections: number;
  /** No opening before this: what a Retry-After asked for. */
  readonly floor: number;
  readonly cooldownUntil: number;
  /** The last cooldown without a Retry-After, while 429s follow each other. */
  readonly cooldownMs?: number | undefined;
  readonly hold?: ManualOverride | undefined;
  readonly bypass?: ManualOverride | undefined;
  /** All that others were told, oldest first; transitions as "state cause epoch". */
  readonly news: readonly string[];
}

type State =
  | { readonly is: 'closed' }
  | { readonly is: 'open'; readonly retryAt: number }
  | { readonly is: 'half-open'; readonly phase: 'health'; readonly call?: HealthCall | undefined }
  | { readonly is: 'half-open'; readonly phase: 'trials'; readonly successes: number };

interface Counted {
  readonly at: number;
  readonly failed: boolean;
}

interface HealthCall {
  readonly permission: string;
  readonly until: number;
}

const SLICES = 10;
const COOLDOWN = { leastMs: 1_000, firstMs: 5_000, mostMs: 15 * 60_000 };

/** The machine's moves, under these options. */
export function rules(options: CircuitOptions) {
  const sliceMs = Math.ceil(options.windowMs / SLICES);
  const sliceOf = (ms: number) => Math.floor(ms / sliceMs);

  /** The outcomes of this slice of time and the nine before it. */
  const inWindow = (outcomes: readonly Counted[], now: number) =>
    outcomes.filter(({ at }) => sliceOf(at) > sliceOf(now) - SLICES);

  function streak(outcomes: readonly Counted[], now: number): number {
    const sinceSuccess = outcomes.slice(outcomes.findLastIndex(({ failed }) => !failed) + 1);
    return inWindow(sinceSuccess, now).length;
  }

  function tripCause(outcomes: readonly Counted[], now: number): string | null {
    if (streak(outcomes, now) >= options.failureThreshold) return 'streak';
    const calls = inWindow(outcomes, now);
    const failures = calls.filter(({ failed }) => failed).length;
    const tooMany = calls.length >= options.minimumCalls && failures / calls.length >= options.failureRate;
    return tooMany ? 'rate' : null;
  }

  function transition(machine: Machine, now: number, state: State, cause: string): Machine {
    const epoch = Math.max(machine.epoch + 1, now);
    const news = [...machine.news, `${state.is} ${cause} ${epoch}`];
    return { ...machine, state, epoch, since: now, cause, floor: 0, news };
  }

  function close(machine: Machine, now: number, cause: string): Machine {
    const fresh = { ...machine, outcomes: [], failedTrials: 0, rejections: 0 };
    return transition(fresh, now, { is: 'closed' }, cause);
  }

  function open(machine: Machine, now: number, cause: string): Machine {
    const openMs = Math.min(options.openMs * 2 ** machine.failedTrials, options.openMaxMs);
    const retryAt = Math.max(now + openMs, machine.floor);
    return transition(machine, now, { is: 'open', retryAt }, cause);
  }

  /** Opens from wherever it is; from half-open that is a failed trial, unless the configuration is at fault. */
  function trip(machine: Machine, now: number, cause: string): Machine {
    const lengthens = machine.state.is !== 'closed' && cause !== 'misconfigured';
    return open({ ...machine, failedTrials: machine.failedTrials + (lengthens ? 1 : 0) }, now, cause);
  }

  const halfOpen = (machine: Machine, now: number, cause: string) =>
    transition(machine, now, { is: 'half-open', phase: 'health' }, cause);

  /** What time alone does. `null`: there is no state that can be read. */
  function settle(kept: Machine | null, now: number, lost = 'missing'): Machine {
    let machine = kept ?? close(newborn(), now, lost);
    if (machine.bypass && over(machine.bypass, now))
      machine = close({ ...machine, bypass: undefined }, now, 'bypass-ended');
    if (machine.hold && over(machine.hold, now))
      machine = { ...machine, hold: undefined, news: [...machine.news, 'hold-ended'] };
    const stopped = machine.hold !== undefined || machine.bypass !== undefined;
    const due = machine.state.is === 'open' && now >= machine.state.retryAt;
    return due && !stopped ? halfOpen(machine, now, 'due') : machine;
  }

  function coolDown(machine: Machine, now: number, askedMs: number | undefined): Machine {
    const { cooldownMs: last, cooldownUntil } = machine;
    const follows = last !== undefined && now >= cooldownUntil;
    const ownMs = follows ? Math.min(2 * last, COOLDOWN.mostMs) : (last ?? COOLDOWN.firstMs);
    const waitMs = askedMs === undefined ? ownMs : Math.max(askedMs, COOLDOWN.leastMs);
    return {
      ...machine,
      cooldownUntil: Math.max(cooldownUntil, now + waitMs),
      cooldownMs: askedMs === undefined ? ownMs : last,
      news: [...machine.news, 'cooldown'],
    };
  }

  function count(machine: Machine, now: number, failed: boolean): Machine {
    const { state } = machine;
    if (state.is === 'closed') {
      const outcomes = [...machine.outcomes, { at: now, failed }];
      const counted = { ...machine, outcomes };
      const cause = failed ? tripCause(outcomes, now) : null;
      return cause === null ? counted : trip(counted, now, cause);
    }
    if (failed) return trip(machine, now, 'trial-failed');
    const successes = state.is === 'half-open' && state.phase === 'trials' ? state.successes + 1 : 0;
    if (successes >= options.successThreshold) return close(machine, now, 'recovered');
    return { ...machine, state: { is: 'half-open', phase: 'trials', successes } };
  }

  /** An outcome of a call that this machine permitted. */
  function outcome(machine: Machine, now: number, report: OutcomeReport): Machine {
    const { effect, durationMs, retryAfterMs } = report;
    switch (effect) {
      case 'success':
        if (options.slowCallMs > 0 && durationMs > options.slowCallMs)
          return outcome(machine, now, { ...report, effect: 'failure' });
        return count({ ...machine, rejections: 0, cooldownMs: undefined }, now, false);
      case 'failure': {
        const floor = Math.max(machine.floor, retryAfterMs === undefined ? 0 : now + retryAfterMs);
        return count({ ...machine, floor }, now, true);
      }
      case 'misconfigured':
        return trip(machine, now, 'misconfigured');
      case 'rate-limited':
        return coolDown(machine, now, retryAfterMs);
      case 'rejected': {
        const rejected = { ...machine, rejections: machine.rejections + 1 };
        return rejected.rejections >= options.rejections ? trip(rejected, now, 'rejecting') : rejected;
      }
      case 'ignored':
        return machine;
    }
  }

  return { settle, outcome, trip, coolDown, halfOpen, close, streak };
}

function newborn(): Machine {
  const never = { epoch: 0, since: 0, floor: 0, cooldownUntil: 0, failedTrials: 0, rejections: 0 };
  return { state: { is: 'closed' }, cause: '', outcomes: [], news: [], ...never };
}

function over({ until }: ManualOverride, now: number): boolean {
  return until !== undefined && now >= until;
}

/** Why nobody may call, and until when. */
export function refusal(
  machine: Machine,
  now: number,
): { reason: DenialReason; retryAt: number | null } | null {
  const { hold, bypass, state, cooldownUntil } = machine;
  if (hold) return { reason: 'hold', retryAt: hold.until ?? null };
  if (bypass) return null;
  if (state.is === 'open') return { reason: 'open', retryAt: state.retryAt };
  if (now < cooldownUntil) return { reason: 'cooldown', retryAt: cooldownUntil };
  if (state.is === 'closed' || state.phase === 'trials') return null;
  const leased = state.call !== undefined && now < state.call.until;
  return { reason: 'health', retryAt: leased ? (state.call?.until ?? null) : null };
}
