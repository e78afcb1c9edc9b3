import { describe, expect, it } from '@jest/globals';
import type { Limits } from '../../../src/ops/alerts/conditions.ts';
import type { Seen } from '../../../src/ops/alerts/look.ts';
import { createWatch, type Judged } from '../../../src/ops/alerts/watch.ts';
import type { FleetView } from '../../../src/sync/report/fleet.ts';
import { CLOSED } from '../harness.ts';
import { NOW } from './judged.ts';

const LIMITS: Limits = {
  backlogAgeMs: 900_000,
  eventBacklogMax: 100,
  noWorkerMs: 30_000,
  stallMs: 45_000,
  relaySilentMs: 45_000,
  redisAwayMs: 20_000,
  postgresAwayMs: 60_000,
  catalogAgeMs: 86_400_000,
};
/** Redis's clock is some seconds behind. */
const SKEW_MS = -3_000;
const JOBS = { waiting: 0, active: 0, delayed: 0, completed: 0, failed: 0 };

function fleet(at: number, report: Partial<FleetView['report']> = {}): FleetView {
  const now = at + SKEW_MS;
  const options = { ...CLOSED.options, leaseMs: 35_000 };
  return {
    report: { ...CLOSED, since: now, options, ...report },
    workers: [],
    openings: { streak: 2, rate: 1 },
    concurrency: 0,
    eventBacklogMax: 1_000,
    now,
  };
}

/** All is well. */
function seen(at: number, more: Partial<Seen> = {}): Seen {
  return {
    at,
    redis: { ok: true },
    postgres: { ok: true },
    fleet: fleet(at),
    backlog: { jobs: JOBS, oldestDueSince: null, now: at + SKEW_MS },
    unwritten: { rows: 0, oldestAt: null, refused: 0, now: at + SKEW_MS },
    outbox: null,
    catalogAt: null,
    ...more,
  };
}

const ripe = ({ holding }: Judged) => holding.filter(({ isRipe }) => isRipe).map(({ key }) => key);
const due = (at: number, jobs: Partial<typeof JOBS> = {}) => ({
  backlog: { jobs: { ...JOBS, waiting: 3, ...jobs }, oldestDueSince: at - 5_000, now: at + SKEW_MS },
});

describe('a watch', () => {
  it('finds nothing where all is well', () => {
    const judged = createWatch(LIMITS)(seen(NOW));
    expect(judged).toMatchObject({ holding: [], openings: 3, waiting: 0, oldestMs: 0 });
    // By our clock.
    expect(judged.closedSince).toBe(NOW);
  });

  it('tells by our clock since when the circuit is down', () => {
    const since = NOW - 60_000 + SKEW_MS;
    const outage = { since, cause: 'streak', openings: 1 };
    const down = fleet(NOW, { state: 'open', cause: 'streak', since, outage });
    const judged = createWatch(LIMITS)(seen(NOW, { fleet: down }));
    expect(judged).toMatchObject({ holding: [{ key: 'circuit', since: NOW - 60_000 }], closedSince: null });
  });

  it('tells a wrong key apart, also where it comes on top of an outage', () => {
    const outage = (cause: string) => ({ since: NOW, cause, openings: 1 });
    const keysOf = (report: Partial<FleetView['report']>) =>
      ripe(createWatch(LIMITS)(seen(NOW, { fleet: fleet(NOW, { state: 'open', ...report }) })));
    expect(keysOf({ cause: 'misconfigured', outage: outage('misconfigured') })).toEqual(['misconfigured']);
    expect(keysOf({ cause: 'trial-failed', outage: outage('misconfigured') })).toEqual(['misconfigured']);
    expect(keysOf({ cause: 'misconfigured', outage: outage('streak') })).toEqual([
      'circuit',
      'misconfigured',
    ]);
  });

  it('waits before it says that no worker is alive, and begins anew when one was', () => {
    const watch = createWatch(LIMITS);
    const nobody = (at: number) => watch(seen(at, { fleet: fleet(at, { isAnyoneAlive: false }) }));
    expect(ripe(nobody(NOW))).toEqual([]);
    expect(ripe(nobody(NOW + 29_999))).toEqual([]);
    expect(ripe(nobody(NOW + 30_000))).toEqual(['no-worker']);
    watch(seen(NOW + 31_000));
    expect(ripe(nobody(NOW + 32_000))).toEqual([]);
  });

  describe('of work that is due', () => {
    it('says when nothing is done for longer than a call may take', () => {
      const watch = createWatch(LIMITS);
      for (const ms of [0, 20_000, 44_999]) expect(ripe(watch(seen(NOW + ms, due(NOW + ms))))).toEqual([]);
      expect(ripe(watch(seen(NOW + 45_000, due(NOW + 45_000))))).toEqual(['nothing-completes']);
      const delivered = fleet(NOW + 46_000, { totals: { calls: 1, successes: 1, failures: 0 } });
      expect(ripe(watch(seen(NOW + 46_000, { ...due(NOW + 46_000), fleet: delivered })))).toEqual([]);
    });

    it.each<[string, Partial<Seen>]>([
      ['the queue is paused', { fleet: fleet(NOW, { pausedBy: ['operator'] }) }],
      ['the circuit is half-open', { fleet: fleet(NOW, { state: 'half-open', phase: 'trials' }) }],
      ['nobody is alive', { fleet: fleet(NOW, { isAnyoneAlive: false }) }],
      ['nothing is due', { backlog: { jobs: { ...JOBS, delayed: 3 }, oldestDueSince: null, now: NOW } }],
      ['nothing is known', { backlog: null }],
    ])('does not where %s', (_what, more) => {
      const watch = createWatch(LIMITS);
      for (const ms of [0, 60_000, 120_000]) {
        expect(ripe(watch(seen(NOW + ms, { ...due(NOW + ms), ...more })))).not.toContain('nothing-completes');
      }
    });

    it('leaves a slow call its time', () => {
      const watch = createWatch(LIMITS);
      const slow = (at: number) => fleet(at, { options: { ...CLOSED.options, leaseMs: 125_000 } });
      for (const ms of [0, 124_999]) {
        expect(ripe(watch(seen(NOW + ms, { ...due(NOW + ms), fleet: slow(NOW + ms) })))).toEqual([]);
      }
      const late = NOW + 125_000;
      expect(ripe(watch(seen(late, { ...due(late), fleet: slow(late) })))).toEqual(['nothing-completes']);
    });
  });

  it.each([
    [499, []],
    [500, ['events-50']],
    [900, ['events-50', 'events-90']],
  ])('of %d rows of 1,000 that wait finds %j', (rows, expected) => {
    const unwritten = { rows, oldestAt: NOW, refused: 0, now: NOW };
    expect(ripe(createWatch(LIMITS)(seen(NOW, { unwritten })))).toEqual(expected);
  });

  it('knows the age of the backlog, of the outbox by the clock of its Postgres, and of the catalog', () => {
    const old = { jobs: { ...JOBS, waiting: 1 }, oldestDueSince: NOW - 900_000, now: NOW };
    const counts = { waiting: 4, enqueued: 0, dead: 0, apart: 0, oldestAt: 5_000 };
    const relay = { name: 'pos-1', workingMs: 1, held: null, untaken: 0, now: 5_000 + 890_000 };
    const outbox = { relay, total: counts, stores: new Map(), agoMs: 10_000 };
    const watch = createWatch(LIMITS);
    const judged = watch(seen(NOW, { backlog: old, outbox, catalogAt: NOW - 86_400_000 }));
    expect(ripe(judged)).toEqual(['backlog', 'outbox-backlog', 'no-catalog']);
    expect(ripe(watch(seen(NOW, { outbox: { ...outbox, agoMs: 45_000 } })))).toContain('relay-silent');
  });

  it('does not know what Redis does not tell', () => {
    const watch = createWatch(LIMITS);
    const away = {
      redis: { ok: false, reason: 'no answer' },
      fleet: null,
      backlog: null,
      unwritten: null,
    } as const;
    expect(ripe(watch(seen(NOW, away)))).toEqual([]);
    const judged = watch(seen(NOW + 20_000, away));
    expect(ripe(judged)).toEqual(['redis']);
    expect(judged.unknown).toContain('circuit');
    expect(judged).toMatchObject({ closedSince: null, openings: null, waiting: null });
  });
});
