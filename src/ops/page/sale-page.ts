import type { Queue } from 'bullmq';
import type { Redis } from 'ioredis';
import type { Database } from '../../base/database.ts';
import { type Redactor, redactData } from '../../base/redaction.ts';
import { within } from '../../base/shared.ts';
import { readSaleLines } from '../../outbox/sale-lines.ts';
import { type FoundSale, salesIn } from '../../sales/sale-answer.ts';
import {
  jobsIn,
  readLogTraces,
  readQueueTraces,
  type SaleTraces,
  type Told,
  type WantedSale,
} from '../../sales/sale-traces.ts';
import { changedNumbersAsText } from '../../sync/jobs/exact-numbers.ts';
import type { FleetReader } from '../fleet-reader.ts';
import { askPostgres } from './asked.ts';

export interface SalePageDeps {
  readonly redis: Redis;
  /** Over the same connection. */
  readonly queue: Queue;
  readonly namespace: string;
  readonly fleet: FleetReader;
  readonly database: Pick<Database, 'read'>;
  /** Of the POS. */
  readonly outboxDatabase: Pick<Database, 'read'>;
  readonly redact: Redactor;
}

/** All that a sale's page shows. */
export interface SaleSeen {
  readonly wanted: WantedSale;
  readonly sales: readonly FoundSale[];
  readonly traces: SaleTraces;
  /** By job id: what it holds, redacted, as JSON; a text that says why not, where it is too large. */
  readonly payloads: ReadonlyMap<string, string>;
}

/** Of a queue with 200,000 jobs it takes a second, and more where others search too. */
const SEARCH_TIMEOUT_MS = 10_000;
const PAYLOADS = 5;
const PAYLOAD_BYTES_MAX = 256 * 1024;

/** Asks all that may know of it; what is away is told and costs the others nothing. */
export async function seeSale(
  deps: SalePageDeps,
  wanted: WantedSale,
  search: 'always' | 'where-unknown',
): Promise<SaleSeen> {
  const [log, outbox] = await Promise.all([
    askPostgres(deps.database.read((tx) => readLogTraces(tx, wanted))),
    askPostgres(deps.outboxDatabase.read((tx) => readSaleLines(tx, wanted))),
  ]);
  const queue = await askQueue(deps, () =>
    readQueueTraces(deps, wanted, 'told' in log ? jobsIn(log.told) : [], search),
  );
  const traces = { log, outbox, queue };
  const sales = salesIn(traces, wanted);
  const jobIds = sales.flatMap(({ jobs }) => jobs.map(({ id }) => id)).slice(0, PAYLOADS);
  const payloads = await askQueue(deps, () => readPayloads(deps, jobIds));
  return { wanted, sales, traces, payloads: 'told' in payloads ? payloads.told : new Map() };
}

async function askQueue<Facts extends object>(
  { redis }: SalePageDeps,
  read: () => Promise<Facts>,
): Promise<Told<Facts>> {
  if (redis.status !== 'ready') return { untold: 'Redis does not answer' };
  try {
    const told = await within(SEARCH_TIMEOUT_MS, read(), null);
    return told === null ? { untold: 'Redis did not answer' } : { told };
  } catch {
    return { untold: 'Redis does not answer' };
  }
}

async function readPayloads(
  { redis, queue, redact }: SalePageDeps,
  jobIds: readonly string[],
): Promise<Map<string, string>> {
  const found = await Promise.all(
    jobIds.map(async (id) => {
      const bytes = await redis.hstrlen(queue.toKey(id), 'data');
      if (bytes === 0) return [];
      if (bytes > PAYLOAD_BYTES_MAX)
        return [[id, `${Math.round(bytes / 1024)} KB: too large for a page`] as const];
      return [[id, shown((await redis.hget(queue.toKey(id), 'data')) ?? '', redact)] as const];
    }),
  );
  return new Map(found.flat());
}

/** Any client can write anything. A number that would be shown as another one stands as text. */
function shown(json: string, redact: Redactor): string {
  try {
    return JSON.stringify(redactData(JSON.parse(changedNumbersAsText(json)), redact), null, 2);
  } catch {
    return redact(json);
  }
}
