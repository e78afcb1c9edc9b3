import { expect, it } from '@jest/globals';
import type { Standing } from '../../src/events/fates.ts';
import { salesIn } from '../../src/sales/sale-answer.ts';
import type { QueueTraces, SaleTraces } from '../../src/sales/sale-traces.ts';

const at = new Date(1_000);
const DELIVERED: Standing = { kind: 'delivered', at: new Date(2_000), flagged: false, refused: [] };

/** The sale T-1, which was job `old` and was edited into job `new`. */
function tracesOf(standing: Standing, jobs: QueueTraces['jobs'] = []): SaleTraces {
  const rows = [
    { jobId: 'old', type: 'conexxus.sync.replaced.push_sales' },
    { jobId: 'new', type: 'conexxus.sync.replaces.push_sales' },
  ];
  const data = '{"date":"2026-11-24"';
  const events = rows.map((row) => ({
    ...row,
    id: row.jobId,
    locationId: 'store-1',
    at,
    payload: { data },
    transactionIds: ['T-1'],
  }));
  const replaced: Standing = { kind: 'replaced', at, reason: 'a typo', by: 'new' };
  const standings = new Map([
    ['old', replaced],
    ['new', standing],
  ]);
  return {
    log: { told: { events, older: 0, standings } },
    queue: {
      told: { jobs, remembered: new Set(), obstacle: null, unwritten: 0, now: 3_000, isSearched: true },
    },
    outbox: { told: null },
  };
}

const QUEUED = {
  id: 'new',
  state: 'waiting',
  locationId: 'store-1',
  date: '2026-11-24',
  transactions: 1,
  transactionIds: ['T-1'],
  enqueuedAt: 1_000,
  finishedAt: null,
  dueAt: null,
  attempts: 0,
  reason: null,
} as const;

it('a sale that was edited stands as the edited one, and says what became of the other', () => {
  const [waits] = salesIn(tracesOf({ kind: 'open' }, [QUEUED]), { id: 'T-1' });
  expect(waits?.answer.state).toBe('waiting');
  const [sale, ...others] = salesIn(tracesOf(DELIVERED), { id: 'T-1' });
  expect(others).toEqual([]);
  expect(sale?.answer.state).toBe('delivered');
  expect(sale?.jobs.map(({ id, answer: { state } }) => [id, state])).toEqual([
    ['new', 'delivered'],
    ['old', 'replaced'],
  ]);
  expect(sale?.jobs[1]?.answer.text).toMatch(/^edited by a person into new at .*: a typo$/);
});
