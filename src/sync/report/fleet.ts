import type { Redis } from 'ioredis';
import type { Moment } from '../../base/moment.ts';
import { type CircuitAction, createCircuit, type PersonsWord } from '../../circuit/circuit.ts';
import { readFleetOptions, readWorkers } from '../../circuit/register.ts';
import type { CircuitStatus } from '../../circuit/types.ts';
import { eventStreamKey } from '../../events/event.ts';
import { type GateOptions, lookAtGate } from '../gate/gate-script.ts';
import { type CircuitReport, circuitReport } from './circuit-report.ts';
import { parseOptions } from './fleet-options.ts';
import { type WorkerReport, workerReports } from './worker-report.ts';

/** The workers and their circuit, as one who is none of them sees it. */
export interface Fleet {
  look(): Promise<FleetView>;
  /** @throws {IllegalMoveError} */
  operate(action: CircuitAction, word: PersonsWord): Promise<void>;
}

export interface FleetView {
  readonly report: CircuitReport;
  readonly workers: readonly WorkerReport[];
  /** How often the circuit opened since it was first started, by cause. */
  readonly openings: CircuitStatus['openings'];
  /** Calls that all workers may have in flight now; 0: no limit. */
  readonly concurrency: number;
  /** Rows waiting for Postgres at which the queue is paused. */
  readonly eventBacklogMax: number;
  /** Redis's clock, as all times of the report. */
  readonly now: number;
}

interface FleetDeps {
  readonly redis: Redis;
  readonly namespace: string;
  /** Where no worker ever told what it decides by. */
  readonly ownOptions: GateOptions;
}

/** They change with a release. */
const OPTIONS_FOR_MS = 5_000;

/**
 * Whoever only looks, or passes on a person's word, judges by what the workers judge by, which is in Redis, and
 * not by an environment that may lack their settings.
 */
export function createFleet({ redis, namespace, ownOptions }: FleetDeps): Fleet {
  const eventStream = eventStreamKey(namespace);
  const circuitOf = ({ circuit: options }: GateOptions) =>
    createCircuit({ redis, namespace, eventStream, options });
  const optionsNow = async () =>
    parseOptions(await readFleetOptions(redis, namespace, eventStream)) ?? ownOptions;
  let known = { options: ownOptions, at: Number.NEGATIVE_INFINITY };
  const optionsToLook = async () => {
    if (performance.now() - known.at >= OPTIONS_FOR_MS) {
      known = { options: await optionsNow(), at: performance.now() };
    }
    return known.options;
  };
  return {
    async look() {
      const options = await optionsToLook();
      const [status, gate, workersAt] = await Promise.all([
        circuitOf(options).status(),
        lookAtGate(redis, namespace, options),
        readWorkers(redis, namespace, eventStream),
      ]);
      return {
        report: circuitReport(status, gate.reasons, options.circuit),
        workers: workerReports(workersAt(gate.now), status.benched),
        openings: status.openings,
        concurrency: gate.concurrency,
        eventBacklogMax: options.eventBacklogMax,
        now: gate.now,
      };
    },
    async operate(action, word) {
      await circuitOf(await optionsNow()).operate(action, word);
    },
  };
}

/** The circuit knows Redis's clock alone: "in 30 minutes" is meant by it. */
export async function timeToCome(end: Moment, fleet: { look(): Promise<{ now: number }> }): Promise<number> {
  return 'at' in end ? end.at : (await fleet.look()).now + end.spanMs;
}
