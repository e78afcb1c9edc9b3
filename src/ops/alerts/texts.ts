import { shellWords } from '../../base/shell-words.ts';
import type { BenchedWorker } from '../../circuit/types.ts';
import type { Report } from '../../outbox/counts.ts';
import type { Backlog } from '../../sync/report/backlog.ts';
import type { CircuitReport } from '../../sync/report/circuit-report.ts';
import { benchWords, causeWords, pauseWords, suspectWords } from '../../sync/report/circuit-words.ts';
import { fromNow, instant, span } from '../../sync/report/time-words.ts';
import type { WorkerReport } from '../../sync/report/worker-report.ts';
import type { Kind } from './kinds.ts';

/** What of an alert is written where it is found. */
export interface Text {
  /** What is wrong. */
  readonly problem: string;
  /** What becomes of the sales, what happens by itself, what to type or look at. */
  readonly advice: string;
}

const CLI = 'node dist/cli.js';
const REASON_SHOWN = 300;

export function circuitOpen(report: CircuitReport, now: number): Text {
  const { outage, cause, retryAt, lastFailure } = report;
  const why = causeWords(outage?.cause ?? cause ?? 'streak');
  const last = lastFailure?.message
    ? ` (last: ${lastFailure.message}, seen by ${lastFailure.worker ?? '?'})`
    : '';
  const next =
    retryAt === null ? '' : ` Conexxus is asked again by itself ${fromNow(Math.max(retryAt, now), now)}.`;
  return {
    problem: `The circuit is open: ${why}${last}. Nothing is sent to Conexxus.`,
    advice: `Nothing is lost, no retries are spent: sales wait and go out when Conexxus answers.${next} Look at \`${CLI} circuit status\`.`,
  };
}

export function misconfigured({ lastFailure }: CircuitReport): Text {
  const last = lastFailure?.message
    ? ` (last: ${lastFailure.message}, seen by ${lastFailure.worker ?? '?'})`
    : '';
  return {
    problem: `Conexxus refuses our key, or lives at another address${last}. Nothing is sent until that is put right.`,
    advice: `Nothing is lost: sales wait. Put CONEXXUS_API_KEY (or the file it is in) or CONEXXUS_API_URL right; then \`${CLI} circuit trial --reason 'key put right'\`.`,
  };
}

export function benched(bench: Omit<BenchedWorker, 'workerId'>, now: number): Text {
  const next =
    bench.retryAt === null
      ? ''
      : ` It asks Conexxus by itself ${fromNow(Math.max(bench.retryAt, now), now)}.`;
  return {
    problem: `Worker ${bench.worker} is benched: ${benchWords({ ...bench, retryAt: null }, now)}.`,
    advice: `Nothing is lost: it takes no jobs, and the other workers deliver what it had.${next} Look at that machine, its network, its key and its log; \`${CLI} workers\`.`,
  };
}

export function suspected(suspect: NonNullable<CircuitReport['suspect']>): Text {
  const words = suspectWords(suspect);
  return {
    problem: `A suspect: ${words}.`,
    advice: `Nothing is lost: the others go on, it is tried again, and is a dead letter in the end. Look at \`${CLI} circuit status\` and, for what was answered, \`${CLI} events --job ${shellWords(suspect.jobId)}\`.`,
  };
}

export function oldBacklog(report: CircuitReport, backlog: Backlog): Text {
  const { jobs, now } = backlog;
  const paused = report.pausedBy.map((reason) => pauseWords(reason, report, now));
  const why = paused.length === 0 ? 'The queue is not paused.' : `The queue is paused: ${paused.join('; ')}.`;
  return {
    problem: `The oldest job that is due has been waiting for too long (ALERT_BACKLOG_AGE). ${why} ${jobs.waiting} waiting, ${jobs.active} under way, ${jobs.delayed} delayed.`,
    advice: `Nothing is lost: they wait in Redis. Look at \`${CLI} circuit status\` and \`${CLI} workers\`; start more workers where all are busy.`,
  };
}

export function eventBacklog(rows: number, max: number): Text {
  const percent = Math.floor((rows / max) * 100);
  return {
    problem: `${rows} rows of the event log wait for Postgres, ${percent} % of EVENT_BACKLOG_MAX. At 100 % the queue is paused.`,
    advice: `Nothing is lost: they wait in Redis, and sales go on until then. Look at Postgres, its disk and \`${CLI} doctor\`.`,
  };
}

export function oldOutbox(sales: number, held: string | null): Text {
  const why = held === null ? '' : ` The relays are held: ${held}.`;
  return {
    problem: `The oldest sale that waits in the outbox has been there for too long (ALERT_BACKLOG_AGE): ${sales} wait.${why}`,
    advice: `Nothing is lost: they are in the database of the POS. Look at \`${CLI} outbox status\` and the relay's log.`,
  };
}

export function relaySilent({ total, relay }: Report): Text {
  const waiting = total.waiting + relay.untaken;
  return {
    problem: `No relay works: the last one, ${relay.name}, fell silent. ${waiting} sales waited in the outbox then; what is sold since comes on top.`,
    advice: `Nothing is lost: tills go on selling into the outbox. Start a relay (\`npm run relay\`), or look at its log; \`${CLI} outbox status\`.`,
  };
}

export function noCatalog(): Text {
  return {
    problem: 'No catalog came from Conexxus for a day: stores sell with old prices.',
    advice: `No sale is lost. Look whether fetch_inventory is enqueued and what becomes of it: \`${CLI} events --type 'sync.failed.fetch_inventory'\`.`,
  };
}

export function noWorker(workers: readonly Pick<WorkerReport, 'name'>[]): Text {
  const there =
    workers.length === 0
      ? 'none is there'
      : `of ${workers.length} that are there none takes jobs (disabled, told to stop, or benched)`;
  return {
    problem: `No worker is alive: ${there}. Nothing is sent until one is started.`,
    advice: `Nothing is lost: sales wait in the queue. Start one (\`npm run worker\`), or look why they ended: their logs, \`${CLI} workers\`.`,
  };
}

export function nothingCompletes(workers: readonly Pick<WorkerReport, 'name'>[], { jobs }: Backlog): Text {
  return {
    problem: `Workers are alive and nothing is done: ${workers.length} there, ${jobs.waiting} jobs waiting, ${jobs.active} under way, and none of them ends.`,
    advice: `Nothing is lost: sales wait in the queue. Look at \`${CLI} workers\` and the workers' logs; restart them one by one if nothing moves.`,
  };
}

export function redisAway(reason: string): Text {
  return {
    problem: `Redis cannot be used (${reason}): no sale is enqueued or sent, and the circuit cannot be read.`,
    advice: `What Redis had is there when it comes back. Stores with an outbox go on selling into it; others keep their sales until then. Look at Redis, its disk and memory; \`${CLI} doctor\`.`,
  };
}

export function postgresAway(reason: string): Text {
  return {
    problem: `Postgres of the event log cannot be used (${reason}).`,
    advice: `Nothing is lost: sales go on, rows of the event log wait in Redis until EVENT_BACKLOG_MAX. Look at Postgres, its disk and \`${CLI} doctor\`.`,
  };
}

export function bothAway(redis: string, postgres: string): Text {
  return {
    problem: `Redis (${redis}) and Postgres (${postgres}) both cannot be used: no sale is enqueued or sent. Each dashboard says so once an hour.`,
    advice: `What they had is there when they come back; what is sold meanwhile waits at the stores. Look at both servers and the network between; \`${CLI} doctor\`.`,
  };
}

/** Of jobs that died of more than there are incidents for. */
export const OTHER_GROUP = 'other';

export function deadLettered(count: number, reason: string, group: string): Text {
  return {
    problem: `${count === 1 ? 'A job was' : `${count} jobs were`} dead-lettered: ${shortened(reason)}.`,
    advice: `Nothing is lost: they are kept until a person decides. Look at \`${CLI} dead-letters list${groupOption(group)}\`; then replay or discard them.`,
  };
}

export function missedOpening(): Text {
  return {
    problem: 'The circuit was open for a moment, and closed again.',
    advice: `Nothing is lost: sales waited meanwhile. Look at \`${CLI} events --type 'conexxus.circuit.*'\`.`,
  };
}

/** How the end of each is called; null: it has none to be told. */
const OVER: Readonly<Record<Kind, string | null>> = {
  circuit: 'The circuit is closed again: sales are sent.',
  misconfigured: 'Conexxus accepts our key again: sales are sent.',
  benched: 'A benched worker is back, or gone',
  suspect: null,
  'dead-letters': null,
  backlog: 'No due job is too old any more.',
  'outbox-backlog': 'No sale in the outbox is too old any more.',
  // That of events-50 says it for both.
  'events-90': null,
  'events-50': 'The backlog of the event log is below half of EVENT_BACKLOG_MAX again.',
  'no-worker': 'A worker is alive again.',
  'nothing-completes': 'Jobs are done again.',
  'relay-silent': 'A relay works again.',
  'no-catalog': 'A catalog came again.',
  redis: 'Redis can be used again.',
  postgres: 'Postgres of the event log can be used again.',
};

/** What keeps jobs from being sent. */
const DELAYS: ReadonlySet<Kind> = new Set<Kind>([
  'circuit',
  'misconfigured',
  'benched',
  'backlog',
  'no-worker',
  'nothing-completes',
  'redis',
]);

export interface Lasted {
  /** Whom it was about, where that is not the installation; else ''. */
  readonly subject: string;
  readonly begunAt: number;
  readonly endedAt: number;
  /** Times that the circuit opened; 0: not its business. */
  readonly openings: number;
  /** Jobs that waited at most. */
  readonly waitingMost: number;
  /** How long the oldest due job had been waiting at most. */
  readonly oldestMostMs: number;
  readonly waiting: number | null;
}

/** The message that it is over; null: its end is not told. */
export function over(kind: Kind, lasted: Lasted): string | null {
  const title = OVER[kind];
  if (title === null) return null;
  const { subject, begunAt, endedAt, openings, waitingMost, oldestMostMs, waiting } = lasted;
  const times = openings > 1 ? `, ${openings} openings` : '';
  const who = subject === '' ? '' : `: ${subject}.`;
  const oldest = oldestMostMs >= 1_000 ? `, the oldest due one for ${span(oldestMostMs)}` : '';
  const most = `Delayed were at most ${waitingMost} jobs at a time${oldest}.`;
  const delayed = waitingMost === 0 ? ' No job had to wait.' : ` ${most}`;
  const left = waiting === null || waiting === 0 ? '' : ` ${waiting} wait now.`;
  const cost = DELAYS.has(kind) ? delayed + left : '';
  return `${title}${who} It lasted ${span(endedAt - begunAt)}${times}, from ${instant(begunAt)} to ${instant(endedAt)}.${cost}`;
}

/** Where the README tells what to do. */
const RUNBOOK: Readonly<Record<Kind, string>> = {
  circuit: 'Conexxus is down',
  misconfigured: 'The key is revoked',
  benched: 'One worker is benched',
  suspect: 'A suspect sale',
  'dead-letters': 'Dead letters are there',
  backlog: 'The backlog grows',
  'outbox-backlog': 'The backlog grows',
  'events-50': 'Postgres is down',
  'events-90': 'Postgres is down',
  'no-worker': 'Silence',
  'nothing-completes': 'Silence',
  'relay-silent': 'Silence',
  'no-catalog': 'Silence',
  redis: 'Redis is down',
  postgres: 'Postgres is down',
};

/** The whole of a message that something is wrong. `waiting`: jobs in the queue that are not done; null: not known. */
export function begun(
  kind: Kind,
  { problem, advice }: Text,
  sinceAt: number,
  waiting: number | null = null,
): string {
  const wait = waiting === null ? '' : ` ${waiting === 1 ? '1 job waits' : `${waiting} jobs wait`}.`;
  return `${problem} Since ${instant(sinceAt)}.${wait} ${advice} More: README.md, Runbook, "${RUNBOOK[kind]}".`;
}

export function moreDead(count: number, group: string, untilAt: number): string {
  return `${count === 1 ? 'One more job was' : `${count} more jobs were`} dead-lettered of the same thing, the last ${instant(untilAt)}, and none for an hour. Nothing is lost: they are kept until a person decides. Look at \`${CLI} dead-letters list${groupOption(group)}\`.`;
}

function shortened(reason: string): string {
  const letters = Array.from(reason.replace(/\s+/g, ' '));
  return letters.length > REASON_SHOWN ? `${letters.slice(0, REASON_SHOWN).join('')}…` : letters.join('');
}

function groupOption(group: string): string {
  return group === OTHER_GROUP ? '' : ` --group ${group}`;
}
