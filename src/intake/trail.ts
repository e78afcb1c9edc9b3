import type { Queue } from 'bullmq';
import type { Redis } from 'ioredis';
import type { Database, Transaction } from '../base/database.ts';
import { errorMessage } from '../base/errors.ts';
import { postgresReason } from '../base/postgres-errors.ts';
import { readSaleLines } from '../outbox/sale-lines.ts';
import { type FoundSale, salesIn } from '../sales/sale-answer.ts';
import {
  jobsIn,
  type QueueTraces,
  readLogTraces,
  readQueueTraces,
  type SaleTraces,
  type Told,
} from '../sales/sale-traces.ts';
import type { GateOptions } from '../sync/gate/gate-script.ts';
import { queueError } from '../sync/producer/producer-errors.ts';
import { createFleet } from '../sync/report/fleet.ts';
import { StoreAwayError } from './errors.ts';

/** What became of sales and jobs, of one store at a time. */
export interface Trail {
  /**
   * Of a transaction id, else of a job's (`isJob`), which costs no search. What is away is left out; where nothing
   * was found and not all were asked, rejects with StoreAwayError.
   */
  salesOf(wanted: Wanted, how?: { readonly isJob?: boolean }): Promise<readonly FoundSale[]>;
}

interface Wanted {
  readonly id: string;
  readonly locationId: string;
  readonly date?: string | undefined;
}

interface TrailDeps {
  /** Failing fast. */
  readonly redis: Redis;
  /** Over that connection. */
  readonly queue: Queue;
  readonly namespace: string;
  readonly ownOptions: GateOptions;
  /** Of the event log. */
  readonly log: Pick<Database, 'read'>;
  /** Undefined: there is none. */
  readonly outbox: Pick<Database, 'read'> | undefined;
}

export function createTrail(deps: TrailDeps): Trail {
  const { redis, namespace, ownOptions, log, outbox } = deps;
  const fleet = createFleet({ redis, namespace, ownOptions });
  const inTurn = createTurns();

  async function askQueue(wanted: Wanted, jobIds: readonly string[], isJob: boolean): Promise<QueueTraces> {
    // The search takes Redis a second for 200,000 jobs: not several at a time.
    const read = () => readQueueTraces({ ...deps, fleet }, wanted, jobIds, isJob ? 'never' : 'always');
    return isJob ? read() : inTurn(read);
  }

  return {
    async salesOf(wanted, { isJob = false } = {}) {
      const [logTraces, lines] = await Promise.all([
        told(log, (tx) => readLogTraces(tx, wanted)),
        outbox === undefined ? { told: null } : told(outbox, (tx) => readSaleLines(tx, wanted)),
      ]);
      const jobIds = 'told' in logTraces ? jobsIn(logTraces.told) : [];
      const queue = await askQueue(wanted, jobIds, isJob).then(
        (found): Told<QueueTraces> => ({ told: found }),
        (error: unknown): Told<QueueTraces> => ({ untold: errorMessage(queueError(error)) }),
      );
      const traces: SaleTraces = { log: logTraces, outbox: lines, queue };
      const sales = salesIn(traces, wanted).filter(({ locationId }) => locationId === wanted.locationId);
      const untold = [logTraces, lines, queue].flatMap((one) => ('untold' in one ? [one.untold] : []));
      if (sales.length === 0 && untold.length > 0) throw new StoreAwayError(untold.join('; '));
      return sales;
    },
  };
}

async function told<Facts>(
  database: Pick<Database, 'read'>,
  read: (tx: Transaction) => Promise<Facts>,
): Promise<Told<Facts>> {
  try {
    return { told: await database.read(read) };
  } catch (error) {
    return { untold: postgresReason(error) };
  }
}

function createTurns() {
  let last: Promise<unknown> = Promise.resolve();
  return <Result>(work: () => Promise<Result>): Promise<Result> => {
    const mine = last.then(work, work);
    last = mine;
    return mine;
  };
}
