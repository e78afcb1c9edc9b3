import type { CircuitOptions } from '../circuit/options.ts';
import type { GateOptions } from './gate/gate-script.ts';
import { HEALTH_TIMEOUT_MS } from './gate/health-call.ts';

/** The part of the configuration that the circuit and the gate share, as every process reads it. */
export interface FleetSettings {
  readonly circuit: Omit<
    CircuitOptions,
    'streakGapMs' | 'leaseMs' | 'healthLeaseMs' | 'deliveredRetentionMs'
  > & {
    readonly rampStepMs: number;
    readonly deliveredRetentionDays: number;
  };
  readonly eventBacklogMax: number;
  /** 0: no limit. */
  readonly fleetConcurrency: number;
  /** Of one API call. */
  readonly callTimeoutMs: number;
}

/** How much longer than its call a claim lives: the way to Redis and back, and a busy event loop. */
const LEASE_MARGIN_MS = 5_000;
const DAY_MS = 24 * 3_600_000;

export function gateOptionsOf(settings: FleetSettings): GateOptions {
  const { rampStepMs, deliveredRetentionDays, ...circuit } = settings.circuit;
  return {
    circuit: {
      ...circuit,
      // Calls that each take half a window to fail must be able to make a row.
      streakGapMs: Math.max(circuit.windowMs, 2 * settings.callTimeoutMs),
      leaseMs: settings.callTimeoutMs + LEASE_MARGIN_MS,
      healthLeaseMs: HEALTH_TIMEOUT_MS + LEASE_MARGIN_MS,
      deliveredRetentionMs: deliveredRetentionDays * DAY_MS,
    },
    eventBacklogMax: settings.eventBacklogMax,
    fleetConcurrency: settings.fleetConcurrency,
    rampStepMs,
  };
}

/** The same for a process that neither calls nor sets the pace: it looks, and passes on what people say. */
export function onlookerOptionsOf(circuit: FleetSettings['circuit'], eventBacklogMax: number): GateOptions {
  return gateOptionsOf({ circuit, eventBacklogMax, fleetConcurrency: 0, callTimeoutMs: 0 });
}
