import { describe, expect, it } from '@jest/globals';
import type { LoggedEvent } from '../../../src/events/logged-event.ts';
import { outagesIn } from '../../../src/ops/page/outages.ts';

const move = (what: string, at: number, cause: string): LoggedEvent => ({
  id: String(at),
  type: `conexxus.circuit.${what}`,
  jobId: 'circuit',
  locationId: null,
  at: new Date(at),
  payload: { cause },
  transactionIds: [],
});

describe('outages', () => {
  it('last from the first opening to the closing, the newest first', () => {
    const moves = [
      move('opened', 60, 'rate'),
      move('closed', 50, 'recovered'),
      move('half_opened', 40, 'due'),
      move('opened', 30, 'trial-failed'),
      move('half_opened', 20, 'due'),
      move('opened', 10, 'streak'),
    ];
    expect(outagesIn(moves)).toEqual([
      { from: 60, until: null, cause: 'rate', openings: 1 },
      { from: 10, until: 50, cause: 'streak', openings: 2 },
    ]);
  });

  it('leave out one whose beginning is not told', () => {
    expect(outagesIn([move('closed', 50, 'recovered')])).toEqual([]);
  });
});
