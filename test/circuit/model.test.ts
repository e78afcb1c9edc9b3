import { deepStrictEqual as deepEqual } from 'node:assert';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import type { Redis } from 'ioredis';
import { createCircuit } from '../../src/circuit/circuit.ts';
import { circuitKeys } from '../../src/circuit/keys.ts';
import type { CircuitOptions } from '../../src/circuit/options.ts';
import type { DrivenClock } from '../support/driven-clock.ts';
import { drivenClock } from '../support/driven-clock.ts';
import { uniqueNamespace } from '../support/redis.ts';
import { attendAs } from './attend.ts';
import { connect, disconnectAll, OPTIONS, START, streamEntries } from './harness.ts';
import { FLEET, fleetOptions, history, OLDER_VERSION, program, type Step, someOptions } from './histories.ts';
import { createModel, type Model, type Seat } from './model.ts';
import { createFleet } from './model-fleet.ts';
import type { Picture } from './model-status.ts';
import { ANONYMOUS } from './model-workers.ts';
import type { Asked, Exchange } from './process.ts';

/** How many random histories each property runs; raise it to search longer. */
const RUNS = Number(process.env['PROPERTY_RUNS'] ?? 150);
const TIMEOUT_MS = 30_000 + RUNS * 200;

const control = connect();
const namespace = uniqueNamespace();
const stream = `{${namespace}}:events`;
const keys = circuitKeys(namespace, stream);

afterAll(disconnectAll);

async function freshStart(clock: DrivenClock): Promise<void> {
  const used = await control.keys(`{${namespace}}*`);
  if (used.length > 0) await control.del(used);
  await clock.set(START);
}

/** Transitions as the outcome stream tells them, in the model's words. */
async function toldTransitions(): Promise<string[]> {
  const entries = await streamEntries(control, stream);
  const events = entries.filter(({ event }) => event.type.startsWith('conexxus.circuit.'));
  expect(new Set(events.map(({ event }) => event.dedupeKey)).size).toBe(events.length);
  return events.map(({ event: { payload } }) =>
    [payload['to'], payload['cause'], payload['epoch']].join(' '),
  );
}

/** Fields come in the order of a hash. */
function inOrder(picture: Picture): Picture {
  return { ...picture, benched: picture.benched.toSorted((a, b) => a.workerId.localeCompare(b.workerId)) };
}

/** What a process of the fleet asks of the circuit, through its connection. */
function askCircuit(redis: Redis, seat: Seat): Asked {
  const circuit = createCircuit({ redis, namespace, eventStream: stream, ...seat });
  const attend = attendAs(redis, keys, { ...seat, name: seat.worker });
  return {
    ...circuit,
    async attend({ takes, first }) {
      const { bench, isDue, onProbation } = await attend(takes ? '1' : '0', first ? '' : '1');
      const standing = onProbation ? 'probation' : 'full';
      return { standing: bench ? 'benched' : standing, due: isDue };
    },
  };
}

describe('the scripts and the model', () => {
  const clock = drivenClock(control, namespace, { start: START });
  const { redis } = clock.drive(connect());

  async function passOf(step: Step, model: Model, options: CircuitOptions): Promise<void> {
    if (step.do === 'pass') return clock.pass(step.ms);
    if (step.do !== 'pass to boundary') return;
    const due = model.boundaries(clock.now(), options);
    const at = due[step.which % (due.length || 1)];
    if (at !== undefined) await clock.set(Math.max(clock.now(), at + step.offset));
  }

  async function lose(how: 'missing' | 'junk' | 'register', model: Model): Promise<void> {
    // Epochs run ahead of the clock by the transitions within one millisecond, and a rebuilt circuit's
    // begin at the clock: time passes before anybody notices.
    await clock.pass(100);
    const [circuit, , , register] = keys.machine;
    const lost = how === 'register' ? register : circuit;
    await control.del(lost);
    if (how === 'junk') await control.set(lost, 'junk');
    model.lose(how);
  }

  async function live(options: readonly CircuitOptions[], steps: readonly Step[]): Promise<void> {
    await freshStart(clock);
    const fleet = createFleet(options, (seat) => askCircuit(redis, seat));
    const reader = createCircuit({ redis, namespace, eventStream: stream, options: fleet.seat(0).options });
    const model = createModel();
    for (const step of steps) {
      if (step.do === 'pass' || step.do === 'pass to boundary')
        await passOf(step, model, fleet.seat(0).options);
      else if (step.do === 'drop') fleet.process(step.worker).drop(step.which);
      else if (step.do === 'die') fleet.die(step.worker);
      else if (step.do === 'lose') await lose(step.how, model);
      else {
        const { answer, ask } = await fleet.process(step.worker).ask(step, clock.now());
        deepEqual(answer, ask(model, clock.now()));
      }
      const {
        lastFailure: _failure,
        lastSuccess: _success,
        totals: _totals,
        openings: _openings,
        ...seen
      } = await reader.status();
      deepEqual(inOrder(seen), inOrder(model.seat(fleet.seat(0)).status(clock.now())));
    }
    expect(await toldTransitions()).toEqual(model.transitions());
  }

  it(
    'give the same answers and the same states through every history',
    async () => {
      await fc.assert(fc.asyncProperty(fleetOptions, history, live), { numRuns: RUNS, endOnFailure: false });
    },
    TIMEOUT_MS,
  );
});

/** So that each script has been sent once. */
const EVERY_SCRIPT: readonly Step[] = [
  { do: 'begin health', worker: 0 },
  { do: 'acquire', worker: 0, job: 0, payload: 0 },
  { do: 'attend', worker: 0, takes: true },
];

describe('several connections at once', () => {
  const clock = drivenClock(control, namespace, { start: START, journal: true });
  const connections = Array.from({ length: FLEET }, () => clock.drive(connect()));

  interface Journaled extends Exchange {
    readonly call: number;
  }

  /** One process after its program, beside the others; what it asked, by the number of the script call. */
  async function act(
    index: number,
    options: readonly CircuitOptions[],
    steps: readonly Step[],
  ): Promise<Journaled[]> {
    const client = connections[index];
    if (!client) throw new Error('More programs than connections.');
    const fleet = createFleet(options, (seat) => askCircuit(client.redis, seat));
    const asked: Journaled[] = [];
    for (const step of steps) {
      const subject = fleet.process(index);
      if (step.do === 'pass') await clock.pass(step.ms);
      else if (step.do === 'drop') subject.drop(step.which);
      else if (step.do === 'die') fleet.die(index);
      // To when an opening is due, whatever the others have moved meanwhile.
      else if (step.do === 'pass to boundary') await clock.pass(fleet.seat(index).options.openMs);
      else if (step.do === 'attend' && index === OLDER_VERSION) continue;
      else if (step.do !== 'lose')
        asked.push({ ...(await subject.ask(step, clock.now())), call: client.lastCall() });
    }
    return asked;
  }

  /** In the order in which Redis ran the scripts, every answer is the model's. */
  async function liveTogether(
    options: readonly CircuitOptions[],
    programs: readonly Step[][],
  ): Promise<void> {
    await freshStart(clock);
    const asked = (await Promise.all(programs.map((steps, i) => act(i, options, steps)))).flat();
    const exchanges = new Map(asked.map((exchange) => [exchange.call, exchange]));
    const model = createModel();
    const most = Math.max(...options.map(({ successThreshold }) => successThreshold));
    const reader = model.seat({ worker: ANONYMOUS, options: options[0] ?? OPTIONS });
    const order = await clock.journal();
    for (const { call, now } of order) {
      const exchange = exchanges.get(call);
      if (!exchange) throw new Error(`The journal names call ${call}, which nobody made.`);
      deepEqual(exchange.answer, exchange.ask(model, now));
      exchanges.delete(call);
      const { successes, trialsInFlight } = reader.status(now);
      expect(trialsInFlight + successes).toBeLessThanOrEqual(most);
    }
    // Only who finds a delivered mark never asks for the time.
    for (const { answer, ask } of exchanges.values()) {
      expect(answer).toEqual({ kind: 'delivered' });
      expect(ask(model, clock.now())).toEqual(answer);
    }
    const told = await toldTransitions();
    expect(told).toEqual(model.transitions());
    const epochs = told.map((line) => Number(line.split(' ').at(-1)));
    expect(epochs).toEqual([...new Set(epochs)].sort((a, b) => a - b));
  }

  // A script that Redis does not know yet is sent twice; loaded beforehand, each call is one script.
  beforeAll(async () => {
    await clock.set(START);
    for (const options of fc.sample(someOptions, 60)) {
      const all = Array.from({ length: FLEET }, () => options);
      await act(0, all, EVERY_SCRIPT);
    }
  });

  it(
    'get answers that are right in the order in which Redis gave them',
    async () => {
      const programs = fc.array(program, { minLength: 2, maxLength: connections.length });
      await fc.assert(fc.asyncProperty(fleetOptions, programs, liveTogether), {
        numRuns: RUNS,
        endOnFailure: true,
      });
    },
    TIMEOUT_MS,
  );
});
