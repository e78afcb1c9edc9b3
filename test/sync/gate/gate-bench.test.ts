import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Queue } from 'bullmq';
import type { Redis } from 'ioredis';
import { connectRedis } from '../../../src/base/redis.ts';
import { type Circuit, createCircuit } from '../../../src/circuit/circuit.ts';
import { circuitKeys } from '../../../src/circuit/keys.ts';
import { readRegister } from '../../../src/circuit/register.ts';
import type { CircuitEffect } from '../../../src/circuit/types.ts';
import { eventStreamKey } from '../../../src/events/event.ts';
import { createConsumer } from '../../../src/sync/consumer.ts';
import { createGate, type Gate } from '../../../src/sync/gate/gate.ts';
import type { Standing } from '../../../src/sync/gate/gate-script.ts';
import { createWorkerSelf, type WorkerSelf } from '../../../src/sync/worker-self.ts';
import { OPTIONS } from '../../circuit/harness.ts';
import { eventually } from '../../support/eventually.ts';
import { testRedisUrl, uniqueNamespace } from '../../support/redis.ts';

const GATE_OPTIONS = { eventBacklogMax: 1_000, fleetConcurrency: 0, rampStepMs: 0 };

/** A worker with its gate; its calls are made by the test. */
interface Hand {
  readonly self: WorkerSelf;
  readonly gate: Gate;
  readonly standings: Standing['kind'][];
  call(effect: CircuitEffect): Promise<void>;
}

let namespace: string;
let redis: Redis;
let connections: Redis[];
let gates: Gate[];
let isWell: boolean;
/** Health calls under way, which the test ends. */
let hanging: (() => void)[] | undefined;
let jobs = 0;

const connect = () => {
  const connection = connectRedis(testRedisUrl(), 'patient', () => undefined);
  connections.push(connection);
  return connection;
};

beforeEach(() => {
  namespace = uniqueNamespace();
  connections = [];
  gates = [];
  redis = connect();
  isWell = true;
  hanging = undefined;
});

afterEach(async () => {
  for (const end of hanging ?? []) end();
  await Promise.all(gates.map((gate) => gate.stop()));
  const keys = await redis.keys(`{${namespace}}:*`);
  if (keys.length > 0) await redis.del(keys);
  for (const connection of connections) connection.disconnect();
});

async function hire(name: string): Promise<Hand> {
  const self = createWorkerSelf(name, '1.2.3', 4);
  self.takesJobs = true;
  const options = { ...OPTIONS, openMs: 300, openMaxMs: 300 };
  const eventStream = eventStreamKey(namespace);
  const circuit: Circuit = createCircuit({ redis, namespace, eventStream, options, worker: self.id });
  const health = async () => {
    if (hanging !== undefined) await new Promise<void>((resolve) => hanging?.push(resolve));
    return isWell
      ? ({ kind: 'ok', durationMs: 1, httpStatus: 200 } as const)
      : ({ kind: 'failed', durationMs: 1, error: { code: 'timeout', message: 'no answer' } } as const);
  };
  const gate = createGate({
    redis,
    subscriber: connect(),
    namespace,
    circuit,
    client: { health },
    options: { ...GATE_OPTIONS, circuit: options },
    self,
  });
  gates.push(gate);
  const standings: Standing['kind'][] = [];
  gate.onStanding(({ kind }) => standings.push(kind));
  await gate.start();
  await gate.follow();
  return {
    self,
    gate,
    standings,
    async call(effect) {
      jobs += 1;
      const subject = { jobId: `job-${jobs}` };
      const acquired = await circuit.acquire(subject);
      if (acquired.kind !== 'permitted') throw new Error(`not permitted: ${JSON.stringify(acquired)}`);
      const report = { effect, durationMs: 1, delivered: false, event: { dedupeKey: 'a', type: 't' } };
      await circuit.record(subject, acquired.permission, report);
    },
  };
}

const registered = async () => {
  const { workers } = await readRegister(redis, namespace, eventStreamKey(namespace));
  return workers.map(({ entry, takesJobs }) => [JSON.parse(entry).name, takesJobs]);
};

describe('the gate of a worker', () => {
  it('keeps it in the register as long as it runs, and takes it out when it stops', async () => {
    const till = await hire('till');
    await hire('office');
    expect(await registered()).toEqual([
      ['till', true],
      ['office', true],
    ]);
    till.self.takesJobs = false;
    await till.gate.follow();
    expect(await registered()).toContainEqual(['till', false]);
    await till.gate.stop();
    expect(await registered()).toEqual([['office', true]]);
  });

  it('keeps it there also while its health call hangs, so that nothing held against it is forgotten', async () => {
    const first = await hire('first');
    hanging = [];
    for (let i = 0; i < OPTIONS.failureThreshold; i += 1) await first.call('failure');
    await eventually(() => expect(hanging).toHaveLength(1));
    const key = circuitKeys(namespace, eventStreamKey(namespace)).machine[3];
    const seenUntil = async () => Number((await redis.hget(key, first.self.id))?.split('|')[0]);
    const before = await seenUntil();
    await eventually(async () => expect(await seenUntil()).toBeGreaterThan(before + 1_500));
    expect(hanging).toHaveLength(1);
  });

  it('tells it that it is benched, and has it back on probation once Conexxus answers its own health call', async () => {
    const sick = await hire('sick');
    await hire('well');
    isWell = false;
    for (let i = 0; i < OPTIONS.failureThreshold; i += 1) await sick.call('failure');
    await sick.gate.follow();
    expect(sick.standings).toEqual(['full', 'benched']);
    expect(await registered()).toContainEqual(['sick', false]);
    isWell = true;
    await eventually(() => expect(sick.standings).toEqual(['full', 'benched', 'probation']));
    await sick.call('success');
    await eventually(() => expect(sick.standings.at(-1)).toBe('full'));
  });
});

describe('a consumer that is allowed no slots', () => {
  it('fetches nothing, leaves what comes to others, and goes on when it is allowed again', async () => {
    const queue = new Queue('sync', { connection: redis, prefix: `{${namespace}}` });
    const done: string[] = [];
    const open = (name: string) => {
      const consumer = createConsumer({
        redis: connect(),
        namespace,
        self: createWorkerSelf(name, '1.2.3', 2),
        completedMax: 100,
        process: async () => void done.push(name),
      });
      consumer.start();
      return consumer;
    };
    const benched = open('benched');
    benched.allow(0);
    for (let i = 0; i < 3; i += 1) await queue.add('a job', {});
    const other = open('other');
    await eventually(() => expect(done).toEqual(['other', 'other', 'other']));
    await other.drain(1_000);
    benched.allow(1);
    await queue.add('a job', {});
    await eventually(() => expect(done.at(-1)).toBe('benched'));
    await benched.drain(1_000);
    await queue.close();
  });
});
