import type { Standing } from '../events/fates.ts';
import type { LoggedEvent } from '../events/logged-event.ts';
import type { SaleLine } from '../outbox/sale-lines.ts';
import type { QueuedJob } from '../sync/report/jobs-of-sale.ts';
import { fromNow, instant } from '../sync/report/time-words.ts';
import type { LogTraces, QueueTraces, SaleTraces, WantedSale } from './sale-traces.ts';

/** What became of it, in a word for scripts and a sentence for people. */
export interface Answer {
  readonly state:
    | 'waiting'
    | 'active'
    | 'delivered'
    | 'flagged'
    | 'dead'
    | 'discarded'
    | 'replaced'
    | 'split'
    | 'apart'
    | 'lost';
  readonly text: string;
  /** Since when, ms; null: nobody knows. */
  readonly at: number | null;
}

export interface JobTrace {
  readonly id: string;
  /** How many sales it carries; null: nobody knows. */
  readonly transactions: number | null;
  readonly answer: Answer;
}

/** The sale of one store and day: till numbers begin anew. */
export interface FoundSale {
  readonly locationId: string | null;
  readonly date: string | null;
  readonly answer: Answer;
  readonly jobs: readonly JobTrace[];
  readonly outbox: readonly (SaleLine & { readonly answer: Answer })[];
  /** Oldest first. */
  readonly history: readonly LoggedEvent[];
}

/** What is known of a job, from wherever. */
interface Evidence {
  readonly id: string;
  readonly sale: string;
  readonly place: Pick<FoundSale, 'locationId' | 'date'>;
  readonly queued: QueuedJob | undefined;
  readonly standing: Standing | undefined;
  readonly events: readonly LoggedEvent[];
  readonly isRemembered: boolean;
  readonly obstacle: string | null;
  readonly now: number;
}

const NO_LOG: LogTraces = { events: [], older: 0, standings: new Map() };

/** The sales of that name, each of its own store and day, by these. */
export function salesIn(traces: SaleTraces, wanted: WantedSale): FoundSale[] {
  const lines = 'told' in traces.outbox ? (traces.outbox.told ?? []) : [];
  const jobs = evidenceIn(traces, wanted).filter(({ place }) => isWanted(place, wanted));
  const places = new Map([...jobs.map(({ place }) => place), ...lines].map((place) => [keyOf(place), place]));
  return [...places.keys()].toSorted().flatMap((key) => {
    const place = places.get(key);
    if (place === undefined) return [];
    return saleAt(
      place,
      jobs.filter((job) => keyOf(job.place) === key),
      lines.filter((line) => keyOf(line) === key),
      nowOf(traces),
    );
  });
}

function keyOf({ locationId, date }: Pick<FoundSale, 'locationId' | 'date'>): string {
  return JSON.stringify([locationId, date]);
}

/** What is known to be of another place. */
function isWanted({ locationId, date }: Evidence['place'], wanted: WantedSale): boolean {
  const isHere = wanted.locationId === undefined || locationId === wanted.locationId;
  return isHere && (wanted.date === undefined || date === null || date === wanted.date);
}

function nowOf({ queue }: SaleTraces): number {
  return 'told' in queue ? queue.told.now : Date.now();
}

function evidenceIn({ log, queue, ...traces }: SaleTraces, { id: sale }: WantedSale): Evidence[] {
  const { events, standings } = 'told' in log ? log.told : NO_LOG;
  const { jobs, remembered, obstacle } = 'told' in queue ? queue.told : NOTHING_QUEUED;
  const isMarked = SYNC_KEY.test(sale) && remembered.has(sale) ? [sale] : [];
  const ids = new Set([...events.map(({ jobId }) => jobId), ...jobs.map(({ id }) => id), ...isMarked]);
  return [...ids].map((id) => {
    const ofJob = events.filter(({ jobId }) => jobId === id);
    const queued = jobs.find((job) => job.id === id);
    return {
      id,
      sale,
      place: {
        locationId:
          queued?.locationId ?? ofJob.find((event) => event.locationId !== null)?.locationId ?? null,
        date: queued?.date ?? ofJob.map(dateIn).find((date) => date !== null) ?? null,
      },
      queued,
      standing: standings.get(id),
      events: ofJob,
      isRemembered: remembered.has(id),
      obstacle,
      now: nowOf({ log, queue, ...traces }),
    };
  });
}

const SYNC_KEY = /^ps-[0-9a-f]{64}$/;
const NOTHING_QUEUED: Pick<QueueTraces, 'jobs' | 'remembered' | 'obstacle'> = {
  jobs: [],
  remembered: new Set(),
  obstacle: null,
};

/** Rows have the beginning of the payload, where its date usually is. */
function dateIn({ payload: { data } }: LoggedEvent): string | null {
  return /"date":\s*"(\d{4}-\d\d-\d\d)"/.exec(typeof data === 'string' ? data : '')?.[1] ?? null;
}

function saleAt(
  { locationId, date }: Pick<FoundSale, 'locationId' | 'date'>,
  evidence: readonly Evidence[],
  lines: readonly SaleLine[],
  now: number,
): FoundSale[] {
  const jobs = evidence
    .map((job) => ({ id: job.id, transactions: transactionsOf(job), answer: answerOf(job) }))
    .toSorted((one, other) => rankOf(one.answer) - rankOf(other.answer));
  const outbox = lines.map((line) => ({ ...line, answer: lineAnswer(line, now) }));
  // Of the rest the outbox knows by its jobs, and the jobs know more.
  const own = outbox.filter(({ state }) => jobs.length === 0 || OF_THE_OUTBOX.has(state));
  const answers = [...jobs, ...own].map(({ answer }) => answer);
  const [answer] = answers.toSorted((one, other) => rankOf(one) - rankOf(other));
  if (answer === undefined) return [];
  const history = evidence
    .flatMap(({ events }) => events)
    .toSorted((one, other) => one.at.getTime() - other.at.getTime());
  return [{ locationId, date, answer, jobs, outbox, history }];
}

/** States of a sale that has no payload under way. */
const OF_THE_OUTBOX = new Set(['waiting', 'apart', 'discarded']);

/** What is still to happen first, then the newest; a batch that was sent in halves says least. */
function rankOf({ state, at }: Answer): number {
  if (state === 'active') return Number.NEGATIVE_INFINITY;
  if (state === 'split' || state === 'lost') return Number.MAX_VALUE;
  return state === 'waiting' ? -Number.MAX_VALUE : -(at ?? 0);
}

function transactionsOf({ queued, events }: Evidence): number | null {
  return queued?.transactions ?? events.at(-1)?.transactionIds.length ?? null;
}

function answerOf(job: Evidence): Answer {
  const { queued, standing = { kind: 'open' }, now } = job;
  const settled = settledAnswer(job, standing);
  if (queued === undefined) return settled ?? goneAnswer(job);
  const before =
    settled?.state === 'delivered' || settled?.state === 'flagged' ? `; ${settled.text} before` : '';
  const obstructed = job.obstacle === null ? '' : `; ${job.obstacle}`;
  switch (queued.state) {
    case 'waiting':
      return waiting(`waits in the queue${tried(queued)}${obstructed}${before}`, queued.enqueuedAt);
    case 'delayed':
      return waiting(
        `waits${tried(queued)}, next try ${due(queued, now)}${obstructed}${before}`,
        queued.enqueuedAt,
      );
    case 'active':
      return { state: 'active', text: `is under way to Conexxus${before}`, at: queued.enqueuedAt };
    case 'failed':
      return settled?.state === 'dead' ? settled : dead(queued.reason ?? '', queued.finishedAt, now);
    case 'completed':
      return settled ?? delivered('delivered', queued.finishedAt, now, '');
  }
}

function settledAnswer({ sale, events, now }: Evidence, standing: Standing): Answer | undefined {
  switch (standing.kind) {
    case 'delivered': {
      const by = deliveryWords(events);
      if (!standing.flagged) return delivered('delivered', standing.at.getTime(), now, by);
      const isNamed = standing.refused.includes(sale);
      const how = isNamed ? 'by an answer that names it as refused' : 'by an answer that names refusals';
      return delivered('flagged', standing.at.getTime(), now, `${by}, ${how}`);
    }
    case 'dead':
      return dead(standing.reason, standing.at.getTime(), now);
    case 'discarded':
      return gone('discarded', 'given up by a person', standing, now);
    case 'replaced':
      return gone('replaced', `edited by a person into ${standing.by}`, standing, now);
    case 'split':
      return { state: 'split', text: `sent in halves since ${moment(standing.at.getTime(), now)}`, at: 0 };
    case 'open':
      return undefined;
  }
}

/** In no list of the queue, and the log knows no end of it. */
function goneAnswer({ isRemembered, events }: Evidence): Answer {
  if (isRemembered) {
    return {
      state: 'delivered',
      text: 'delivered: Redis remembers it, the event log has no row of it',
      at: null,
    };
  }
  const at = events.at(-1)?.at.getTime() ?? null;
  return { state: 'lost', text: 'is in the queue no more, and nobody knows what became of it', at };
}

function deliveryWords(events: readonly LoggedEvent[]): string {
  const row = events.find(({ type }) => type.startsWith('conexxus.sync.succeeded.'));
  if (row === undefined) return '';
  const { httpStatus, worker } = row.payload;
  return [
    typeof httpStatus === 'number' ? `, HTTP ${httpStatus}` : '',
    typeof worker === 'string' ? `, by ${worker}` : '',
  ].join('');
}

function lineAnswer({ state, since, reason }: SaleLine, now: number): Answer {
  const at = since.getTime();
  const why = { at: since, reason: reason ?? '' };
  switch (state) {
    case 'waiting':
      return waiting(`waits in the outbox since ${moment(at, now)}`, at);
    case 'enqueued':
      return waiting(`enqueued by a relay at ${moment(at, now)}`, at);
    case 'delivered':
      return delivered('delivered', at, now, '');
    case 'flagged':
      return delivered('flagged', at, now, ', by an answer that names it as refused');
    case 'dead':
      return dead(reason ?? '', at, now);
    case 'discarded':
      return gone('discarded', 'given up by a person', why, now);
    case 'replaced':
      return gone('replaced', 'replaced by a correction', why, now);
    default:
      return gone('apart', 'set apart, and waits for a person', why, now);
  }
}

function waiting(text: string, at: number | null): Answer {
  return { state: 'waiting', text, at };
}

function delivered(state: 'delivered' | 'flagged', at: number | null, now: number, how: string): Answer {
  return { state, text: `delivered${at === null ? '' : ` at ${moment(at, now)}`}${how}`, at };
}

function dead(reason: string, at: number | null, now: number): Answer {
  return { state: 'dead', text: `dead${at === null ? '' : ` since ${moment(at, now)}`}: ${reason}`, at };
}

function gone(
  state: 'discarded' | 'replaced' | 'apart',
  what: string,
  { at, reason }: { readonly at: Date; readonly reason: string },
  now: number,
): Answer {
  const why = reason === '' ? '' : `: ${reason}`;
  return { state, text: `${what} at ${moment(at.getTime(), now)}${why}`, at: at.getTime() };
}

function tried({ attempts }: QueuedJob): string {
  return attempts === 0 ? ', not tried yet' : `, tried ${attempts === 1 ? 'once' : `${attempts} times`}`;
}

function due({ dueAt }: QueuedJob, now: number): string {
  return dueAt === null ? 'soon' : `at ${moment(dueAt, now)}`;
}

function moment(at: number, now: number): string {
  return `${instant(at)} (${fromNow(at, now)})`;
}
