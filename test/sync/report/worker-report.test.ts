import { describe, expect, it } from '@jest/globals';
import { workerReports } from '../../../src/sync/report/worker-report.ts';

describe('the workers as they are reported', () => {
  it('stand by name, numbers as numbers, whatever order Redis has them in', () => {
    const registered = ['till-10', 'spare', 'till-2'].map((name) => ({
      id: `${name}-id`,
      since: 0,
      takesJobs: true,
      entry: JSON.stringify({ name, version: '1', slots: 1, busy: 0, lastOutcome: null, options: '{}' }),
    }));
    expect(workerReports(registered, []).map(({ name }) => name)).toEqual(['spare', 'till-2', 'till-10']);
  });
});
