import * as fc from 'fast-check';
import type { CircuitAction } from '../../src/circuit/circuit.ts';
import type { CircuitOptions } from '../../src/circuit/options.ts';
import type { CircuitEffect, HealthEnding } from '../../src/circuit/types.ts';
import { OPTIONS } from './harness.ts';

/** One thing that happens to a circuit. `which` counts permissions from the latest, and wraps around. */
export type Step =
  /** Payload 0 has no sync key. */
  | { readonly do: 'acquire'; readonly job: number; readonly payload: number }
  | {
      readonly do: 'record';
      readonly which: number;
      readonly effect: CircuitEffect;
      readonly durationMs: number;
      readonly delivered: boolean;
      readonly retryAfterMs: number | undefined;
      /** Its process keeps the permission and records it again later. */
      readonly again: boolean;
    }
  /** A process dies: its permission is never recorded. */
  | { readonly do: 'crash'; readonly which: number }
  | { readonly do: 'begin health' }
  | {
      readonly do: 'end health';
      readonly which: number;
      readonly ending: HealthEnding;
      readonly retryAfterMs: number | undefined;
    }
  | { readonly do: 'operate'; readonly action: CircuitAction; readonly forMs: number | undefined }
  | { readonly do: 'pass'; readonly ms: number }
  /** To just before, to, or just after the next time at which something is due. */
  | { readonly do: 'pass to boundary'; readonly which: number; readonly offset: number }
  | { readonly do: 'lose'; readonly how: 'missing' | 'junk' };

const retryAfterMs = fc.option(fc.constantFrom(0, 1, 50, 3_000, 20_000), { nil: undefined, freq: 3 });
const which = fc.constantFrom(0, 0, 0, 1, 2, 5);

const acquire = fc.record({
  do: fc.constant('acquire' as const),
  job: fc.nat({ max: 3 }),
  payload: fc.oneof(fc.nat({ max: 2 }), fc.nat({ max: 99 }), fc.nat({ max: 99 })),
});

function record(...effects: CircuitEffect[]) {
  return fc.record({
    do: fc.constant('record' as const),
    which,
    effect: fc.constantFrom(...effects),
    durationMs: fc.constantFrom(20, 2_000),
    retryAfterMs,
    again: fc.boolean(),
    delivered: fc.boolean(),
  });
}

const pass = fc.record({
  do: fc.constant('pass' as const),
  ms: fc.oneof(fc.nat({ max: 40 }), fc.nat({ max: 15_000 })),
});
const toBoundary = fc.record({
  do: fc.constant('pass to boundary' as const),
  which,
  offset: fc.constantFrom(-1, 0, 0, 0, 1),
});
const beginHealth = fc.constant({ do: 'begin health' as const });
const endHealth = fc.record({
  do: fc.constant('end health' as const),
  which: fc.constantFrom(0, 0, 0, 1),
  ending: fc.constantFrom('healthy', 'healthy', 'healthy', 'rate-limited', 'misconfigured', 'failed'),
  retryAfterMs,
});
const operate = fc.record({
  do: fc.constant('operate' as const),
  action: fc.constantFrom('hold', 'release', 'release', 'bypass', 'trial', 'reset'),
  forMs: fc.option(fc.constantFrom(0, 1, 500, 10_000), { nil: undefined }),
});
const lose = fc.record({ do: fc.constant('lose' as const), how: fc.constantFrom('missing', 'junk') });
const crash = fc.record({ do: fc.constant('crash' as const), which });

/** A job that calls and records, with nothing between. */
const call = (...effects: CircuitEffect[]) =>
  fc.tuple(
    acquire,
    record(...effects).map((step) => Object.assign(step, { which: 0 })),
  );
/** What the gate does when the circuit is due. */
const becomeDue = fc.constant<Step[]>([
  { do: 'pass to boundary', which: 0, offset: 0 },
  { do: 'begin health' },
  { do: 'end health', which: 0, ending: 'healthy', retryAfterMs: undefined },
]);
const alone = <S extends Step>(step: fc.Arbitrary<S>) => step.map((only): Step[] => [only]);

const calls = [
  { weight: 6, arbitrary: call('failure') },
  { weight: 8, arbitrary: call('success') },
  { weight: 3, arbitrary: call('rate-limited', 'rejected', 'rejected', 'ignored', 'misconfigured') },
  { weight: 6, arbitrary: alone(acquire) },
  { weight: 4, arbitrary: alone(record('success', 'failure', 'rejected', 'ignored', 'rate-limited')) },
  { weight: 1, arbitrary: alone(crash) },
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
export const someOptions: fc.Arbitrary<CircuitOptions> = fc.constantFrom(
  { ...OPTIONS, failureThreshold: 2, openMs: 100, openMaxMs: 350, rejections: 2, leaseMs: 10_000 },
  { ...OPTIONS, failureThreshold: 3, successThreshold: 1, slowCallMs: 1_000, windowMs: 95, openMs: 1 },
  { ...OPTIONS, failureThreshold: 99, failureRate: 0.07, minimumCalls: 3, windowMs: 5, rejections: 3 },
  { ...OPTIONS, failureThreshold: 99, failureRate: 0.55, minimumCalls: 2, successThreshold: 3, openMs: 5 },
  { ...OPTIONS, failureThreshold: 1, rejections: 1, openMs: 10_000, openMaxMs: 10_000, successThreshold: 2 },
);
