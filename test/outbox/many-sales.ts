import type { Sql } from 'postgres';

export const STORES = 20;
export const DAYS = 180;
const MEMBERS = 10;

/**
 * So many settled sales of twenty stores and the last 180 days, ten in a payload, with what is seldom strewn
 * among them. The planner knows them, if it is to.
 */
export async function writeSettled(sql: Sql, count: number, { analyzed = true } = {}): Promise<void> {
  const payloads = Math.ceil(count / MEMBERS);
  const aDay = Math.ceil(payloads / DAYS);
  await sql`
    insert into conexxus.payload (sync_key, location_id, json, sale_ids, state, since)
    select 'ps-' || n, 'store-' || n % ${STORES}::int + 1, repeat('x', 1500),
      array(select generate_series(n * ${MEMBERS}::int + 1, (n + 1) * ${MEMBERS}::int)),
      case when n % 500 = 0 then 'flagged' else 'delivered' end, now() - n / ${aDay}::int * interval '1 day'
    from generate_series(0, ${payloads - 1}::int) n`;
  await sql`
    insert into conexxus.sale (row_id, location_id, date, transaction_id, total, sale_key, data, bytes, created_at,
      payload_id, fate, reason)
    select n, p.location_id, current_date - (p.id - 1)::int / ${aDay}::int, 'T-' || n, n % 10000 * 0.01, 'key-' || n,
      repeat('d', 200), 200, p.since, case when n % 5000 < 2 then null else p.id end,
      case n % 5000 when 0 then 'apart' when 1 then 'discarded' end, case when n % 5000 < 2 then 'a reason' end
    from generate_series(1, ${count}::int) n join conexxus.payload p on p.id = (n - 1) / ${MEMBERS}::int + 1`;
  if (analyzed) await sql`vacuum analyze conexxus.sale, conexxus.payload`;
}
