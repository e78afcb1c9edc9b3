import { Redis } from 'ioredis';
import { type Circuit, createCircuit } from '../../src/circuit/circuit.ts';
import type { CircuitOptions } from '../../src/circuit/options.ts';
import type { Acquired, OutcomeReport, Recorded, Subject } from '../../src/circuit/types.ts';
import { type DrivenClock, drivenClock } from '../support/driven-clock.ts';
import { testRedisUrl, uniqueNamespace } from '../support/redis.ts';

export const OPTIONS: CircuitOptions = {
  failureThreshold: 5,
  failureRate: 0.5,
  minimumCalls: 20,
  windowMs: 10_000,
  streakGapMs: 10_000,
  slowCallMs: 0,
  rejections: 10,
  openMs: 1_000,
  openMaxMs: 6_000,
  successThreshold: 2,
  leaseMs: 30_000,
  healthLeaseMs: 5_000,
  deliveredRetentionMs: 600_000,
};

/** Where every driven clock starts: the beginning of a slice of the window. */
export const START = 1_800_000_000_000;

const open: Redis[] = [];

export function connect(url = testRedisUrl()): Redis {
  const redis = new Redis(url);
  open.push(redis);
  return redis;
}

export async function disconnectAll(): Promise<void> {
  await Promise.all(open.splice(0).map((redis) => redis.quit()));
}

/** An entry of the outcome stream. */
export interface Entry {
  readonly event: { type: string; dedupeKey: string; payload: Record<string, unknown> };
  readonly state: string | undefined;
  readonly stale: boolean;
  readonly at: number;
}

/** A circuit of its own namespace on a driven clock, and the words tests say to it. */
export interface Bench {
  readonly circuit: Circuit;
  readonly clock: DrivenClock;
  readonly redis: Redis;
  readonly namespace: string;
  readonly keys: { circuit: string; trials: string; events: string };
  /** The same circuit seen by another process: a connection of its own; a worker, if it is named. */
  readonly another: (overrides?: Partial<CircuitOptions>, worker?: string) => Circuit;
  readonly entries: (type?: string) => Promise<Entry[]>;
  /** A new job asks. */
  readonly acquire: (subject?: Partial<Subject>) => Promise<Asked>;
  /** A new job asks, calls and records. */
  readonly call: (effect: OutcomeReport['effect'], report?: Partial<OutcomeReport>) => Promise<Recorded>;
  readonly fail: (times: number) => Promise<void>;
  readonly succeed: (times: number) => Promise<void>;
  /** From wherever it is to half-open with its health call answered. */
  readonly toTrials: () => Promise<void>;
}

/** What became of asking, and the word to end a permitted call with. */
interface Asked {
  readonly answer: Acquired;
  readonly subject: Subject;
  readonly record: (effect: OutcomeReport['effect'], report?: Partial<OutcomeReport>) => Promise<Recorded>;
}

let jobs = 0;

export async function aCircuit(
  overrides: Partial<CircuitOptions> = {},
  url = testRedisUrl(),
): Promise<Bench> {
  const redis = connect(url);
  const namespace = uniqueNamespace();
  const clock = drivenClock(redis, namespace, { start: START });
  await clock.set(START);
  const keys = {
    circuit: `{${namespace}}:circuit`,
    trials: `{${namespace}}:circuit:trials`,
    events: `{${namespace}}:events`,
  };
  const make = (client: Redis, more: Partial<CircuitOptions> = {}, worker = '') =>
    createCircuit({
      worker,
      redis: clock.drive(client).redis,
      namespace,
      eventStream: keys.events,
      options: { ...OPTIONS, ...overrides, ...more },
    });
  const circuit = make(redis);
  return {
    circuit,
    clock,
    redis,
    namespace,
    keys,
    another: (more, worker) => make(connect(url), more, worker),
    entries: (type) => streamEntries(redis, keys.events, type),
    ...words(circuit, clock),
  };
}

function words(circuit: Circuit, clock: DrivenClock) {
  async function acquire(partial: Partial<Subject> = {}): Promise<Asked> {
    jobs += 1;
    const subject = { jobId: `job-${jobs}`, syncKey: `ps-${jobs}`, ...partial };
    const answer = await circuit.acquire(subject);
    return {
      answer,
      subject,
      record: (effect, report) => circuit.record(subject, permissionOf(answer), aReport(effect, report)),
    };
  }
  async function call(effect: OutcomeReport['effect'], report?: Partial<OutcomeReport>) {
    return (await acquire()).record(effect, report);
  }
  async function repeat(effect: OutcomeReport['effect'], times: number) {
    for (let i = 0; i < times; i += 1) await call(effect);
  }
  return {
    acquire,
    call,
    fail: (times: number) => repeat('failure', times),
    succeed: (times: number) => repeat('success', times),
    async toTrials() {
      const { state, retryAt } = await circuit.status();
      if (state === 'closed') throw new Error('The circuit is closed: trip it first.');
      if (retryAt !== null) await clock.set(retryAt);
      await circuit.endHealth(await health(circuit), 'healthy');
    },
  };
}

/** The permission to make the health call, which must be due. */
export async function health(circuit: Circuit): Promise<string> {
  const permission = await circuit.beginHealth();
  if (permission === null) throw new Error('The health call is not due.');
  return permission;
}

export function permissionOf(answer: Acquired): string {
  if (answer.kind !== 'permitted') throw new Error(`Expected a permission, got ${JSON.stringify(answer)}.`);
  return answer.permission;
}

export function aReport(effect: OutcomeReport['effect'], report: Partial<OutcomeReport> = {}): OutcomeReport {
  const event = { dedupeKey: 'outcome', type: `outcome.${effect}`, aggregateId: 'job', payload: {} };
  return { effect, durationMs: 20, delivered: effect === 'success', event, ...report };
}

export async function streamEntries(redis: Redis, stream: string, type?: string): Promise<Entry[]> {
  const found = await redis.xrange(stream, '-', '+');
  return found
    .map(([, list]) => {
      const fields = new Map(list.flatMap((name, i) => (i % 2 === 0 ? [[name, list[i + 1]]] : [])));
      return {
        event: JSON.parse(fields.get('event') ?? '{}'),
        state: fields.get('state'),
        stale: fields.get('stale') === '1',
        at: Number(fields.get('at')),
      };
    })
    .filter(({ event }) => type === undefined || event.type === type);
}
