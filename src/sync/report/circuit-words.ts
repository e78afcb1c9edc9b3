import type { CircuitStatus } from '../../circuit/types.ts';
import type { CircuitReport } from './circuit-report.ts';
import { fromNow, span } from './time-words.ts';
import type { WorkerReport } from './worker-report.ts';

type Spoken = Omit<CircuitStatus, 'window' | 'openings'>;

/** Why the circuit is in its state, by the literal that its scripts write. */
const CAUSES: Readonly<Record<string, string>> = {
  streak: 'several calls in a row failed',
  rate: 'too large a share of the calls failed',
  rejecting: 'Conexxus rejects one sale after the other',
  misconfigured: 'Conexxus refuses our key, or lives at another address',
  'trial-failed': 'a trial call failed',
  'health-failed': 'Conexxus is not well',
  due: 'time for a trial',
  'trial-asked': 'a person asked for a trial',
  recovered: 'the trial calls were delivered',
  reset: 'a person reset it',
  'bypass-ended': 'the bypass ended',
  missing: 'there was no circuit before',
  junk: 'its state in Redis was unreadable',
};

export function causeWords(cause: string): string {
  return CAUSES[cause] ?? cause;
}

/** The circuit in a word or two, and what it means. */
export function stateWords(status: Spoken, now: number): { headline: string; explanation: string } {
  const { hold, bypass, state, phase, retryAt, cooldownUntil } = status;
  if (hold !== null) {
    return { headline: 'Held', explanation: `${hold.actor} stopped all calls: ${hold.reason}` };
  }
  if (bypass !== null) {
    return { headline: 'Bypassed', explanation: `${bypass.actor} lets every call through: ${bypass.reason}` };
  }
  if (cooldownUntil !== null && state === 'closed') {
    return {
      headline: 'Rate limited',
      explanation: `Conexxus asked for a break, which ends ${due(cooldownUntil, now)}.`,
    };
  }
  if (state === 'closed') return { headline: 'Closed', explanation: 'Calls to Conexxus go through.' };
  if (state === 'open') {
    const trial = retryAt === null ? '' : ` Next trial ${due(retryAt, now)}.`;
    return { headline: 'Open', explanation: `Nothing is sent and sales wait.${trial}` };
  }
  const trying =
    phase === 'health' ? 'Asking Conexxus whether it is well.' : 'A few sales are tried; the others wait.';
  return { headline: 'Half-open', explanation: trying };
}

/** Whether the queue runs, and all that keeps it from running. */
export function queueWords(
  status: Spoken,
  reasons: readonly string[],
  pauser: string | null,
  now: number,
): string {
  if (reasons.length === 0) return 'running';
  return `paused: ${reasons.map((reason) => pauseWords(reason, status, now, pauser)).join('; ')}`;
}

/** What keeps the queue paused, for a person; `pauser` is the one who paused it, where known. */
export function pauseWords(
  reason: string,
  { cause, retryAt, hold, cooldownUntil }: Spoken,
  now: number,
  pauser: string | null = null,
): string {
  switch (reason) {
    case 'open': {
      const why = cause === null ? '' : ` (${causeWords(cause)})`;
      return `the circuit is open${why}${retryAt === null ? '' : `, next trial ${due(retryAt, now)}`}`;
    }
    case 'health':
      return 'Conexxus is asked whether it is well';
    case 'hold':
      return hold === null ? 'the circuit is held' : `${hold.actor} holds the circuit: ${hold.reason}`;
    case 'cooldown':
      return `Conexxus asked for a break${cooldownUntil === null ? '' : `, which ends ${due(cooldownUntil, now)}`}`;
    case 'events':
      return 'too many events wait for Postgres';
    case 'operator':
      return `${pauser ?? 'a person'} paused the queue`;
    default:
      return reason;
  }
}

/** A time that was to come when it was written, and may have passed since. */
function due(at: number, now: number): string {
  return fromNow(Math.max(at, now), now);
}

/** "5 there, of which 1 benched and 1 takes no jobs" */
export function crewWords(workers: readonly Pick<WorkerReport, 'benched' | 'takesJobs'>[]): string {
  const benched = workers.filter((worker) => worker.benched !== null).length;
  const idle = workers.filter((worker) => worker.benched === null && !worker.takesJobs).length;
  const parts = [
    ...(benched > 0 ? [`${benched} benched`] : []),
    ...(idle > 0 ? [`${idle} told to take no jobs`] : []),
  ];
  const alive = workers.length - benched - idle;
  if (alive === 0) return 'no worker is alive: nothing is sent until one is started';
  return parts.length === 0 ? `${alive} alive` : `${alive} alive, ${parts.join(', ')}`;
}

/** Why a worker is benched, by the literal that the scripts write. */
const BENCH_CAUSES: Readonly<Record<string, string>> = {
  failures: 'its calls fail, one after the other',
  trials: 'its trial calls failed',
  misconfigured: 'Conexxus refuses its key, or it was given another address',
  'health-failed': 'Conexxus did not answer its health call',
  crashing: 'its own code throws on one job after the other: restart it, or give it another release',
};

export function benchWords(bench: { cause: string; retryAt: number | null }, now: number): string {
  const why = BENCH_CAUSES[bench.cause] ?? bench.cause;
  return bench.retryAt === null ? why : `${why}; asks Conexxus by itself ${due(bench.retryAt, now)}`;
}

/** "12 min ago, 3 openings, at first because …" */
export function outageWords(outage: NonNullable<CircuitReport['outage']>, now: number): string {
  const times = outage.openings === 1 ? '1 opening' : `${outage.openings} openings`;
  return `${fromNow(outage.since, now)}, ${times}, at first because ${causeWords(outage.cause)}`;
}

/** What failed last, and what Conexxus said. */
export function failureWords(failure: NonNullable<CircuitReport['lastFailure']>, now: number): string {
  const { at, worker, jobId, message } = failure;
  return `${fromNow(at, now)} by ${worker ?? '?'}, job ${jobId ?? '?'}: ${message ?? '?'}`;
}

export function suspectWords({ payload, jobId }: NonNullable<CircuitReport['suspect']>): string {
  const store = /^location:(.*)$/su.exec(payload)?.[1];
  return store === undefined
    ? `it may be this sale and not Conexxus: ${jobId}`
    : `it may be this store and not Conexxus: ${store} (its sale ${jobId})`;
}

/** "3 of 40 calls failed (8 %; opens at 50 % of 20 or more)" */
export function windowWords({ window, options }: CircuitReport): string {
  const percent = (share: number) => `${Math.round(share * 100)} %`;
  const limit = `opens at ${percent(options.failureRate)} of ${options.minimumCalls} or more`;
  const { calls, failures, rate } = window;
  return `${failures} of ${calls} calls failed in ${span(options.windowMs)} (${percent(rate)}; ${limit})`;
}
