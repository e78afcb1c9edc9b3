import { ConexxusSyncError } from '../base/errors.ts';

/** The circuit's configuration; every worker of a namespace is meant to have the same. */
export interface CircuitOptions {
  /** Failures in a row that open it. */
  readonly failureThreshold: number;
  /** A row ends after so long without a failure. */
  readonly streakGapMs: number;
  /** Or this share (0..1] of at least `minimumCalls` calls of the window. */
  readonly failureRate: number;
  readonly minimumCalls: number;
  readonly windowMs: number;
  /** Successes that took longer count as failures; 0 = off. */
  readonly slowCallMs: number;
  /** Rejections in a row, no success between, that open it. */
  readonly rejections: number;
  /** Until the first trial; doubles with each failed trial up to the maximum. */
  readonly openMs: number;
  readonly openMaxMs: number;
  /** Trial successes that close it, and the most trials in flight. */
  readonly successThreshold: number;
  /** How long a claim or a trial lives if its process dies: the call's timeout and a margin. */
  readonly leaseMs: number;
  /** The same for the health call. */
  readonly healthLeaseMs: number;
  readonly deliveredRetentionMs: number;
}

export class InvalidCircuitOptionsError extends ConexxusSyncError {
  readonly code = 'INVALID_CIRCUIT_OPTIONS';
}

/** @throws {InvalidCircuitOptionsError} naming every option that is off. */
export function checkCircuitOptions(options: CircuitOptions): void {
  const problems = [
    ...Object.entries(options)
      .filter(([, value]) => !Number.isFinite(value) || value < 0)
      .map(([name]) => `${name} must be a number of at least 0`),
    ...(['failureThreshold', 'minimumCalls', 'rejections', 'successThreshold'] as const)
      .filter((name) => !Number.isInteger(options[name]) || options[name] < 1)
      .map((name) => `${name} must be a whole number of at least 1`),
    ...(['windowMs', 'streakGapMs', 'openMs', 'leaseMs', 'healthLeaseMs', 'deliveredRetentionMs'] as const)
      .filter((name) => !Number.isInteger(options[name]) || options[name] < 1)
      .map((name) => `${name} must be a whole number of milliseconds, at least 1`),
  ];
  if (!(options.failureRate > 0 && options.failureRate <= 1))
    problems.push('failureRate must be above 0 and at most 1');
  if (options.openMaxMs < options.openMs) problems.push('openMaxMs must be at least openMs');
  if (problems.length > 0)
    throw new InvalidCircuitOptionsError(`Invalid circuit options: ${problems.join('; ')}`);
}
