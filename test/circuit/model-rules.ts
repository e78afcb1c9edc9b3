import type { CircuitOptions } from '../../src/circuit/options.ts';
import type { ManualOverride } from '../../src/circuit/types.ts';
import {
  type BenchCause,
  endBenches,
  forgetRows,
  isAlone,
  isBenched,
  seated,
  seen,
  sweep,
  type Worker,
  type Workers,
  withWorker,
  workerOf,
} from './model-workers.ts';

/**
 * The circuit without Redis: the rules of the design, written to be read. Every function takes a
 * machine and gives the next one. Here is what the machine can do; model-evidence.ts says when it does
 * it, and model.ts adds what lies beside it: the claims, the trials and the delivered marks.
 */
export interface Machine {
  readonly state: State;
  readonly epoch: number;
  readonly since: number;
  readonly cause: string;
  /** How many trials failed since it was last closed: the open time doubles with each. */
  readonly failedTrials: number;
  readonly rejections: number;
  readonly cooldownUntil: number;
  /** The last cooldown without a Retry-After, while 429s follow each other. */
  readonly cooldownMs?: number | undefined;
  readonly hold?: ManualOverride | undefined;
  readonly bypass?: ManualOverride | undefined;
  readonly evidence: Evidence;
  readonly outage: Outage | null;
  readonly workers: Workers;
  readonly sweptAt: number;
  /** All that others were told, oldest first; transitions as "state cause epoch". */
  readonly news: readonly string[];
}

type State =
  | { readonly is: 'closed' }
  | { readonly is: 'open'; readonly retryAt: number }
  | { readonly is: 'half-open'; readonly phase: 'health'; readonly call?: HealthCall | undefined }
  | { readonly is: 'half-open'; readonly phase: 'trials'; readonly successes: number };

interface HealthCall {
  readonly permission: string;
  readonly until: number;
}

/** What may be one worker's or one payload's doing, until another says the same. Void once closed. */
export interface Evidence {
  /** Closed: failures in a row, and the worker, and the payload, that made all of them, or SEVERAL. */
  readonly streak: Streak | null;
  readonly suspect: Suspect | null;
  /** Half-open: the failed trial that nobody else has confirmed. */
  readonly doubt: { readonly worker: string; readonly payload: string } | null;
  /** Half-open: the payload whose trial failed on a worker that had no other beside it. */
  readonly lonePayload: string | null;
  /** Half-open: the worker whose health call failed. */
  readonly healthDoubt: string | null;
  /** Payloads that drew a 429, before and after the last success. */
  readonly proven: readonly string[];
  readonly limited: readonly string[];
}

interface Streak {
  readonly count: number;
  readonly at: number;
  readonly worker: string;
  readonly payload: string;
}

interface Suspect {
  readonly payload: string;
  readonly jobId: string;
  readonly since: number;
}

interface Outage {
  readonly since: number;
  readonly cause: string;
  readonly openings: number;
}

export const SEVERAL = '*';
const COOLDOWN = { leastMs: 1_000, firstMs: 5_000, mostMs: 15 * 60_000 };
const SWEEP_MS = 2_000;
const NO_EVIDENCE: Evidence = {
  streak: null,
  suspect: null,
  doubt: null,
  lonePayload: null,
  healthDoubt: null,
  proven: [],
  limited: [],
};

/** How an opening differs from the plain one. */
interface Opening {
  readonly retryAfterMs?: number | undefined;
  /** It says nothing about how long Conexxus needs: the open time does not double. */
  readonly sameTime?: boolean;
}

/** `first`: it has just begun. */
export interface Attendance {
  readonly takes: boolean;
  readonly first: boolean;
}

/** The machine's moves, under these options. */
export function rules(options: CircuitOptions) {
  const openTime = (doublings: number) => Math.min(options.openMs * 2 ** doublings, options.openMaxMs);

  function transition(machine: Machine, now: number, state: State, cause: string): Machine {
    const epoch = Math.max(machine.epoch + 1, now);
    const next = { ...machine, state, epoch, since: now, cause };
    return told(next, `${state.is} ${cause} ${epoch}`);
  }

  function close(machine: Machine, now: number, cause: string): Machine {
    const workers = forgetRows(machine.workers);
    const fresh = { evidence: NO_EVIDENCE, outage: null, failedTrials: 0, rejections: 0, workers };
    return transition({ ...machine, ...fresh }, now, { is: 'closed' }, cause);
  }

  /** Opens from wherever it is; from half-open that is a failed trial, unless the configuration is at fault. */
  function trip(machine: Machine, now: number, cause: string, opening: Opening = {}): Machine {
    const wasClosed = machine.state.is === 'closed';
    const doubles = !wasClosed && cause !== 'misconfigured' && !opening.sameTime;
    const failedTrials = machine.failedTrials + (doubles ? 1 : 0);
    const { outage } = machine;
    const next: Machine = {
      ...noting(machine, { streak: null, doubt: null }),
      failedTrials,
      // It is Conexxus: what its workers had against them until then is void.
      workers: outage ? machine.workers : forgetRows(machine.workers),
      outage: outage ? { ...outage, openings: outage.openings + 1 } : { since: now, cause, openings: 1 },
    };
    const retryAt = now + Math.max(openTime(failedTrials), opening.retryAfterMs ?? 0);
    return transition(next, now, { is: 'open', retryAt }, cause);
  }

  function halfOpen(machine: Machine, now: number, cause: string): Machine {
    const next = noting(machine, { doubt: null, healthDoubt: null });
    return transition(next, now, { is: 'half-open', phase: 'health' }, cause);
  }

  /** What time alone does. `null`: there is no state that can be read. */
  function settle(kept: Machine | null, now: number, lost: Lost): Machine {
    let machine = kept ?? close(newborn(lost.workers), now, lost.cause);
    if (machine.bypass && over(machine.bypass, now))
      machine = close({ ...machine, bypass: undefined }, now, 'bypass-ended');
    if (machine.hold && over(machine.hold, now))
      machine = told({ ...machine, hold: undefined }, 'hold-ended');
    const due = machine.state.is === 'open' && now >= machine.state.retryAt;
    return due && !isStopped(machine) ? halfOpen(machine, now, 'due') : machine;
  }

  function closeIfProven(machine: Machine, now: number): Machine {
    const { state } = machine;
    const proven =
      state.is === 'half-open' && state.phase === 'trials' && state.successes >= options.successThreshold;
    return proven ? close(machine, now, 'recovered') : machine;
  }

  /** Another process's threshold may be above what is enough here. */
  const settleProven = (machine: Machine, now: number) =>
    isStopped(machine) ? machine : closeIfProven(machine, now);

  function coolDown(machine: Machine, now: number, askedMs: number | undefined): Machine {
    const { cooldownMs: last, cooldownUntil } = machine;
    const follows = last !== undefined && now >= cooldownUntil;
    const ownMs = follows ? Math.min(2 * last, COOLDOWN.mostMs) : (last ?? COOLDOWN.firstMs);
    const waitMs = askedMs === undefined ? ownMs : Math.max(askedMs, COOLDOWN.leastMs);
    const next = {
      ...machine,
      cooldownUntil: Math.max(cooldownUntil, now + waitMs),
      cooldownMs: askedMs === undefined ? ownMs : last,
    };
    return told(next, 'cooldown');
  }

  /** From probation it stays longer than the last time. */
  function bench(machine: Machine, now: number, id: string, cause: BenchCause): Machine {
    const worker = workerOf(machine.workers, id);
    const level = worker.level + (worker.probation ? 1 : 0);
    const retryAt = cause === 'crashing' ? null : now + openTime(level);
    const workers = seated(machine.workers, id, {
      level,
      bench: { since: now, cause, retryAt, triedAt: now },
    });
    return told({ ...machine, workers }, `benched ${id} ${cause}`);
  }

  /** A worker says that it is there. Where nobody is alive the bench judges nobody any more: the circuit does. */
  function attend(machine: Machine, now: number, id: string, { takes, first }: Attendance): Machine {
    const workers = seen(machine.workers, id, now, takes);
    const nobody = isBenched(workers, id) && isAlone(workers, id, now);
    const next = nobody ? returnAll({ ...machine, workers }) : { ...machine, workers };
    if (!first && now - machine.sweptAt < SWEEP_MS) return next;
    return { ...next, workers: sweep(next.workers, now), sweptAt: now };
  }

  /** What was seen until now is believed, since nobody was there to bear witness. */
  function returnAll(machine: Machine): Machine {
    const { streak } = machine.evidence;
    const next = noting(machine, { streak: streak && { ...streak, worker: SEVERAL } });
    return told({ ...next, workers: endBenches(machine.workers) }, 'all returned');
  }

  return { openTime, close, trip, halfOpen, settle, closeIfProven, settleProven, coolDown, bench, attend };
}

export const told = (machine: Machine, line: string): Machine => ({
  ...machine,
  news: [...machine.news, line],
});

export const noting = (machine: Machine, change: Partial<Evidence>): Machine => ({
  ...machine,
  evidence: { ...machine.evidence, ...change },
});

export const changing = (machine: Machine, id: string, change: Partial<Worker>): Machine => ({
  ...machine,
  workers: withWorker(machine.workers, id, change),
});

/** What is left when the circuit's own key is lost. */
export interface Lost {
  readonly cause: 'missing' | 'junk';
  readonly workers: Workers;
}

function newborn(workers: Workers): Machine {
  const never = { epoch: 0, since: 0, sweptAt: 0, cooldownUntil: 0, failedTrials: 0, rejections: 0 };
  const nothing = { evidence: NO_EVIDENCE, outage: null, news: [] };
  return { state: { is: 'closed' }, cause: '', workers, ...nothing, ...never };
}

const over = ({ until }: ManualOverride, now: number) => until !== undefined && now >= until;

/** A hold or a bypass stops the machine's clock. */
const isStopped = ({ hold, bypass }: Machine) => hold !== undefined || bypass !== undefined;

export const isCoolingDown = ({ cooldownUntil }: Machine, now: number) => now < cooldownUntil;

export type Refused = 'hold' | 'open' | 'cooldown' | 'health';

/** Why nobody may call, and until when. */
export function refusal(machine: Machine, now: number): { reason: Refused; retryAt: number | null } | null {
  const { hold, bypass, state, cooldownUntil } = machine;
  if (hold) return { reason: 'hold', retryAt: hold.until ?? null };
  if (bypass) return null;
  if (state.is === 'open') return { reason: 'open', retryAt: state.retryAt };
  if (isCoolingDown(machine, now)) return { reason: 'cooldown', retryAt: cooldownUntil };
  if (state.is === 'closed' || state.phase === 'trials') return null;
  const leased = state.call !== undefined && now < state.call.until;
  return { reason: 'health', retryAt: leased ? (state.call?.until ?? null) : null };
}
