import * as fc from 'fast-check';
import type { CircuitAction } from '../../src/circuit/circuit.ts';
import type { CircuitOptions } from '../../src/circuit/options.ts';
import type { CircuitEffect, HealthEnding } from '../../src/circuit/types.ts';
import { OPTIONS } from './harness.ts';
import type { BenchEnd } from './model-evidence.ts';

/**
 * One thing that happens to a circuit. `worker` counts the processes of the fleet; the last of them is of
 * an older version and gives no id. `which` counts its permissions from the latest, and wraps around.
 */
export type Step =
  /** Payload 0 has no sync key. */
  | { readonly do: 'acquire'; readonly worker: number; readonly job: number; readonly payload: number }
  | {
      readonly do: 'record';
      readonly worker: number;
      readonly which: number;
      readonly effect: CircuitEffect;
      readonly durationMs: number;
      readonly delivered: boolean;
      readonly retryAfterMs: number | undefined;
      readonly doubt: number | undefined;
      /** What stands for the payload: its location. */
      readonly payload: string | undefined;
      /** Its process keeps the permission and records it again later. */
      readonly again: boolean;
    }
  /** The permission is never recorded. */
  | { readonly do: 'drop'; readonly worker: number; readonly which: number }
  /** With all that it holds; what runs in its place is another worker. */
  | { readonly do: 'die'; readonly worker: number }
  | { readonly do: 'attend'; readonly worker: number; readonly takes: boolean }
  | ({ readonly do: 'end bench'; readonly worker: number } & BenchEnd)
  | { readonly do: 'begin health'; readonly worker: number }
  | {
      readonly do: 'end health';
      readonly worker: number;
      readonly which: number;
      readonly ending: HealthEnding;
      readonly retryAfterMs: number | undefined;
    }
  | {
      readonly do: 'operate';
      readonly worker: number;
      readonly action: CircuitAction;
      readonly forMs: number | undefined;
    }
  | { readonly do: 'pass'; readonly ms: number }
  /** To just before, to, or just after the next time at which something is due. */
  | { readonly do: 'pass to boundary'; readonly which: number; readonly offset: number }
  | { readonly do: 'lose'; readonly how: 'missing' | 'junk' | 'register' };

/** Processes of a history. */
export const FLEET = 4;
export const OLDER_VERSION = FLEET - 1;

const retryAfterMs = fc.option(fc.constantFrom(0, 1, 50, 3_000, 20_000), { nil: undefined, freq: 3 });
const which = fc.constantFrom(0, 0, 0, 1, 2, 5);
const anyone = fc.constantFrom(0, 0, 0, 1, 1, 2, OLDER_VERSION);
const named = fc.constantFrom(0, 0, 1, 1, 2);

const acquire = fc.record({
  do: fc.constant('acquire' as const),
  worker: anyone,
  job: fc.nat({ max: 3 }),
  payload: fc.oneof(fc.nat({ max: 2 }), fc.nat({ max: 99 }), fc.nat({ max: 99 })),
});

function record(...effects: CircuitEffect[]) {
  return fc.record({
    do: fc.constant('record' as const),
    worker: anyone,
    which,
    effect: fc.constantFrom(...effects),
    durationMs: fc.constantFrom(20, 20, 2_000),
    retryAfterMs,
    doubt: fc.option(fc.nat({ max: 3 }), { nil: undefined, freq: 1 }),
    payload: fc.option(fc.constantFrom('location:1', 'location:2'), { nil: undefined, freq: 5 }),
    again: fc.boolean(),
    delivered: fc.boolean(),
  });
}

const pass = fc.record({
  do: fc.constant('pass' as const),
  ms: fc.oneof(fc.nat({ max: 40 }), fc.nat({ max: 40 }), fc.nat({ max: 15_000 })),
});
const toBoundary = fc.record({
  do: fc.constant('pass to boundary' as const),
  which,
  offset: fc.constantFrom(-1, 0, 0, 0, 1),
});
const beginHealth = fc.record({ do: fc.constant('begin health' as const), worker: anyone });
const endHealth = fc.record({
  do: fc.constant('end health' as const),
  worker: anyone,
  which: fc.constantFrom(0, 0, 0, 1),
  ending: fc.constantFrom('healthy', 'healthy', 'healthy', 'rate-limited', 'misconfigured', 'failed'),
  retryAfterMs,
});
const operate = fc.record({
  do: fc.constant('operate' as const),
  worker: anyone,
  action: fc.constantFrom('hold', 'release', 'release', 'bypass', 'trial', 'reset'),
  forMs: fc.option(fc.constantFrom(0, 1, 500, 10_000), { nil: undefined }),
});
const lose = fc.record({
  do: fc.constant('lose' as const),
  how: fc.constantFrom('missing', 'junk', 'register'),
});
const drop = fc.record({ do: fc.constant('drop' as const), worker: anyone, which });
const die = fc.record({ do: fc.constant('die' as const), worker: anyone });
const attend = fc.record({
  do: fc.constant('attend' as const),
  worker: named,
  takes: fc.constantFrom(true, true, true, false),
});
const endBench = fc.record({
  do: fc.constant('end bench' as const),
  worker: named,
  ending: fc.constantFrom('healthy', 'healthy', 'key-changed', 'rate-limited', 'misconfigured', 'failed'),
  retryAfterMs,
});

/** A job that calls and records, with nothing between. */
const call = (...effects: CircuitEffect[]) =>
  fc
    .tuple(acquire, record(...effects))
    .map(([asks, ends]): Step[] => [asks, { ...ends, worker: asks.worker, which: 0 }]);
const callOf = (worker: number, payload: number, effect: CircuitEffect): Step[] => [
  { do: 'acquire', worker, job: payload % 4, payload },
  { ...PLAIN, do: 'record', worker, which: 0, effect },
];
const PLAIN = {
  durationMs: 20,
  retryAfterMs: undefined,
  doubt: undefined,
  payload: undefined,
  again: false,
  delivered: false,
};
const rowOf = (worker: number, effect: CircuitEffect, times: number): Step[] =>
  Array.from({ length: times }, (_, payload) => callOf(worker, payload + 10, effect)).flat();

/** One worker's calls in a row, each of another payload. */
const row = fc
  .tuple(anyone, fc.constantFrom('failure', 'failure', 'crashed'), fc.integer({ min: 2, max: 4 }))
  .map((parts) => rowOf(...parts));

/** What the gates do when the circuit is due. */
const becomeDue = fc
  .tuple(named, named, fc.constantFrom('healthy', 'healthy', 'healthy', 'failed', 'misconfigured'))
  .map(([first, second, ending]): Step[] => [
    { do: 'pass to boundary', which: 0, offset: 0 },
    { do: 'attend', worker: first, takes: true },
    { do: 'attend', worker: second, takes: true },
    ...healthOf(first, ending),
    ...healthOf(second, 'healthy'),
  ]);
/** The gates of some, as they look every second. */
const gather = fc
  .subarray([0, 1, 2], { minLength: 1 })
  .map((workers) => workers.map((worker): Step => ({ do: 'attend', worker, takes: true })));
const healthOf = (worker: number, ending: HealthEnding): Step[] => [
  { do: 'begin health', worker },
  { do: 'end health', worker, which: 0, ending, retryAfterMs: undefined },
];
const ALL_ATTEND = [0, 1, 2].map((worker): Step => ({ do: 'attend', worker, takes: true }));

/** A worker that is benched at its first refusal, its own health call, and what it does next. */
const comeBack = fc
  .tuple(endBench, call('success', 'failure', 'failure', 'misconfigured'), fc.boolean())
  .map(([end, next, refused]): Step[] => {
    const { worker } = end;
    const attends: Step = { do: 'attend', worker, takes: true };
    const refusal = [...callOf(worker, 50, 'misconfigured'), attends];
    const after = next.map((step) => ('worker' in step ? { ...step, worker } : step));
    return [...ALL_ATTEND, ...(refused ? refusal : []), end, attends, ...after];
  });
/** One on probation, when half-open asks for its health after another's. */
const askedOnProbation = fc
  .constantFrom('failed', 'misconfigured')
  .map((ending): Step[] => [
    ...ALL_ATTEND,
    ...callOf(0, 50, 'misconfigured'),
    { do: 'end bench', worker: 0, ending: 'healthy' },
    ...[1, 2, 1, 2].flatMap((worker, payload) => callOf(worker, payload + 20, 'failure')),
    { do: 'pass to boundary', which: 0, offset: 0 },
    ...ALL_ATTEND,
    ...healthOf(1, ending),
    ...healthOf(0, ending),
  ]);
/** A benched worker that is the last one left, and what is seen of it then. */
const lastOneLeft = fc
  .tuple(named, anyone)
  .map(([worker, next]): Step[] => [
    ...ALL_ATTEND,
    ...rowOf(worker, 'failure', 4),
    { do: 'pass', ms: 5_000 },
    { do: 'attend', worker, takes: true },
    ...ALL_ATTEND,
    ...callOf(next, 40, 'failure'),
  ]);
/** One payload that is rate limited again although another was delivered. */
const limitedAgain = fc
  .tuple(named, named, fc.constantFrom('rate-limited', 'success'))
  .map(([worker, other, then]): Step[] => [
    ...callOf(worker, 60, 'rate-limited'),
    { do: 'operate', worker, action: 'trial', forMs: undefined },
    ...callOf(other, 61, 'success'),
    ...callOf(worker, 60, then),
  ]);
const alone = <S extends Step>(step: fc.Arbitrary<S>) => step.map((only): Step[] => [only]);

const calls = [
  { weight: 6, arbitrary: call('failure') },
  { weight: 8, arbitrary: call('success') },
  { weight: 3, arbitrary: row },
  { weight: 3, arbitrary: call('rate-limited', 'rejected', 'crashed', 'ignored', 'misconfigured') },
  { weight: 6, arbitrary: alone(acquire) },
  { weight: 4, arbitrary: alone(record('success', 'failure', 'rejected', 'ignored', 'rate-limited')) },
  { weight: 6, arbitrary: gather },
  { weight: 2, arbitrary: alone(attend) },
  { weight: 4, arbitrary: comeBack },
  { weight: 1, arbitrary: fc.oneof(limitedAgain, askedOnProbation, lastOneLeft) },
  { weight: 1, arbitrary: alone(drop) },
  { weight: 1, arbitrary: alone(die) },
  { weight: 2, arbitrary: alone(beginHealth) },
  { weight: 2, arbitrary: alone(endHealth) },
  { weight: 3, arbitrary: alone(pass) },
  { weight: 1, arbitrary: alone(operate) },
];

/** Everything that can happen, what matters most most often. */
export const history: fc.Arbitrary<Step[]> = fc
  .array(
    fc.oneof(
      ...calls,
      { weight: 6, arbitrary: becomeDue },
      { weight: 3, arbitrary: alone(toBoundary) },
      { weight: 1, arbitrary: alone(lose) },
    ),
    { minLength: 1, maxLength: 40, size: 'max' },
  )
  .map((parts) => parts.flat());

/** What one process of a fleet does on its own; time passes for all of them. */
export const program: fc.Arbitrary<Step[]> = fc
  .array(fc.oneof(...calls, { weight: 4, arbitrary: becomeDue }), {
    minLength: 5,
    maxLength: 20,
    size: 'max',
  })
  .map((parts) => parts.flat());

/** Small numbers, so that short histories reach every corner. A few sets, for each is another script text. */
const base = { ...OPTIONS, streakGapMs: 20_000 };
const SETS: readonly CircuitOptions[] = [
  { ...base, failureThreshold: 2, openMs: 100, openMaxMs: 350, rejections: 2, leaseMs: 10_000 },
  {
    ...base,
    failureThreshold: 3,
    successThreshold: 1,
    slowCallMs: 1_000,
    windowMs: 95,
    streakGapMs: 95,
    openMs: 1,
  },
  { ...base, failureThreshold: 99, failureRate: 0.07, minimumCalls: 3, windowMs: 5, rejections: 3 },
  {
    ...base,
    failureThreshold: 4,
    failureRate: 0.55,
    minimumCalls: 2,
    successThreshold: 3,
    openMs: 5,
    rejections: 5,
  },
  { ...base, failureThreshold: 1, rejections: 1, openMs: 10_000, openMaxMs: 10_000, successThreshold: 2 },
];

/** What each process judges by: mostly all by the same, as it is meant; in a rollout each by its own. */
export const fleetOptions: fc.Arbitrary<readonly CircuitOptions[]> = fc.oneof(
  { weight: 3, arbitrary: fc.constantFrom(...SETS).map((one) => Array.from({ length: FLEET }, () => one)) },
  { weight: 1, arbitrary: fc.array(fc.constantFrom(...SETS), { minLength: FLEET, maxLength: FLEET }) },
);
export const someOptions = fc.constantFrom(...SETS);
