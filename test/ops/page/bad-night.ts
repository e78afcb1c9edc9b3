import type { Queue } from 'bullmq';
import type { Redis } from 'ioredis';
import { openPostgres } from '../../../src/base/postgres.ts';
import { makeSales } from '../../support/sales.ts';

const STORES = 300;
const DAYS = 14;
/** Of the rows, those of the last hour: an outage is over, and what waited was delivered. */
const OF_THE_LAST_HOUR = 0.02;
const JOBS_AT_ONCE = 5_000;

/** A log of the last two weeks, of three hundred stores, with what is seldom strewn among it. The planner knows it. */
export async function writeLog(url: string, rows: number): Promise<void> {
  const newest = Math.ceil(rows * OF_THE_LAST_HOUR);
  // Nothing comes on this connection until all is written.
  const sql = openPostgres(url, { max: 1, silenceMaxMs: 0 });
  try {
    await sql.unsafe(`
      insert into event_log (event_type, aggregate_id, location_id, "timestamp", payload, transaction_ids, dedupe_key)
      select 'conexxus.' || type, case when isOfJob then 'ps-' || md5(n::text) || md5((-n)::text) else 'circuit' end,
        case when isOfJob then 'store-' || n * 7 % ${STORES} end,
        now() - case when n <= ${newest} then n * interval '1 hour' / ${newest}
          else interval '1 hour' + (n - ${newest}) * interval '${DAYS} days' / ${Math.max(1, rows - newest)} end,
        jsonb_build_object('operation', 'push_sales', 'outcome', split_part(type, '.', 2), 'attempt', 1,
          'durationMs', 80 + n % 400, 'httpStatus', 200, 'worker', 'till-' || n % 5, 'circuitState', 'closed',
          'answer', '{"success":true,"timestamp":"2026-11-20T12:00:00Z"}', 'syncKey', md5(n::text),
          'data', '{"date":"2026-11-20","locationId":"store-' || n * 7 % ${STORES} || '","transactions":[{"id":"T-' || n ||
            '","timestamp":"2026-11-20T12:00:00-06:00","total":41.93,"items":[{"sku":"sku-7","quantity":7,"price":5.99}]}]}'),
        case when type like 'sync.%push_sales' then array['T-' || n] else '{}' end, md5(n::text) || ':' || type
      from (
        select n, type, type like 'sync.%' as isOfJob from (
          select n, case
            when n % 20000 = 1 then (array['operator.hold', 'operator.release', 'operator.replay'])[n / 20000 % 3 + 1]
            when n % 5000 = 2 then 'circuit.opened' when n % 5000 = 3 then 'circuit.half_opened'
            when n % 5000 = 4 then 'circuit.closed' when n % 5000 = 5 then 'worker.benched'
            when n % 1000 = 6 then 'sync.dead_lettered.push_sales' when n % 100 = 7 then 'sync.succeeded.fetch_inventory'
            when n % 20 = 8 then 'sync.failed.push_sales' else 'sync.succeeded.push_sales' end as type
          from generate_series(${rows}, 1, -1) as n
        ) as numbered
      ) as typed`);
    await sql.unsafe('analyze event_log');
  } finally {
    await sql.end();
  }
}

const REASONS = [
  (sale: string) =>
    `http_422: Conexxus refused the sale: transaction ${sale} names till 7, which is not known`,
  (sale: string) => `http_400: Conexxus refused the sale: item "73050" of ${sale} has no price`,
  (sale: string) => `invalid_data: transactions[0].items: ${sale} has none, and there is no summary`,
  () => 'http_404: Conexxus does not know the store: POST /api/v1/sales/push was answered 404',
  (sale: string) => `attempts: 300 attempts failed, the last of ${sale} with ECONNRESET`,
];

/** Jobs as BullMQ keeps them, which nobody enqueued and nobody tried. */
export async function fillQueue(
  redis: Redis,
  queue: Queue,
  { waiting, dead }: { readonly waiting: number; readonly dead: number },
): Promise<void> {
  const now = Date.now();
  for (let from = 0; from < waiting + dead; from += JOBS_AT_ONCE) {
    const pipeline = redis.pipeline();
    const sales = makeSales(Math.min(JOBS_AT_ONCE, waiting + dead - from), `q${from}`);
    for (const [index, sale] of sales.entries()) {
      const place = from + index;
      const name = sale.transactions[0]?.id ?? '';
      const id = `ps-${Buffer.from(name.padStart(32)).toString('hex')}`;
      const data = JSON.stringify({ ...sale, locationId: `store-${place % STORES}` });
      const job = { name: 'push_sales', data, opts: '{"attempts":1000}', timestamp: now - 3_600_000 + place };
      if (place < waiting) {
        pipeline.hset(queue.toKey(id), job);
        pipeline.lpush(queue.toKey('wait'), id);
      } else {
        const failedReason = REASONS[place % REASONS.length]?.(name) ?? '';
        const finishedOn = now - 3_600_000 + place;
        pipeline.hset(queue.toKey(id), { ...job, failedReason, finishedOn, atm: 3 });
        pipeline.zadd(queue.toKey('failed'), finishedOn, id);
      }
    }
    await pipeline.exec();
  }
}
