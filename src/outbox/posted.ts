import { randomUUID } from 'node:crypto';
import { sql } from 'drizzle-orm';
import type { Transaction } from '../base/database.ts';
import type { SyncJob } from '../sync/jobs/jobs.ts';
import { transactionIdsOf } from '../sync/jobs/payload.ts';

/** A checked job as somebody posted it. */
export interface PostedJob {
  readonly job: SyncJob;
  /** Name of the token that it came with. */
  readonly token: string;
}

/** What is kept of a job that was posted, and what became of its sales. */
export interface PostedFate {
  readonly jobId: string;
  readonly jobName: string;
  readonly locationId: string;
  readonly date: string | null;
  readonly postedAt: Date;
  /** Of a summary, or a catalog that is asked for: one without an id. */
  readonly sales: readonly SaleFate[];
}

export interface SaleFate {
  readonly transactionId: string | null;
  /** As the view `conexxus_sales` has it; `gone`: it was settled, and forgotten since. Of a catalog: a relay passed it on. */
  readonly state: string;
  readonly since: Date | null;
  readonly reason: string | null;
}

interface Written {
  readonly jobId: string;
  readonly isNew: boolean;
}

interface Row {
  readonly jobId: string;
  readonly jobName: string;
  readonly locationId: string;
  readonly date: string | null;
  readonly transactionIds: readonly string[];
  readonly token: string;
  readonly data: string;
}

const FORGOTTEN_AT_ONCE = 1_000;

/**
 * Writes jobs into the outbox, each once: what was posted before, and is remembered, is not written again. In the order
 * of the jobs, so that a correction comes after what it corrects.
 */
export async function writePosted(tx: Transaction, posted: readonly PostedJob[]): Promise<Written[]> {
  const rows = posted.map(rowOf);
  const unique = new Map(rows.map((row) => [row.jobId, row]));
  const written = await tx.execute<{ jobId: string }>(sql`
    with given as materialized (
      select * from json_to_recordset(${JSON.stringify([...unique.values()].map((row, n) => ({ ...row, n })))}::text::json) as row(n int, "jobId" text, "jobName" text,
        "locationId" text, "date" text, "transactionIds" json, "token" text, "data" text)
    ), fresh as (
      insert into conexxus.intake (job_id, job_name, location_id, date, transaction_ids, token)
      select "jobId", "jobName", "locationId", conexxus.day_of("date"),
        array(select json_array_elements_text("transactionIds")), "token"
      -- In one order everywhere: two who write the same ones never wait for each other.
      from given order by "jobId" on conflict do nothing returning job_id
    )
    select "jobId", public.conexxus_enqueue("jobName", "data"::jsonb) as row
    from (select * from given join fresh on job_id = "jobId" order by n) as ordered`);
  const fresh = new Set(written.map(({ jobId }) => jobId));
  return rows.map(({ jobId }) => ({ jobId, isNew: fresh.delete(jobId) }));
}

function rowOf({ job, token }: PostedJob): Row {
  const { name, data, locationId, syncKey } = job;
  return {
    // The job that a relay makes of it has another id.
    jobId: syncKey ?? `${name}-${randomUUID()}`,
    jobName: name,
    locationId,
    date: dateOf(data),
    transactionIds: transactionIdsOf(data),
    token,
    data: JSON.stringify(data),
  };
}

function dateOf(data: unknown): string | null {
  if (typeof data !== 'object' || data === null || !('date' in data)) return null;
  return typeof data.date === 'string' ? data.date : null;
}

type FateRow = Record<string, unknown> & {
  readonly jobId: string;
  readonly jobName: string;
  readonly locationId: string;
  readonly date: string | null;
  readonly postedAt: string;
  readonly isUntaken: boolean;
  readonly transactionId: string | null;
  readonly state: string | null;
  readonly since: string | null;
  readonly reason: string | null;
};

/** Of those that are remembered. By indexes, and never through all that waits. */
export async function readPosted(tx: Transaction, jobIds: readonly string[]): Promise<PostedFate[]> {
  if (jobIds.length === 0) return [];
  const rows = await tx.execute<FateRow>(sql`
    select i.job_id as "jobId", i.job_name as "jobName", i.location_id as "locationId", i.date::text,
      i.created_at as "postedAt", untaken.row is not null as "isUntaken", t.id as "transactionId",
      line.state, line.since, line.reason
    -- A relay counts in milliseconds.
    from (select *, date_trunc('milliseconds', created_at) as at from conexxus.intake) as i
    left join lateral (
      select true as row from conexxus.outbox o
      where o.xid = i.xid and o.job_name = i.job_name and o.data ->> 'locationId' = i.location_id
        and (o.data #>> '{transactions,0,id}') is not distinct from i.transaction_ids[1] limit 1
    ) as untaken on true
    cross join lateral unnest(
      case when cardinality(i.transaction_ids) = 0 then array[null] else i.transaction_ids end
    ) with ordinality as t(id, n)
    left join lateral (
      (select s.id from conexxus.sale s
        where t.id is not null and s.transaction_id = t.id and s.location_id = i.location_id and s.date = i.date
        order by s.created_at = i.at desc, s.id desc limit 1)
      union all
      (select s.id from conexxus.sale s
        where t.id is null and s.transaction_id is null and s.location_id = i.location_id and s.date = i.date
          and s.created_at = i.at limit 1)
    ) as own on true
    left join lateral (
      select state, since, reason from public.conexxus_sales v where v.line = own.id offset 0
    ) as line on true
    where i.job_id = any(array(select json_array_elements_text(${JSON.stringify(jobIds)}::text::json)))
    order by i.job_id, t.n`);
  const fates = new Map<string, PostedFate & { readonly sales: SaleFate[] }>();
  for (const row of rows) {
    const { jobId, jobName, locationId, date, postedAt } = row;
    const fate = fates.get(jobId) ?? {
      jobId,
      jobName,
      locationId,
      date,
      postedAt: new Date(postedAt),
      sales: [],
    };
    fate.sales.push(saleFateOf(row));
    fates.set(jobId, fate);
  }
  return [...fates.values()];
}

function saleFateOf({ transactionId, isUntaken, state, since, reason, postedAt }: FateRow): SaleFate {
  // Until a relay takes it, a line of that id is of an earlier content.
  if (isUntaken) return { transactionId, state: 'waiting', since: new Date(postedAt), reason: null };
  if (state === null) return { transactionId, state: 'gone', since: null, reason: null };
  return { transactionId, state, since: since === null ? null : new Date(since), reason };
}

/** Forgets what was posted before; gives how many. Some at a time: until it gives 0. */
export async function forgetPosted(tx: Transaction, ageMs: number): Promise<number> {
  const gone = await tx.execute(sql`
    delete from conexxus.intake where job_id in (
      select job_id from conexxus.intake where created_at < now() - make_interval(secs => ${ageMs / 1_000})
      order by created_at limit ${FORGOTTEN_AT_ONCE}
    ) returning job_id`);
  return gone.length;
}
