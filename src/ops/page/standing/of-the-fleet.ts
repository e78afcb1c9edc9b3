import type { CircuitReport } from '../../../sync/report/circuit-report.ts';
import { benchWords, suspectWords } from '../../../sync/report/circuit-words.ts';
import type { Seen } from '../reader.ts';
import { counted, shortIds, since, until, type Words } from '../words.ts';
import { type Condition, fleetIn, isAtWork, waiting } from './condition.ts';

export function redisAway({ fleet }: Seen): Condition[] {
  if (fleet.failure === null) return [];
  const { since: from, reason } = fleet.failure;
  const why = reason === '' ? '' : ` (${reason})`;
  const lead: Words = [
    `Redis has not answered for ${since(from, Date.now())}${why}: nothing is sent, sales wait where they are`,
  ];
  const known: Words =
    fleet.value === null ? ['nothing is known yet'] : ['below is what was so at ', { at: fleet.at }];
  return [{ kind: 'redis-away', tone: 'bad', clauses: [lead, known], href: '#circuit' }];
}

export function personsWord(seen: Seen): Condition[] {
  const fleet = fleetIn(seen);
  if (fleet === null) return [];
  const { hold, bypass, pausedBy } = fleet.report;
  const end = (at: number | undefined): Words =>
    at === undefined ? ['until somebody ends that'] : ['until ', { at }];
  const held: Condition[] =
    hold === null
      ? []
      : [
          {
            kind: 'held',
            tone: 'careful',
            clauses: [
              [`${hold.actor} holds all calls `, ...end(hold.until), `: ${hold.reason}`],
              waiting(seen),
            ],
            href: '#circuit',
          },
        ];
  const bypassed: Condition[] =
    bypass === null
      ? []
      : [
          {
            kind: 'bypassed',
            tone: 'careful',
            clauses: [
              [`${bypass.actor} lets every call through `, ...end(bypass.until), `: ${bypass.reason}`],
              waiting(seen),
            ],
            href: '#circuit',
          },
        ];
  const paused: Condition[] = pausedBy.includes('operator')
    ? [
        {
          kind: 'paused',
          tone: 'careful',
          clauses: [
            [`${fleet.pauser ?? 'A person'} paused the queue`],
            waiting(seen),
            ['it goes on when a person resumes it'],
          ],
          href: '#backlog',
        },
      ]
    : [];
  return [...held, ...bypassed, ...paused];
}

/** What Conexxus does, by why it opened first. */
const DOWN: Readonly<Record<string, string>> = {
  misconfigured: 'Conexxus has refused our key, or been elsewhere, for ',
  rejecting: 'Conexxus has rejected one sale after the other for ',
};

export function circuit(seen: Seen): Condition[] {
  const fleet = fleetIn(seen);
  if (fleet === null || fleet.report.bypass !== null) return [];
  const { report } = fleet;
  const { state, phase, outage, cooldownUntil } = report;
  const downFor = since(outage?.since ?? report.since, seen.now);
  const href = '#circuit';
  if (state === 'open') {
    const lead =
      report.suspect === null
        ? `${DOWN[outage?.cause ?? ''] ?? 'Conexxus has been down for '}${downFor}`
        : `Nothing has been sent for ${downFor}, which may be due to a single sale`;
    const clauses: Condition['clauses'] = [[lead], waiting(seen), nextLook(report, seen.now)];
    return [{ kind: 'down', tone: 'bad', clauses, href }];
  }
  if (state === 'half-open') {
    const lead =
      phase === 'health'
        ? `Conexxus, down for ${downFor}, is asked whether it is well`
        : trying(report, downFor);
    return [{ kind: 'trying', tone: 'careful', clauses: [[lead], waiting(seen)], href }];
  }
  if (cooldownUntil !== null) {
    const lead = `Conexxus asked for a break, which ends ${until(cooldownUntil, seen.now)}`;
    return [{ kind: 'rate-limited', tone: 'careful', clauses: [[lead], waiting(seen)], href }];
  }
  return [];
}

function nextLook({ hold, retryAt, isAnyoneAlive }: CircuitReport, now: number): Words {
  if (hold !== null) return ['nobody looks again before the hold ends'];
  if (!isAnyoneAlive) return ['nobody is there to look again: start a worker'];
  return [retryAt === null ? 'next look soon' : `next look ${until(retryAt, now)}`];
}

function trying({ successes, trialsInFlight, options }: CircuitReport, downFor: string): string {
  const delivered = `${successes} of ${counted(options.successThreshold, 'trial')} delivered`;
  const underWay = trialsInFlight === 0 ? '' : `, ${trialsInFlight} under way`;
  return `Conexxus is recovering after ${downFor}: ${delivered}${underWay}`;
}

export function crew(seen: Seen): Condition[] {
  const fleet = fleetIn(seen);
  if (fleet === null || fleet.workers.some(isAtWork)) return [];
  const { workers } = fleet;
  const isBenched = workers.some((worker) => worker.benched !== null);
  const lead =
    workers.length === 0
      ? 'No worker is there'
      : isBenched
        ? 'Every worker is benched, since its own calls fail'
        : 'No worker takes jobs, since they are disabled or were told to stop';
  // Alerts say that in their own words, which then stand for it.
  const clauses: Condition['clauses'] = [[`${lead}: nothing is sent until one is at work`], waiting(seen)];
  return [{ kind: 'no-worker', tone: 'bad', clauses, href: '#workers' }];
}

export function suspect(seen: Seen): Condition[] {
  const found = fleetIn(seen)?.report.suspect ?? null;
  if (found === null) return [];
  const [first = '', ...rest] = shortIds(suspectWords(found));
  return [
    { kind: 'suspect', tone: 'careful', clauses: [[first.toUpperCase() + rest.join('')]], href: '#circuit' },
  ];
}

export function benched(seen: Seen): Condition[] {
  const out = fleetIn(seen)?.workers.filter((worker) => worker.benched !== null) ?? [];
  const [first] = out;
  if (first === undefined || first.benched === null) return [];
  const lead =
    out.length === 1
      ? `Worker ${first.name} is benched: ${benchWords({ ...first.benched, retryAt: null }, seen.now)}`
      : `${out.length} workers are benched, since their own calls fail: ${out.map(({ name }) => name).join(', ')}`;
  return [{ kind: 'benched', tone: 'careful', clauses: [[lead], ['the others go on']], href: '#workers' }];
}
