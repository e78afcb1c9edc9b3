import { span } from '../../../sync/report/time-words.ts';
import { untilEmptyMs } from '../pace.ts';
import type { Seen } from '../reader.ts';
import { counted, number, since, type Words } from '../words.ts';
import { type Condition, fleetIn, isAtWork, onTheirWay, toSendIn, waiting } from './condition.ts';

/** In which a sale that nothing holds is to be delivered. */
const LATE_MS = 120_000;
/** A relay tells every few seconds. */
const RELAY_SILENT_MS = 60_000;

/** Nothing holds the queue, and yet sales wait. */
export function lateness(seen: Seen): Condition[] {
  const fleet = fleetIn(seen);
  const dueSince = seen.backlog.value?.oldestDueSince ?? null;
  if (fleet === null || seen.backlog.failure !== null || dueSince === null) return [];
  const { report, workers } = fleet;
  if (report.state !== 'closed' || report.pausedBy.length > 0 || !workers.some(isAtWork)) return [];
  // What was due before the circuit closed has waited for that.
  const isCatchingUp = dueSince < report.since && report.cause !== null && report.cause !== 'missing';
  const longestThere = workers.find(isAtWork);
  const begunAt = Math.max(dueSince, report.since, longestThere?.since ?? 0, seen.pausedAt);
  const silentFrom = Math.max(begunAt, report.lastSuccess?.at ?? 0);
  if (seen.now - silentFrom > LATE_MS) {
    const lead = `Nothing has been delivered for ${since(silentFrom, seen.now)}, although nothing holds the queue`;
    return [{ kind: 'stuck', tone: 'bad', clauses: [[lead], waiting(seen)], href: '#outcomes' }];
  }
  if (isCatchingUp) {
    return [
      {
        kind: 'catching-up',
        tone: 'careful',
        clauses: [['Conexxus is back'], [onTheirWay(seen)], ...done(seen)],
        href: '#backlog',
      },
    ];
  }
  if (seen.now - dueSince < LATE_MS) return [];
  const lead = `Sales are late: the oldest has been waiting for ${since(dueSince, seen.now)}`;
  return [
    { kind: 'late', tone: 'careful', clauses: [[lead], [onTheirWay(seen)], ...done(seen)], href: '#backlog' },
  ];
}

function done(seen: Seen): Words[] {
  const ms = untilEmptyMs(seen.pace, toSendIn(seen) ?? 0);
  return ms === null ? [] : [[`done in about ${span(ms)}`]];
}

export function outbox({ outbox: { value } }: Seen): Condition[] {
  if (value === null) return [];
  const { relay, total, agoMs } = value;
  const href = '#stores';
  if (relay.held !== null) {
    const lead = `The relays send nothing until a person says so: ${relay.held}`;
    return [
      {
        kind: 'outbox-held',
        tone: 'bad',
        clauses: [[lead], [`${counted(total.waiting, 'sale')} in the outbox`]],
        href,
      },
    ];
  }
  const count = total.waiting + relay.untaken;
  if (agoMs < RELAY_SILENT_MS || count === 0) return [];
  const lead = `No relay has been at work for ${span(agoMs)}`;
  const clauses: Condition['clauses'] = [
    [lead],
    [`${counted(count, 'sale waits', 'sales wait')} in the outbox for one, none is lost`],
  ];
  return [{ kind: 'no-relay', tone: 'bad', clauses, href }];
}

export function logFull(seen: Seen): Condition[] {
  if (!fleetIn(seen)?.report.pausedBy.includes('events')) return [];
  const rows = seen.unwritten.value?.rows;
  const lead = `${rows === undefined ? 'Too many rows' : counted(rows, 'row')} of the event log wait for Postgres, so the queue is paused until they are written`;
  return [{ kind: 'log-full', tone: 'bad', clauses: [[lead], waiting(seen)], href: '#event-log' }];
}

export function postgresAway({ outcomes, unwritten }: Seen): Condition[] {
  if (outcomes.failure === null) return [];
  const { since: from, reason } = outcomes.failure;
  const why = reason === '' ? '' : ` (${reason})`;
  const rows = unwritten.value?.rows ?? 0;
  const lead = `Postgres has not answered for ${since(from, Date.now())}${why}`;
  const kept =
    rows === 0
      ? 'the lists below are from before'
      : `${counted(rows, 'row waits', 'rows wait')} for it in Redis, none is lost`;
  return [
    { kind: 'postgres-away', tone: 'careful', clauses: [[lead], ['sales go on'], [kept]], href: '#outcomes' },
  ];
}

export function deadLetters({ deadLetters: { value } }: Seen): Condition[] {
  const count = value === null ? 0 : value.total - value.toBeSplit;
  if (count === 0) return [];
  const lead =
    count === 1 ? '1 dead letter waits for a person' : `${number(count)} dead letters wait for a person`;
  return [{ kind: 'dead-letters', tone: 'careful', isMild: true, clauses: [[lead]], href: '#dead-letters' }];
}

export function setApart({ outbox: { value }, unwritten }: Seen): Condition[] {
  const sales = value?.total.apart ?? 0;
  const rows = unwritten.value?.refused ?? 0;
  const found: Condition[] = [];
  if (sales > 0) {
    const lead = `${counted(sales, 'sale is', 'sales are')} set apart in the outbox, and ${sales === 1 ? 'waits' : 'wait'} for a person`;
    found.push({ kind: 'apart', tone: 'careful', isMild: true, clauses: [[lead]], href: '#stores' });
  }
  if (rows > 0) {
    const lead = `${counted(rows, 'event')} can never be a row of the event log, and ${rows === 1 ? 'waits' : 'wait'} for a person`;
    found.push({
      kind: 'refused-rows',
      tone: 'careful',
      isMild: true,
      clauses: [[lead]],
      href: '#event-log',
    });
  }
  return found;
}
