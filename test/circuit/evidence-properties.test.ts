import {
  deepStrictEqual as deepEqual,
  strictEqual as equal,
  notStrictEqual as notEqual,
  ok,
} from 'node:assert';
import { it } from '@jest/globals';
import * as fc from 'fast-check';
import type { CircuitOptions } from '../../src/circuit/options.ts';
import type { BenchEnding, CircuitEffect } from '../../src/circuit/types.ts';
import { FLEET, history, type Step, someOptions } from './histories.ts';
import { createModelFleet } from './model-fleet.ts';
import { type Player, recover, TURN_MS, type Way, WELL } from './recovery.ts';

/** What must hold of the rules of DESIGN section 5, "Evidence": on the model alone, which the scripts follow. */

const RUNS = Number(process.env['PROPERTY_RUNS'] ?? 300);
const TIMEOUT_MS = 30_000 + RUNS * 100;
const WORKERS = [0, 1, 2] as const;
const someone = fc.constantFrom(...WORKERS);
const ANN = { actor: 'ann', reason: 'because' };

type Fleet = ReturnType<typeof createModelFleet>;

const aFleet = (options: CircuitOptions) => createModelFleet(Array.from({ length: FLEET }, () => options));
const seatOf = (fleet: Fleet, worker: number) => fleet.model.seat(fleet.seat(worker));
const statusOf = (fleet: Fleet) => seatOf(fleet, 0).status(fleet.now());
const openings = (fleet: Fleet) =>
  fleet.model.transitions().filter((line) => line.startsWith('open ')).length;

function attend(fleet: Fleet, workers: readonly number[] = WORKERS) {
  return workers.map((worker) => seatOf(fleet, worker).attend(fleet.now(), { takes: true, first: false }));
}

/** A job that asks, and if it may, calls and records; its payload is its own if it is not named. */
function call(fleet: Fleet, worker: number, effect: CircuitEffect, subject = fleet.unique()) {
  const asks = seatOf(fleet, worker);
  const permission = fleet.unique();
  const answer = asks.acquire(fleet.now(), { subject, permission, jobId: subject });
  if (answer.kind !== 'permitted') return null;
  const report = { effect, durationMs: 20, delivered: false, event: {} };
  return asks.record(fleet.now(), { subject, permission, report });
}

/** Any state that can be reached, but no person's word and no cooldown upon it. */
async function afterwards(options: CircuitOptions, steps: readonly Step[]): Promise<Fleet> {
  const fleet = aFleet(options);
  await fleet.live(steps);
  while (seatOf(fleet, 0).operate(fleet.now(), 'release', ANN) === 'done');
  if (statusOf(fleet).state === 'closed') seatOf(fleet, 0).operate(fleet.now(), 'trial', ANN);
  return fleet;
}

function expectAlways<Values extends [unknown, ...unknown[]]>(
  property: fc.IRawProperty<Values>,
): Promise<void> | void {
  return fc.assert(property, { numRuns: RUNS });
}

// A threshold of one is met by one worker's first failure: it is all of one payload, too.
const cautious = someOptions.filter(({ failureThreshold }) => failureThreshold > 1);
const isQuick = ({ failureThreshold }: CircuitOptions) => failureThreshold < 50;

it(
  'one sick worker never opens the circuit, whatever comes of its calls, while another delivers',
  () => {
    const act = fc.record({
      sick: fc.boolean(),
      effect: fc.nat({ max: 4 }),
      payload: fc.nat({ max: 3 }),
      ms: fc.constantFrom(0, 1, 20, 900, 4_000),
      health: fc.constantFrom<BenchEnding[]>('healthy', 'healthy', 'failed', 'key-changed', 'misconfigured'),
    });
    const ails = fc.subarray<CircuitEffect>(['failure', 'misconfigured', 'crashed', 'success'], {
      minLength: 1,
    });
    const acts = fc.array(act, { maxLength: 120, size: 'max' });
    return expectAlways(
      fc.property(cautious, ails, acts, (options, ails, acts) => {
        const fleet = aFleet(options);
        let row = 0;
        for (const { sick, effect, payload, ms, health } of acts) {
          fleet.pass(ms);
          if (attend(fleet)[0]?.due) seatOf(fleet, 0).endBench(fleet.now(), { ending: health });
          row = sick && row < options.failureThreshold - 1 ? row + 1 : 0;
          const comes = ails[effect % ails.length] ?? 'failure';
          if (row > 0) call(fleet, 0, comes, comes === 'failure' ? `ps-${payload}` : undefined);
          else notEqual(call(fleet, 1, 'success'), null);
          equal(openings(fleet), 0);
        }
      }),
    );
  },
  TIMEOUT_MS,
);

it(
  'with every call failing it opens after at most one failure more than the threshold, whoever is benched or dies',
  () => {
    const failure = fc.record({
      worker: someone,
      ms: fc.constantFrom(0, 0, 1, 50, 1_000),
      absent: fc.subarray([...WORKERS]),
    });
    const failures = fc.array(failure, { minLength: 60, maxLength: 300, size: 'max' });
    return expectAlways(
      fc.asyncProperty(cautious.filter(isQuick), history, failures, async (options, steps, then) => {
        const fleet = await afterwards(options, steps);
        fc.pre(statusOf(fleet).state === 'closed');
        const before = openings(fleet);
        let failed = 0;
        let last = fleet.now();
        for (const { worker, ms, absent } of then) {
          if (fleet.now() + ms - last <= options.streakGapMs) fleet.pass(ms);
          attend(
            fleet,
            WORKERS.filter((each) => each === worker || !absent.includes(each)),
          );
          if (call(fleet, worker, 'failure')?.kind !== 'recorded') continue;
          failed += 1;
          last = fleet.now();
          ok(failed <= options.failureThreshold + 1);
          if (openings(fleet) > before) return;
        }
      }),
    );
  },
  TIMEOUT_MS,
);

it(
  'one payload that always fails never lengthens the open time, and benches nobody',
  () => {
    const turn = fc.record({
      worker: someone,
      poison: fc.boolean(),
      ms: fc.constantFrom(0, 0, 1, 20, 900, 6_000),
      absent: fc.subarray([...WORKERS]),
      due: fc.boolean(),
    });
    return expectAlways(
      fc.property(someOptions, fc.array(turn, { maxLength: 150, size: 'max' }), (options, turns) => {
        const fleet = aFleet(options);
        for (const { worker, poison, ms, absent, due } of turns) {
          fleet.pass(ms);
          const { retryAt } = statusOf(fleet);
          if (due && retryAt !== null) fleet.pass(Math.max(0, retryAt - fleet.now()));
          attend(
            fleet,
            WORKERS.filter((each) => each === worker || !absent.includes(each)),
          );
          const permission = fleet.unique();
          if (seatOf(fleet, worker).beginHealth(fleet.now(), permission))
            seatOf(fleet, worker).endHealth(fleet.now(), permission, 'healthy');
          if (poison) call(fleet, worker, 'failure', 'ps-poison');
          else call(fleet, worker, 'success');
          const { benched, state, retryAt: ends, since } = statusOf(fleet);
          deepEqual(benched, []);
          if (state === 'open') equal((ends ?? 0) - since, options.openMs);
        }
      }),
    );
  },
  TIMEOUT_MS,
);

const sickness = (effects: readonly CircuitEffect[], healths: readonly BenchEnding[]): fc.Arbitrary<Way> =>
  fc.record({
    effects: fc.array(fc.constantFrom(...effects), { minLength: 1, maxLength: 3 }),
    healths: fc.array(fc.constantFrom(...healths), { minLength: 1, maxLength: 3 }),
    slots: fc.integer({ min: 1, max: 3 }),
    slow: fc.constantFrom(0, 0, 0, 1, 3),
  });

it(
  'from every state, with Conexxus well and one worker, it closes in bounded time and calls, whatever ails the others',
  () => {
    const sick = sickness(
      ['failure', 'failure', 'misconfigured', 'crashed'],
      ['healthy', 'failed', 'misconfigured'],
    );
    const others = fc.tuple(...WORKERS.map(() => fc.option(sick)));
    const who = fc.constantFrom('a new one' as const, ...WORKERS);
    return expectAlways(
      fc.asyncProperty(
        someOptions,
        history,
        others,
        who,
        fc.boolean(),
        async (options, steps, ways, who, first) => {
          const fleet = await afterwards(options, steps);
          const { benched, cooldownUntil, retryAt } = statusOf(fleet);
          const seat = who === 'a new one' ? { worker: who, options } : fleet.seat(who);
          // Only its restart ends that bench: then it is a new one.
          fc.pre(!benched.some(({ workerId, cause }) => workerId === seat.worker && cause === 'crashing'));
          const ill = WORKERS.filter((each) => each !== who).flatMap((each): Player[] => {
            const way = ways[each];
            return way ? [{ seat: fleet.seat(each), way }] : [];
          });
          const well = { seat, way: WELL };
          const bench = benched.find(({ workerId }) => workerId === seat.worker);
          const due = [cooldownUntil, retryAt, bench?.retryAt].map((at) => (at ?? 0) - fleet.now());
          const waitMs = Math.max(0, ...due);
          // Meanwhile a sick one that is alone opens it again and again, each time with a few turns to play.
          const alone = waitMs / options.openMs;
          const { recovered, calls, elapsedMs, openings } = recover(
            fleet,
            first ? [well, ...ill] : [...ill, well],
            5_000 + 5 * alone,
          );
          ok(recovered);
          ok(openings <= ill.length * (options.failureThreshold + 1) + alone);
          const rounds = openings + 1 + ill.length;
          // Trials of a sick one that is slow, one after the other until it is benched: they open nothing.
          const slowMs = ill.reduce((sum, { way }) => sum + way.slow * TURN_MS * options.failureThreshold, 0);
          ok(elapsedMs <= waitMs + options.leaseMs + rounds * (options.openMaxMs + 5_000) + slowMs);
          const doublings = Math.log2(options.openMaxMs / options.openMs);
          const each = 10 + doublings + options.failureThreshold + 4 * rounds + elapsedMs / options.openMaxMs;
          ok(calls <= each * (ill.length + 1));
        },
      ),
    );
  },
  TIMEOUT_MS,
);

it(
  'an outage costs each worker a few calls per open time, whatever its health calls say',
  () => {
    const down = fc.tuple(...WORKERS.map(() => sickness(['failure'], ['healthy', 'failed'])));
    return expectAlways(
      fc.asyncProperty(someOptions.filter(isQuick), history, down, async (options, steps, ways) => {
        const fleet = await afterwards(options, steps);
        const players = WORKERS.map((each, i) => ({ seat: fleet.seat(each), way: ways[i] ?? WELL }));
        recover(fleet, players, 60);
        const { calls, elapsedMs } = recover(fleet, players, 60);
        ok(calls <= players.length * 4 * (2 + elapsedMs / options.openMaxMs));
      }),
    );
  },
  TIMEOUT_MS,
);

it(
  'a benched worker whose route is well is back within the longest open time',
  () =>
    expectAlways(
      fc.asyncProperty(someOptions, history, async (options, steps) => {
        const fleet = await afterwards(options, steps);
        const { benched, cooldownUntil } = statusOf(fleet);
        const sits = benched.find(({ retryAt }) => retryAt !== null);
        const worker = WORKERS.find((each) => fleet.seat(each).worker === sits?.workerId);
        fc.pre(worker !== undefined);
        const ends =
          Math.max(fleet.now(), sits?.retryAt ?? 0, cooldownUntil ?? 0) + options.openMaxMs + 3_000;
        let back = false;
        for (; !back && fleet.now() <= ends; fleet.pass(1_000)) {
          const [standing] = attend(fleet, [worker]);
          if (standing?.due) seatOf(fleet, worker).endBench(fleet.now(), { ending: 'healthy' });
          back = standing?.standing !== 'benched';
        }
        ok(back);
      }),
    ),
  TIMEOUT_MS,
);

it(
  'a release that throws on every job buries hardly more than the rejections that open it, while a good one delivers',
  () => {
    const job = fc.record({
      good: fc.constantFrom(true, false, false, false),
      bad: fc.constantFrom(0, 1),
      ms: fc.constantFrom(0, 0, 1, 500),
    });
    return expectAlways(
      fc.property(cautious, fc.array(job, { maxLength: 250, size: 'max' }), (options, jobs) => {
        const fleet = aFleet(options);
        let buried = 0;
        for (const { good, bad, ms } of jobs) {
          fleet.pass(ms);
          attend(fleet);
          if (good) call(fleet, 2, 'success');
          else if (call(fleet, bad, 'crashed')?.verdict === null) buried += 1;
          equal(openings(fleet), 0);
        }
        ok(buried <= options.rejections + 1);
      }),
    );
  },
  TIMEOUT_MS,
);
