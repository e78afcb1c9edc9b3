import { sql } from 'drizzle-orm';
import type { Transaction } from '../base/database.ts';
import { tell } from '../base/happenings.ts';
import type { SyncJob } from '../sync/jobs/jobs.ts';
import { entryOf } from '../sync/producer/enqueuer.ts';
import type { JobAdder } from '../sync/producer/job-adder.ts';
import type { NewLine, ReadRow, SaleLine } from './lines.ts';
import type { OutboxRow } from './look.ts';
import type { Memory } from './memory.ts';
import type { Turn } from './turn.ts';
import type { Unit } from './waiting.ts';

interface TakeDeps {
  readonly turn: Turn;
  readonly adder: JobAdder;
}

interface Taken {
  /** What waits from now on, in the order in which it was written. */
  readonly units: readonly Unit[];
  /** Asked for by rows that stay until it is enqueued. */
  readonly fetches: readonly { readonly row: OutboxRow; readonly job: SyncJob }[];
  readonly apart: readonly { readonly rowId: number; readonly reason: string }[];
}

type SalesRow = Extract<ReadRow, { kind: 'sales' }>;
type ApartRow = Extract<ReadRow, { kind: 'apart' }>;

/** Takes what the POS wrote since the last look; true: there is more. */
export async function take({ reader, waiting }: Memory, { turn, adder }: TakeDeps): Promise<boolean> {
  const { reading, taken } = await turn(async (tx) => {
    const reading = await reader.next(tx);
    return { reading, taken: await takeRows(tx, reading.rows) };
  });
  reading.taken();
  waiting.add(taken.units);
  if (reading.rows.length > 0) tell('rows-taken', { rows: reading.rows.length, apart: taken.apart.length });
  for (const one of taken.apart) tell('row-set-apart', one);
  const { fetches } = taken;
  if (fetches.length > 0) {
    await adder.add(fetches.map(({ job }) => entryOf(job)));
    await turn((tx) =>
      deleteRows(
        tx,
        fetches.map(({ row }) => row),
      ),
    );
  }
  return reading.more;
}

/**
 * Moves rows of the outbox to the lines of ours. A sale that is known already shares the fate of its line and is
 * never written again; the same id with other content is a correction, and a line of its own.
 */
async function takeRows(tx: Transaction, rows: readonly ReadRow[]): Promise<Taken> {
  if (rows.length === 0) return { units: [], fetches: [], apart: [] };
  const sales = rows.filter((one) => one.kind === 'sales');
  const apart = rows.filter((one) => one.kind === 'apart');
  const fetches = rows.filter((one) => one.kind === 'fetch');
  const units = await insertSales(tx, sales);
  await insertApart(tx, apart);
  await deleteRows(
    tx,
    [...sales, ...apart].map(({ row }) => row),
  );
  return {
    units,
    fetches,
    apart: apart.map(({ row, line }) => ({ rowId: row.id, reason: line.reason ?? '' })),
  };
}

async function deleteRows(tx: Transaction, rows: readonly OutboxRow[]): Promise<void> {
  if (rows.length === 0) return;
  const xids = `{${rows.map(({ xid }) => xid).join(',')}}`;
  const ids = `{${rows.map(({ id }) => id).join(',')}}`;
  await tx.execute(sql`
    delete from conexxus.outbox where (xid, id) in (
      select * from unnest(${xids}::xid8[], ${ids}::bigint[])
    )`);
}

/** Those of them that no line has yet. */
export async function insertSales(tx: Transaction, rows: readonly SalesRow[]): Promise<Unit[]> {
  const isNew = await newcomers(tx, rows);
  const fresh = rows.flatMap(({ lines, frame }) => {
    const own = lines.filter(({ saleKey }) => isNew(saleKey));
    // The frame stands in the first line of its row.
    return [own.map((line, n) => (n === 0 ? { ...line, frame } : line))].filter((own) => own.length > 0);
  });
  const ids = await insertLines(tx, fresh.flat());
  await markCorrections(tx, ids);
  let next = 0;
  return fresh.map((lines) => {
    const first = next;
    next += lines.length;
    return unitOf(lines, ids.slice(first, next));
  });
}

/**
 * True once for each key that no line has, also where two rows bring the same sale. Key by key, by the index: of many
 * keys a planner may think that to read the table is less.
 */
async function newcomers(tx: Transaction, rows: readonly SalesRow[]): Promise<(saleKey: string) => boolean> {
  const keys = rows.flatMap(({ lines }) => lines.map(({ saleKey }) => saleKey));
  const known = await tx.execute<{ saleKey: string }>(sql`
    select given as "saleKey" from unnest(${`{${keys.join(',')}}`}::text[]) as given
    cross join lateral (select from conexxus.sale where sale_key = given limit 1) as known`);
  const seen = new Set(known.map(({ saleKey }) => saleKey));
  return (saleKey) => !seen.has(saleKey) && seen.add(saleKey) !== undefined;
}

/** The ids, in the order of the lines. As one text of JSON: thousands of parameters take several times as long. */
async function insertLines(tx: Transaction, lines: readonly NewLine[]): Promise<number[]> {
  if (lines.length === 0) return [];
  const inserted = await tx.execute<{ id: string }>(sql`
    insert into conexxus.sale (row_id, job_name, location_id, date, transaction_id, total, sale_key, group_key, frame,
      data, bytes, created_at, fate, reason)
    select "rowId", "jobName", "locationId", "date", "transactionId", "total", "saleKey", "groupKey", "frame",
      "data", "bytes", "createdAt", "fate", "reason"
    from json_to_recordset(${JSON.stringify(lines.map((line, n) => ({ ...line, n })))}::text::json) as line(n int,
      "rowId" bigint, "jobName" text, "locationId" text, "date" date, "transactionId" text, "total" numeric,
      "saleKey" text, "groupKey" text, "frame" text, "data" text, "bytes" int, "createdAt" timestamptz,
      "fate" text, "reason" text)
    order by n
    returning id`);
  return inserted.map(({ id }) => Number(id));
}

/** Of lines just inserted, which have one number after the other. OFFSET 0: each by the index, as above. */
async function markCorrections(tx: Transaction, ids: readonly number[]): Promise<void> {
  const [first] = ids;
  if (first === undefined) return;
  await tx.execute(sql`
    update conexxus.sale as later set corrects = earlier.id
    from (
      select l.id as later_id, max(e.id) as id from conexxus.sale l
      cross join lateral (
        select e.id from conexxus.sale e where e.transaction_id = l.transaction_id
          and e.location_id = l.location_id and e.date = l.date and e.id < l.id offset 0
      ) as e
      where l.id between ${first} and ${ids.at(-1)} group by l.id
    ) as earlier
    where later.id = earlier.later_id`);
}

/** What is too large to be read is copied by Postgres itself. */
async function insertApart(tx: Transaction, apart: readonly ApartRow[]): Promise<void> {
  const ids = await insertLines(
    tx,
    apart.map(({ line }) => line),
  );
  for (const [n, { row }] of apart.entries()) {
    if (row.json !== null) continue;
    await tx.execute(sql`
      update conexxus.sale set data = outbox.data::text from conexxus.outbox
      where sale.id = ${ids[n]} and outbox.xid = ${row.xid}::xid8 and outbox.id = ${row.id}`);
  }
}

function unitOf(lines: readonly SaleLine[], ids: readonly number[]): Unit {
  return {
    locationId: lines[0]?.locationId ?? '',
    lines: ids,
    groupKey: lines[0]?.groupKey ?? null,
    transactionIds: lines.flatMap(({ transactionId }) => transactionId ?? []),
    bytes: lines.reduce((sum, { bytes }) => sum + bytes, 0),
    since: lines[0]?.createdAt.getTime() ?? 0,
  };
}
