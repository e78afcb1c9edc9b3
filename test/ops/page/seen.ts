import type { Seen } from '../../../src/ops/page/reader.ts';
import type { Reading } from '../../../src/ops/page/reading.ts';
import type { CircuitReport } from '../../../src/sync/report/circuit-report.ts';
import type { WorkerReport } from '../../../src/sync/report/worker-report.ts';
import { CLOSED } from '../harness.ts';

export const NOW = 1_800_000_000_000;
export const KEY = `ps-${'ab'.repeat(32)}`;

export function known<Value>(value: Value): Reading<Value> {
  return { value, at: NOW, failure: null };
}

/** Nobody looked yet. */
export function unread<Value>(): Reading<Value> {
  return { value: null, at: 0, failure: null };
}

/** It was known, and cannot be read since 40 s ago. */
export function away<Value>(value: Value | null, reason = 'ECONNREFUSED'): Reading<Value> {
  return {
    value,
    at: NOW - 45_000,
    failure: {
      // Whenever it is asked.
      get since() {
        return Date.now() - 40_000;
      },
      reason,
    },
  };
}

export function aWorker(name: string, more: Partial<WorkerReport> = {}): WorkerReport {
  return {
    id: name,
    name,
    version: '1.0.0',
    since: NOW - 3_600_000,
    slots: 10,
    busy: 1,
    takesJobs: true,
    benched: null,
    lastOutcome: null,
    options: null,
    ...more,
  };
}

interface Situation {
  readonly report?: Partial<CircuitReport>;
  readonly workers?: readonly WorkerReport[];
  readonly pauser?: string;
  readonly waiting?: number;
  /** How long the oldest has been due; null: none is. */
  readonly dueForMs?: number | null;
  readonly more?: Partial<Seen>;
}

/** All is well and nothing waits, but for what is given. */
export function seenWith({ report, workers, pauser, waiting = 0, dueForMs = null, more }: Situation): Seen {
  const whole: CircuitReport = {
    ...CLOSED,
    since: NOW - 3_600_000,
    lastSuccess: { at: NOW - 3_000, worker: 'till-1', jobId: KEY },
    ...report,
  };
  return {
    now: NOW,
    pace: null,
    problems: [],
    pausedAt: 0,
    fleet: known({
      report: whole,
      workers: workers ?? [aWorker('till-1'), aWorker('till-2')],
      now: NOW,
      pauser: pauser ?? null,
    }),
    backlog: known({
      jobs: { waiting, active: 0, delayed: 0, completed: 0, failed: 0 },
      oldestDueSince: dueForMs === null ? null : NOW - dueForMs,
      now: NOW,
    }),
    deadLetters: known({ total: 0, toBeSplit: 0, older: 0, groups: [] }),
    stores: known({ lookedAt: 0, stores: [] }),
    outbox: known(null),
    unwritten: known({ rows: 0, oldestAt: null, refused: 0, now: NOW }),
    moves: known([]),
    outcomes: known([]),
    acts: known([]),
    minutes: known([]),
    ...more,
  };
}

/** What a relay told, of no store. */
export function outboxWith(counts: { waiting?: number; apart?: number; held?: string; agoMs?: number }) {
  const { waiting = 0, apart = 0, held = null, agoMs = 2_000 } = counts;
  return known({
    relay: { name: 'relay-1', workingMs: 1, held, untaken: 0, now: NOW },
    total: { waiting, enqueued: 0, dead: 0, apart, oldestAt: null },
    stores: new Map(),
    agoMs,
  });
}
