import type { Redis } from 'ioredis';
import { type CircuitAction, createCircuit, type PersonsWord } from '../../circuit/circuit.ts';
import { readFleetOptions, readRegister } from '../../circuit/register.ts';
import { eventStreamKey } from '../../events/event.ts';
import { type GateOptions, readPause } from '../gate/gate-script.ts';
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
  /** Redis's clock, as all times of the report. */
  readonly now: number;
}

interface FleetDeps {
  readonly redis: Redis;
  readonly namespace: string;
  /** Where no worker ever told what it decides by. */
  readonly ownOptions: GateOptions;
}

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
  return {
    async look() {
      const options = await optionsNow();
      const [status, pausedBy, { workers, now }] = await Promise.all([
        circuitOf(options).status(),
        readPause(redis, namespace, options),
        readRegister(redis, namespace, eventStream),
      ]);
      const report = circuitReport(status, pausedBy, options.circuit);
      return { report, workers: workerReports(workers, status.benched), now };
    },
    async operate(action, word) {
      await circuitOf(await optionsNow()).operate(action, word);
    },
  };
}
