import { describe, expect, it } from '@jest/globals';
import { DEATH_REASONS, deathReasonOf } from '../../../src/ops/metrics/labels.ts';

describe('what a dead letter died of', () => {
  it.each([
    ['http_422', 'rejected'],
    ['http_400', 'rejected'],
    ['refused', 'rejected'],
    ['invalid_data', 'invalid_data'],
    ['http_403', 'forbidden'],
    ['http_404', 'not_found'],
    ['http_503', 'transient'],
    ['http_408', 'transient'],
    ['timeout', 'transient'],
    ['connection_refused', 'transient'],
    ['internal_error', 'crashed'],
    ['restarted_too_often', 'crashed'],
    ['', 'other'],
    ['canary', 'other'],
  ])('of code %s is %s', (code, reason) => {
    expect(deathReasonOf(code)).toBe(reason);
    expect(DEATH_REASONS).toContain(reason);
  });
});
