import { afterAll, describe, expect, it } from '@jest/globals';
import { createCircuit } from '../../src/circuit/circuit.ts';
import {
  type CircuitOptions,
  checkCircuitOptions,
  InvalidCircuitOptionsError,
} from '../../src/circuit/options.ts';
import { connect, disconnectAll, OPTIONS } from './harness.ts';

afterAll(disconnectAll);

describe('invalid options', () => {
  it.each<[Partial<CircuitOptions>, string]>([
    [{ failureThreshold: 0 }, 'failureThreshold must be a whole number of at least 1'],
    [{ failureThreshold: 1.5 }, 'failureThreshold must be a whole number of at least 1'],
    [{ minimumCalls: 0 }, 'minimumCalls must be a whole number of at least 1'],
    [{ rejections: 0 }, 'rejections must be a whole number of at least 1'],
    [{ successThreshold: 0 }, 'successThreshold must be a whole number of at least 1'],
    [{ failureRate: 0 }, 'failureRate must be above 0 and at most 1'],
    [{ failureRate: 1.01 }, 'failureRate must be above 0 and at most 1'],
    [{ failureRate: Number.NaN }, 'failureRate must be above 0 and at most 1'],
    [{ windowMs: 0 }, 'windowMs must be a whole number of milliseconds, at least 1'],
    [{ openMs: 0.5 }, 'openMs must be a whole number of milliseconds, at least 1'],
    [{ openMs: 10, openMaxMs: 9 }, 'openMaxMs must be at least openMs'],
    [{ leaseMs: 0 }, 'leaseMs must be a whole number of milliseconds, at least 1'],
    [{ healthLeaseMs: 0 }, 'healthLeaseMs must be a whole number of milliseconds, at least 1'],
    [{ deliveredRetentionMs: 0 }, 'deliveredRetentionMs must be a whole number of milliseconds, at least 1'],
    [{ openMaxMs: Number.POSITIVE_INFINITY }, 'openMaxMs must be a number of at least 0'],
    [{ slowCallMs: -1 }, 'slowCallMs must be a number of at least 0'],
  ])('%j are refused', (options, problem) => {
    expect(() => checkCircuitOptions({ ...OPTIONS, ...options })).toThrow(problem);
  });

  it('are refused before anything is asked of Redis, all at once', () => {
    const deps = { redis: connect(), namespace: 'never', eventStream: '{never}:events' };
    const make = () => createCircuit({ ...deps, options: { ...OPTIONS, rejections: 0, openMs: 0 } });
    expect(make).toThrow(InvalidCircuitOptionsError);
    expect(make).toThrow(/rejections.*openMs/);
  });

  it('are not the ones we run with', () => {
    expect(() => checkCircuitOptions(OPTIONS)).not.toThrow();
    expect(() => checkCircuitOptions({ ...OPTIONS, failureRate: 1, slowCallMs: 0 })).not.toThrow();
  });
});
