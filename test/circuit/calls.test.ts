import { afterAll, describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import type { Acquired, CircuitEffect, Recorded, Subject } from '../../src/circuit/types.ts';
import { aCircuit, aReport, type Bench, disconnectAll } from './harness.ts';

afterAll(disconnectAll);

const RUNS = Number(process.env['PROPERTY_RUNS'] ?? 100);

/** A permission of an earlier round, and what comes of it; the same may be picked again. */
interface Ending {
  readonly pick: number;
  readonly effect: CircuitEffect;
}

/** All that a worker asks in one turn of its event loop, then all that it records in another, then time goes by. */
interface Round {
  readonly payloads: readonly number[];
  readonly endings: readonly Ending[];
  readonly waitMs: number;
}

const effect = fc.constantFrom<CircuitEffect>(
  'success',
  'success',
  'success',
  'failure',
  'misconfigured',
  'rate-limited',
  'rejected',
  'crashed',
  'ignored',
);
const rounds: fc.Arbitrary<Round[]> = fc.array(
  fc.record({
    payloads: fc.array(fc.integer({ min: 0, max: 12 }), { maxLength: 40 }),
    endings: fc.array(fc.record({ pick: fc.nat(), effect }), { maxLength: 40 }),
    waitMs: fc.constantFrom(0, 20, 1_000, 40_000),
  }),
  { maxLength: 5 },
);

type Ask = () => Promise<unknown>;
/** What was asked, and what was answered. */
type Way = (asks: readonly Ask[]) => Promise<unknown>;

const inOneTurn: Way = (asks) => Promise.all(asks.map((ask) => ask()));
const oneByOne: Way = async (asks) => {
  for (const ask of asks) await ask();
};

interface Held {
  readonly subject: Subject;
  readonly permission: string;
}

/** Every answer, save the permissions' names, and what is left. */
async function live(bench: Bench, history: readonly Round[], way: Way) {
  const worker = bench.another({}, 'w-1');
  const answers: (Omit<Acquired, 'permission'> | Recorded)[][] = [];
  const held: Held[] = [];
  for (const [number, { payloads, endings, waitMs }] of history.entries()) {
    answers.push(await acquireAll(number, payloads));
    answers.push(await recordAll(endings));
    await bench.clock.pass(waitMs);
  }
  const told = (await bench.entries()).map(({ event, state, stale }) => [event.type, state, stale]);
  return { answers, status: await worker.status(), told };

  async function acquireAll(number: number, payloads: readonly number[]) {
    const replies: Omit<Acquired, 'permission'>[] = [];
    const granted: Held[] = [];
    const asks = payloads.map((payload, place) => async () => {
      const subject = { jobId: `job-${number}-${place}`, syncKey: `ps-${payload}` };
      const acquired = await worker.acquire(subject);
      replies[place] = { ...acquired, ...(acquired.kind === 'permitted' && { permission: '' }) };
      if (acquired.kind === 'permitted') granted[place] = { subject, permission: acquired.permission };
    });
    await way(asks);
    held.push(...granted.filter((each) => each !== undefined));
    return replies;
  }

  async function recordAll(endings: readonly Ending[]) {
    const replies: Recorded[] = [];
    const asks = endings.flatMap(({ pick, effect }, place) => {
      const { subject, permission } = held[pick % held.length] ?? {};
      if (subject === undefined || permission === undefined) return [];
      return [
        async () => {
          replies[place] = await worker.record(subject, permission, aReport(effect));
        },
      ];
    });
    await way(asks);
    return replies;
  }
}

describe('calls of one turn', () => {
  it('are answered, counted and told as if each had come by itself', async () => {
    await fc.assert(
      fc.asyncProperty(rounds, async (history) => {
        const [together, apart] = [await aCircuit(), await aCircuit()];
        try {
          expect(await live(together, history, inOneTurn)).toEqual(await live(apart, history, oneByOne));
        } finally {
          await disconnectAll();
        }
      }),
      { numRuns: RUNS },
    );
  }, 60_000);

  it('for one payload get one permission', async () => {
    const { circuit } = await aCircuit();
    const ask = (place: number) => circuit.acquire({ jobId: `job-${place}`, syncKey: 'ps-same' });
    const answers = await Promise.all(Array.from({ length: 20 }, (_, place) => ask(place)));
    expect(answers.filter(({ kind }) => kind === 'permitted')).toHaveLength(1);
    expect(
      answers.filter((answer) => answer.kind === 'denied' && answer.reason === 'in-flight'),
    ).toHaveLength(19);
  });

  it('that follow the failure which opens the circuit count no more', async () => {
    const bench = await aCircuit();
    const calls = await Promise.all(Array.from({ length: 7 }, () => bench.acquire()));
    const effects = ['success', 'failure', 'failure', 'failure', 'failure', 'failure', 'success'] as const;
    const recorded = await Promise.all(calls.map(({ record }, place) => record(effects[place] ?? 'ignored')));
    expect(recorded.map(({ kind, state }) => `${kind}, ${state}`)).toEqual([
      ...Array.from({ length: 5 }, () => 'recorded, closed'),
      'recorded, open',
      'stale, open',
    ]);
  });
});
