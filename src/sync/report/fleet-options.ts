import * as z from 'zod';
import { type CircuitOptions, checkCircuitOptions } from '../../circuit/options.ts';
import type { GateOptions } from '../gate/gate-script.ts';

const number = z.number();
const optionsSchema = z.object({
  circuit: z.object({
    failureThreshold: number,
    streakGapMs: number,
    failureRate: number,
    minimumCalls: number,
    windowMs: number,
    slowCallMs: number,
    rejections: number,
    openMs: number,
    openMaxMs: number,
    successThreshold: number,
    leaseMs: number,
    healthLeaseMs: number,
    deliveredRetentionMs: number,
  }),
  eventBacklogMax: number,
  fleetConcurrency: number,
  rampStepMs: number,
});

/** What workers told that they decide by. Null: there is none, or another version wrote what this one can't read. */
export function parseOptions(text: string | null): GateOptions | null {
  if (text === null) return null;
  try {
    const options = optionsSchema.parse(JSON.parse(text));
    checkCircuitOptions(options.circuit);
    return options;
  } catch {
    return null;
  }
}

type Told = CircuitOptions & Omit<GateOptions, 'circuit'>;

/** The variable that a person would set; derived ones have none of their own. */
const VARIABLES: Readonly<Partial<Record<keyof Told, string>>> = {
  failureThreshold: 'CIRCUIT_FAILURE_THRESHOLD',
  failureRate: 'CIRCUIT_FAILURE_RATE',
  minimumCalls: 'CIRCUIT_MINIMUM_CALLS',
  windowMs: 'CIRCUIT_WINDOW',
  slowCallMs: 'CIRCUIT_SLOW_CALL',
  rejections: 'CIRCUIT_REJECTIONS',
  openMs: 'CIRCUIT_OPEN',
  openMaxMs: 'CIRCUIT_OPEN_MAX',
  successThreshold: 'CIRCUIT_SUCCESS_THRESHOLD',
  leaseMs: 'CONEXXUS_TIMEOUT',
  deliveredRetentionMs: 'DELIVERED_RETENTION_DAYS',
  eventBacklogMax: 'EVENT_BACKLOG_MAX',
  fleetConcurrency: 'FLEET_CONCURRENCY',
  rampStepMs: 'RAMP_STEP',
};

interface Configured {
  readonly name: string;
  /** As the worker told them, JSON. */
  readonly options: string | null;
}

/** "CIRCUIT_WINDOW 60000 (till-1), 30000 (till-2)": each setting in which these workers differ. */
export function differencesOf(workers: readonly Configured[]): string[] {
  const known = workers.flatMap(({ name, options }) => {
    const parsed = parseOptions(options);
    if (parsed === null) return [];
    const { circuit, ...rest } = parsed;
    return [{ name, options: new Map<string, number>(Object.entries({ ...circuit, ...rest })) }];
  });
  return Object.entries(VARIABLES).flatMap(([option, variable]) => {
    const values = [...new Set(known.map(({ options }) => options.get(option)))];
    if (values.length < 2) return [];
    const told = values.map((value) => {
      const holders = known.filter(({ options }) => options.get(option) === value);
      return `${value} (${holders.map(({ name }) => name).join(', ')})`;
    });
    return [`${variable} ${told.join(', ')}`];
  });
}
