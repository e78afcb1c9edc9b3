import { describe, expect, it } from '@jest/globals';
import type { FleetNow } from '../../../src/ops/page/reader.ts';
import { standingOf } from '../../../src/ops/page/standing/standing.ts';
import { plain } from '../../../src/ops/page/words.ts';
import { aWorker, away, KEY, known, NOW, outboxWith, seenWith, unread } from './seen.ts';

const OPEN = {
  state: 'open',
  cause: 'trial-failed',
  since: NOW - 200_000,
  retryAt: NOW + 40_000,
  outage: { since: NOW - 720_000, cause: 'streak', openings: 3 },
  pausedBy: ['open'],
} as const;
const HALF_OPEN = { ...OPEN, state: 'half-open', phase: 'trials', retryAt: null, pausedBy: [] } as const;
const BENCH = { since: NOW - 60_000, cause: 'failures', retryAt: NOW + 30_000 };
const WAITING = { waiting: 1_204, dueForMs: 700_000 };
const HOLD = { actor: 'olga', reason: 'stocktaking', since: NOW - 60_000 };
const DEATHS = { total: 13, toBeSplit: 1, older: 0, groups: [] };

/** What is so, what the page says of it, and how bad that is. */
const TABLE: readonly [name: string, seen: Parameters<typeof seenWith>[0], tone: string, words: string][] = [
  ['all is well', {}, 'good', 'All is well: nothing waits; the last sale was delivered 3 s ago.'],
  [
    'sales come and go',
    { waiting: 12, dueForMs: 900, more: { pace: { delivered: 4.23, failed: 0, drained: 0 } } },
    'good',
    'All is well: 12 sales are on their way, 4.2 a second; the last sale was delivered 3 s ago.',
  ],
  [
    'no sale ever came',
    { report: { lastSuccess: null } },
    'good',
    'All is well, and empty: no sale has come yet.',
  ],
  [
    'down',
    { ...WAITING, report: OPEN },
    'bad',
    'Conexxus has been down for 12 min; 1,204 sales wait, none is lost; next look in 40 s.',
  ],
  [
    'down, with one sale',
    { waiting: 1, report: { ...OPEN, retryAt: NOW - 10 } },
    'bad',
    'Conexxus has been down for 12 min; 1 sale waits, it is not lost; next look now.',
  ],
  [
    'the key is refused',
    { report: { ...OPEN, outage: { since: NOW - 60_000, cause: 'misconfigured', openings: 1 } } },
    'bad',
    'Conexxus has refused our key, or been elsewhere, for 60 s; nothing waits; next look in 40 s.',
  ],
  [
    'everything is rejected',
    { ...WAITING, report: { ...OPEN, outage: { since: NOW - 60_000, cause: 'rejecting', openings: 1 } } },
    'bad',
    'Conexxus has rejected one sale after the other for 60 s; 1,204 sales wait, none is lost; next look in 40 s.',
  ],
  [
    'down, and nobody looks again',
    { ...WAITING, workers: [], report: { ...OPEN, isAnyoneAlive: false } },
    'bad',
    'Conexxus has been down for 12 min; 1,204 sales wait, none is lost; nobody is there to look again: start a worker.',
  ],
  [
    'asked for its health',
    { ...WAITING, report: { ...HALF_OPEN, phase: 'health', pausedBy: ['health'] } },
    'careful',
    'Conexxus, down for 12 min, is asked whether it is well; 1,204 sales wait, none is lost.',
  ],
  [
    'recovering',
    { ...WAITING, report: { ...HALF_OPEN, successes: 1, trialsInFlight: 1 } },
    'careful',
    'Conexxus is recovering after 12 min: 1 of 2 trials delivered, 1 under way; 1,204 sales wait, none is lost.',
  ],
  [
    'back, with a backlog',
    {
      ...WAITING,
      report: { cause: 'recovered', since: NOW - 20_000 },
      more: { pace: { delivered: 42, failed: 0, drained: 40 } },
    },
    'careful',
    'Conexxus is back; 1,204 sales are on their way, 42 a second; done in about 30 s.',
  ],
  [
    'held without an end',
    { ...WAITING, report: { hold: HOLD, pausedBy: ['hold'] } },
    'careful',
    'olga holds all calls until somebody ends that: stocktaking; 1,204 sales wait, none is lost.',
  ],
  [
    'held until a time, also while it is down',
    { ...WAITING, report: { ...OPEN, hold: { ...HOLD, until: NOW + 60_000 }, pausedBy: ['open', 'hold'] } },
    'careful',
    'olga holds all calls until 2027-01-15 08:01:00 UTC: stocktaking; 1,204 sales wait, none is lost.',
  ],
  [
    'bypassed',
    { report: { ...OPEN, bypass: HOLD, pausedBy: [] } },
    'careful',
    'olga lets every call through until somebody ends that: stocktaking; nothing waits.',
  ],
  [
    'paused by a person',
    { ...WAITING, pauser: 'vera', report: { pausedBy: ['operator'] } },
    'careful',
    'vera paused the queue; 1,204 sales wait, none is lost; it goes on when a person resumes it.',
  ],
  [
    'rate limited',
    { ...WAITING, report: { cooldownUntil: NOW + 90_000, pausedBy: ['cooldown'] } },
    'careful',
    'Conexxus asked for a break, which ends in 90 s; 1,204 sales wait, none is lost.',
  ],
  [
    'the event log is full',
    {
      ...WAITING,
      report: { pausedBy: ['events'] },
      more: { unwritten: known({ rows: 100_000, oldestAt: NOW, refused: 0, now: NOW }) },
    },
    'bad',
    '100,000 rows of the event log wait for Postgres, so the queue is paused until they are written; 1,204 sales wait, none is lost.',
  ],
  [
    'no worker',
    { ...WAITING, workers: [] },
    'bad',
    'No worker is there: nothing is sent until one is at work; 1,204 sales wait, none is lost.',
  ],
  [
    'no worker takes jobs',
    { ...WAITING, workers: [aWorker('till-1', { takesJobs: false })] },
    'bad',
    'No worker takes jobs, since they are disabled or were told to stop: nothing is sent until one is at work; 1,204 sales wait, none is lost.',
  ],
  [
    'all are benched',
    { workers: [aWorker('till-1', { benched: BENCH })] },
    'bad',
    'Every worker is benched, since its own calls fail: nothing is sent until one is at work; nothing waits.',
  ],
  [
    'nothing completes',
    { ...WAITING, report: { lastSuccess: { at: NOW - 300_000, worker: 'till-1', jobId: KEY } } },
    'bad',
    'Nothing has been delivered for 5 min, although nothing holds the queue; 1,204 sales wait, none is lost.',
  ],
  [
    'sales are late',
    { ...WAITING, more: { pace: { delivered: 1, failed: 0, drained: -1 } } },
    'careful',
    'Sales are late: the oldest has been waiting for 12 min; 1,204 sales are on their way, 1.0 a second.',
  ],
  [
    'one worker is benched',
    { workers: [aWorker('till-1'), aWorker('till-4', { benched: BENCH })] },
    'careful',
    'Worker till-4 is benched: its calls fail, one after the other; the others go on.',
  ],
  [
    'two are benched',
    { workers: ['a', 'b', 'c'].map((name) => aWorker(name, name === 'a' ? {} : { benched: BENCH })) },
    'careful',
    '2 workers are benched, since their own calls fail: b, c; the others go on.',
  ],
  [
    'a suspect',
    { report: { suspect: { payload: KEY, jobId: 'job-7', since: NOW } } },
    'careful',
    'It may be this sale and not Conexxus: job-7.',
  ],
  [
    'dead letters, but for those to be split',
    { more: { deadLetters: known(DEATHS) } },
    'careful',
    '12 dead letters wait for a person; all else is well.',
  ],
  [
    'Redis is away',
    { more: { fleet: away(seenWith({}).fleet.value) } },
    'bad',
    'Redis has not answered for 40 s (ECONNREFUSED): nothing is sent, sales wait where they are; below is what was so at 2027-01-15 07:59:15 UTC.',
  ],
  [
    'Redis was never there',
    { more: { fleet: away<FleetNow>(null, '') } },
    'bad',
    'Redis has not answered for 40 s: nothing is sent, sales wait where they are; nothing is known yet.',
  ],
  [
    'nothing was read yet',
    { more: { fleet: unread<FleetNow>() } },
    'careful',
    'Looking: nothing is known yet.',
  ],
  [
    'Postgres is away',
    {
      more: {
        outcomes: away([]),
        unwritten: known({ rows: 1_204, oldestAt: NOW, refused: 0, now: NOW }),
      },
    },
    'careful',
    'Postgres has not answered for 40 s (ECONNREFUSED); sales go on; 1,204 rows wait for it in Redis, none is lost.',
  ],
  [
    'the relays are held',
    { more: { outbox: outboxWith({ waiting: 3, held: 'its database is older than the event log' }) } },
    'bad',
    'The relays send nothing until a person says so: its database is older than the event log; 3 sales in the outbox.',
  ],
  [
    'no relay is at work',
    { more: { outbox: outboxWith({ waiting: 300, agoMs: 300_000 }) } },
    'bad',
    'No relay has been at work for 5 min; 300 sales wait in the outbox for one, none is lost.',
  ],
  [
    'a sale is set apart',
    { more: { outbox: outboxWith({ apart: 1 }) } },
    'careful',
    '1 sale is set apart in the outbox, and waits for a person; all else is well.',
  ],
];

describe('the sentence', () => {
  it.each(TABLE)('%s', (_name, situation, tone, words) => {
    const standing = standingOf(seenWith(situation));
    expect([standing.tone, plain(standing.words)]).toEqual([tone, words]);
  });

  it('counts the sales of the outbox with the jobs of the queue', () => {
    const seen = seenWith({ ...WAITING, report: OPEN, more: { outbox: outboxWith({ waiting: 96 }) } });
    expect(plain(standingOf(seen).words)).toContain('1,300 sales wait, none is lost');
  });

  it('does not take a queue that was paused a moment ago for one in which nothing completes', () => {
    const report = { lastSuccess: { at: NOW - 300_000, worker: 'till-1', jobId: KEY } };
    const seen = seenWith({ ...WAITING, report, more: { pausedAt: NOW - 5_000 } });
    expect(standingOf(seen).kind).toBe('late');
  });

  it('leaves what is not the worst to the notes, each with its place', () => {
    const seen = seenWith({
      ...WAITING,
      pauser: 'vera',
      report: {
        ...OPEN,
        pausedBy: ['open', 'operator'],
        suspect: { payload: KEY, jobId: 'job-7', since: NOW },
      },
      workers: [aWorker('till-1'), aWorker('till-4', { benched: BENCH })],
      more: { outcomes: away([]), deadLetters: known(DEATHS) },
    });
    const { kind, notes } = standingOf(seen);
    expect(kind).toBe('paused');
    expect(notes.map(({ words, href }) => [plain(words), href])).toEqual([
      ['Nothing has been sent for 12 min, which may be due to a single sale', '#circuit'],
      ['It may be this sale and not Conexxus: job-7', '#circuit'],
      ['Worker till-4 is benched: its calls fail, one after the other', '#workers'],
      ['Postgres has not answered for 40 s (ECONNREFUSED)', '#outcomes'],
      ['12 dead letters wait for a person', '#dead-letters'],
    ]);
  });

  it('says what alerts tell in their words, in the place of what it found by itself', () => {
    const problem = 'Workers are alive and nothing is done: 2 there, 3 jobs waiting.';
    const catalog = 'No catalog came for a day.';
    const problems = [
      { kind: 'nothing-completes', problem },
      { kind: 'no-catalog', problem: catalog },
    ] as const;
    const hold = { ...WAITING, report: { hold: HOLD } };
    const late = { ...WAITING, report: { lastSuccess: { at: NOW - 300_000, worker: 'till-1', jobId: KEY } } };
    for (const situation of [{}, late]) {
      const { kind, tone, words, notes } = standingOf(seenWith({ ...situation, more: { problems } }));
      expect([kind, tone]).toEqual(['stuck', 'bad']);
      expect(plain(words)).toMatch(/^Workers are alive and nothing is done: 2 there, 3 jobs waiting; /);
      expect(notes.map((note) => plain(note.words))).toEqual(['No catalog came for a day']);
    }
    const [, onlyCatalog] = problems;
    const mild = standingOf(seenWith({ more: { problems: [onlyCatalog] } }));
    expect(plain(mild.words)).toBe('No catalog came for a day; all else is well.');
    expect(standingOf(seenWith({ ...hold, more: { problems: [onlyCatalog] } })).kind).toBe('held');
  });

  it('says that all else is well only where it is', () => {
    const more = { deadLetters: known(DEATHS), outbox: outboxWith({ apart: 1 }) };
    expect(plain(standingOf(seenWith({ more })).words)).toBe('12 dead letters wait for a person.');
  });
});
