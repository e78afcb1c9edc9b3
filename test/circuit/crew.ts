import type { Circuit } from '../../src/circuit/circuit.ts';
import { circuitKeys } from '../../src/circuit/keys.ts';
import type { CircuitOptions } from '../../src/circuit/options.ts';
import type { Acquired, OutcomeReport, Recorded, Subject } from '../../src/circuit/types.ts';
import { type Attended, attendAs } from './attend.ts';
import { aCircuit, aReport, type Bench, OPTIONS, permissionOf } from './harness.ts';

/** A worker of the circuit, without its process: what its gate and its processor say to the circuit. */
export interface CrewMember {
  readonly id: string;
  readonly circuit: Circuit;
  /** As its gate does once a second. */
  attend(takesJobs?: boolean): Promise<Attended>;
  leave(): Promise<void>;
  acquire(subject?: Partial<Subject>): Promise<{
    readonly answer: Acquired;
    readonly record: (effect: OutcomeReport['effect'], report?: Partial<OutcomeReport>) => Promise<Recorded>;
  }>;
  /** A job with a payload of its own, or of this name, that is called and recorded. */
  call(effect: OutcomeReport['effect'], payload?: string, report?: Partial<OutcomeReport>): Promise<Recorded>;
  fail(times: number, payload?: string): Promise<void>;
}

export interface Crew extends Bench {
  readonly workers: readonly CrewMember[];
  /** All of them; a worker that is not seen for five seconds is gone. */
  attend(): Promise<void>;
  hire(id: string, overrides?: Partial<CircuitOptions>): Promise<CrewMember>;
}

let payloads = 0;

/** A circuit with so many workers, all there and taking jobs: `w1`, `w2` and so on. */
export async function aCrew(count: number, overrides: Partial<CircuitOptions> = {}): Promise<Crew> {
  const bench = await aCircuit(overrides);
  const workers: CrewMember[] = [];
  async function hire(id: string, more: Partial<CircuitOptions> = {}): Promise<CrewMember> {
    const member = aMember(bench, id, { ...overrides, ...more });
    workers.push(member);
    await member.attend();
    return member;
  }
  for (let i = 1; i <= count; i += 1) await hire(`w${i}`);
  return {
    ...bench,
    workers,
    hire,
    async attend() {
      for (const worker of workers) await worker.attend();
    },
  };
}

function aMember(bench: Bench, id: string, overrides: Partial<CircuitOptions>): CrewMember {
  const options = { ...OPTIONS, ...overrides };
  const { redis, namespace, keys } = bench;
  const circuit = bench.another(overrides, id);
  const attend = attendAs(bench.clock.drive(redis).redis, circuitKeys(namespace, keys.events), {
    worker: id,
    name: `name of ${id}`,
    options,
  });
  let since = '';
  const say = async (word: '1' | '0' | 'leave') => {
    const attended = await attend(word, since);
    ({ since } = attended);
    return attended;
  };
  const member: CrewMember = {
    id,
    circuit,
    attend: (takesJobs = true) => say(takesJobs ? '1' : '0'),
    leave: async () => void (await say('leave')),
    async acquire(partial = {}) {
      payloads += 1;
      const subject = { jobId: `crew-job-${payloads}`, syncKey: `ps-crew-${payloads}`, ...partial };
      const answer = await circuit.acquire(subject);
      return {
        answer,
        record: (effect, report) => circuit.record(subject, permissionOf(answer), aReport(effect, report)),
      };
    },
    async call(effect, payload, report) {
      const asked = await member.acquire(payload === undefined ? {} : { syncKey: payload });
      return asked.record(effect, report);
    },
    async fail(times, payload) {
      for (let i = 0; i < times; i += 1) await member.call('failure', payload);
    },
  };
  return member;
}

/** A crew, and its first two workers; of a crew of one they are the same. */
export async function crewOf(
  count: 1 | 2 | 3,
  overrides: Partial<CircuitOptions> = {},
): Promise<{ readonly crew: Crew; readonly a: CrewMember; readonly b: CrewMember }> {
  const crew = await aCrew(count, overrides);
  const [a, b = a] = crew.workers;
  if (!a || !b) throw new Error('A crew has at least one worker.');
  return { crew, a, b };
}

export async function stateOf({ circuit }: Crew): Promise<[state: string, cause: string | null]> {
  const { state, cause } = await circuit.status();
  return [state, cause];
}
