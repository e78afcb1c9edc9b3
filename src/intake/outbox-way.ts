import type { Database } from '../base/database.ts';
import { sqlStateOf } from '../base/postgres-errors.ts';
import { jsonbProblems } from '../outbox/jsonb.ts';
import { FIRST_PENDING, isPhase, type PendingPlace, readPending } from '../outbox/pending.ts';
import { type PostedFate, type PostedJob, readPosted, type SaleFate, writePosted } from '../outbox/posted.ts';
import type { JobAnswer } from './contract.ts';
import { BadCursorError, BusyError, storeError } from './errors.ts';
import { createGatherer } from './gather.ts';
import type { Way, Written } from './way.ts';

interface OutboxWayDeps {
  /** Of the POS. */
  readonly database: Database;
}

/** Jobs that wait for Postgres at most. */
const WAITING_MAX = 5_000;
const PAGE = 200;
const SALES_TOLD = 1_000;
/** SQLSTATE classes that speak of the data: a value, a constraint, a limit. */
const OF_THE_DATA = new Set(['22', '23', '54']);

export function createOutboxWay({ database }: OutboxWayDeps): Way {
  const gatherer = createGatherer<PostedJob, Written>({
    write: (posted) => writeTogether(database, posted),
    sizeOf: ({ job }) => job.json.length,
    isOfOneItem: (error) => OF_THE_DATA.has(sqlStateOf(error)?.slice(0, 2) ?? ''),
  });
  return {
    kind: 'outbox',
    problems: (data) => jsonbProblems(data, JSON.stringify(data)),
    async write(posted) {
      if (gatherer.waiting() > WAITING_MAX) throw new BusyError('too much waits to be written to Postgres');
      return gatherer.write(posted).catch(rethrow);
    },
    async job(jobId, locationIds) {
      const [fate] = await database.read((tx) => readPosted(tx, [jobId])).catch(rethrow);
      return fate === undefined || !locationIds.includes(fate.locationId) ? undefined : answerOf(fate);
    },
    async pending(locationIds, cursor) {
      const place = cursor === undefined ? FIRST_PENDING : placeOf(cursor);
      const page = await database.read((tx) => readPending(tx, locationIds, place, PAGE)).catch(rethrow);
      return {
        pending: page.sales.map(({ transactionIds, since, ...sale }) => ({
          ...sale,
          transactionIds: [...transactionIds],
          since: since.toISOString(),
        })),
        next: page.next === null ? null : [page.next.phase, ...page.next.after].join(':'),
      };
    },
  };
}

function rethrow(error: unknown): never {
  throw storeError(error);
}

async function writeTogether(database: Database, posted: readonly PostedJob[]): Promise<Written[]> {
  return database.write(async (tx) => {
    const written = await writePosted(tx, posted);
    const known = written.filter(({ isNew }) => !isNew).map(({ jobId }) => jobId);
    const fates = new Map((await readPosted(tx, known)).map((fate) => [fate.jobId, stateOf(fate)]));
    return written.map(({ jobId, isNew }) =>
      isNew
        ? { jobId, status: 'accepted', state: 'waiting' }
        : { jobId, status: 'known', state: fates.get(jobId) ?? 'waiting' },
    );
  });
}

/** What is still to happen first; of what is settled, what needs a person. */
const RANKS = [
  'waiting',
  'enqueued',
  'apart',
  'dead',
  'flagged',
  'discarded',
  'replaced',
  'delivered',
  'gone',
];

function stateOf({ sales }: PostedFate): string {
  return RANKS.find((state) => sales.some((sale) => sale.state === state)) ?? 'waiting';
}

function answerOf(fate: PostedFate): JobAnswer {
  const { jobId, jobName, locationId, date, sales } = fate;
  const isOfSales = jobName === 'push_sales';
  return {
    jobId,
    locationId,
    date,
    state: stateOf(fate),
    text: isOfSales ? wordsOf(sales) : catalogWords(stateOf(fate)),
    since: sinceOf(sales),
    sales: isOfSales
      ? sales
          .slice(0, SALES_TOLD)
          .map(({ since, ...sale }) => ({ ...sale, since: since?.toISOString() ?? null }))
      : [],
  };
}

function wordsOf(sales: readonly SaleFate[]): string {
  return RANKS.flatMap((state) => {
    const count = sales.filter((sale) => sale.state === state).length;
    return count === 0 ? [] : [`${count} ${state}`];
  }).join(', ');
}

function catalogWords(state: string): string {
  return state === 'waiting' ? 'waits in the outbox' : 'a relay has passed it on to the queue';
}

function sinceOf(sales: readonly SaleFate[]): string | null {
  const times = sales.flatMap(({ since }) => since?.getTime() ?? []);
  return times.length === 0 ? null : new Date(Math.max(...times)).toISOString();
}

function placeOf(cursor: string): PendingPlace {
  const [phase = '', ...after] = cursor.split(':');
  const areNumbers = after.length > 0 && after.length <= 2 && after.every((one) => /^\d{1,18}$/.test(one));
  if (!isPhase(phase) || !areNumbers) throw new BadCursorError('no cursor of ours');
  return { phase, after };
}
