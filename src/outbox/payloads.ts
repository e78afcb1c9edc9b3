import { asc, eq, sql } from 'drizzle-orm';
import type { Transaction } from '../base/database.ts';
import { salesProblems } from '../sync/jobs/payload.ts';
import { describeProblems } from '../sync/jobs/problems.ts';
import { canonicalJson, syncKeyOf } from '../sync/jobs/sync-key.ts';
import { idsOf, payload, sale } from './schema.ts';
import type { Unit } from './waiting.ts';

/** As it goes to Conexxus: bytes and members never change from here on. */
export interface Payload {
  readonly id: number;
  /** Job id and `Idempotency-Key`. */
  readonly syncKey: string;
  readonly locationId: string;
  readonly json: string;
  /** Ids of its lines, in the order of its transactions. */
  readonly members: readonly number[];
}

/** A payload as it is put together, before it has an id. */
export interface Draft extends Omit<Payload, 'id'> {
  /** Why it can't be sent. */
  readonly problem: string | undefined;
}

/** What the lines of a payload hold that travel. */
interface Content {
  /** Place of its units among those that were asked for, from 1. */
  readonly place: number;
  /** Ids, with commas between. */
  readonly members: string;
  readonly rowId: string;
  /** In the first line of its row, which may not travel. */
  readonly frame: string | null;
  readonly texts: string;
  readonly isWithSummary: boolean;
}

/**
 * Writes down what travels together, before anything of it is enqueued. Lines that a person gave up meanwhile
 * stay behind.
 */
export async function writePayloads(
  tx: Transaction,
  groups: readonly (readonly Unit[])[],
): Promise<Payload[]> {
  const drafts: Draft[] = [];
  for (const content of await readContents(tx, groups)) {
    const locationId = groups[content.place - 1]?.[0]?.locationId ?? '';
    const draft = await draftOf(tx, locationId, content);
    if (draft.problem === undefined) drafts.push(draft);
    else await setApart(tx, draft, draft.problem);
  }
  const written = await insertPayloads(tx, drafts, 'open');
  // Not one after the other. Where one fails, none may still be writing when the transaction is ended.
  const adopting = written.map(({ id, members }) => adopt(tx, id, members));
  await Promise.allSettled(adopting);
  await Promise.all(adopting);
  return written;
}

/** One of each payload of which anything travels. Put together by Postgres: a row a line takes several times as long. */
async function readContents(tx: Transaction, groups: readonly (readonly Unit[])[]): Promise<Content[]> {
  const asked = groups.map((units) => units.flatMap(({ lines }) => lines));
  const places = asked.flatMap((lines, n) => lines.map(() => n + 1));
  const contents = await tx.execute<Content & Record<string, unknown>>(sql`
    with line as materialized (
      select asked.place, s.id, s.row_id, s.transaction_id, s.frame, s.data, s.payload_id is null and s.fate is null as travels
      from unnest(${idsOf(places)}, ${idsOf(asked.flat())}) as asked(place, id)
      cross join lateral (select * from conexxus.sale where id = asked.id limit 1 for update) as s
    )
    select place::int, string_agg(id::text, ',' order by id) filter (where travels) as members,
      (array_agg(row_id order by id) filter (where travels))[1] as "rowId",
      (array_agg(frame order by id) filter (where frame is not null))[1] as frame,
      coalesce(string_agg(data, ',' order by id) filter (where travels), '') as texts,
      bool_or(transaction_id is null) filter (where travels) as "isWithSummary"
    from line group by place having bool_or(travels) order by place`);
  return [...contents];
}

/** From now on the fate of these lines is that of the payload. */
export async function adopt(tx: Transaction, payloadId: number, members: readonly number[]): Promise<void> {
  await tx.execute(sql`
    update conexxus.sale set payload_id = ${payloadId}, since = now()
    where id = any(${idsOf(members)})`);
}

/** The same content again is the payload that is there: its lines share its fate. In the order of the drafts. */
export async function insertPayloads(
  tx: Transaction,
  drafts: readonly Draft[],
  state: 'open' | 'planned',
  parent: number | null = null,
): Promise<Payload[]> {
  if (drafts.length === 0) return [];
  const distinct = new Map(drafts.map((one) => [one.syncKey, one]));
  const rows = [...distinct.values()].map(({ syncKey, locationId, json, members }, n) => {
    return { n, syncKey, locationId, json, members: `{${members.join(',')}}` };
  });
  const written = await tx.execute<{ id: string; syncKey: string }>(sql`
    insert into conexxus.payload (sync_key, location_id, json, sale_ids, state, parent)
    select "syncKey", "locationId", "json", "members"::bigint[], ${state}, ${parent}::bigint
    from json_to_recordset(${JSON.stringify(rows)}::text::json)
      as draft(n int, "syncKey" text, "locationId" text, "json" text, "members" text)
    order by n
    on conflict (sync_key) do update set sync_key = excluded.sync_key
    returning id, sync_key as "syncKey"`);
  const ids = new Map(written.map(({ id, syncKey }) => [syncKey, Number(id)]));
  return drafts.map(({ syncKey, locationId, json, members }) => {
    return { syncKey, locationId, json, members, id: ids.get(syncKey) ?? 0 };
  });
}

/** What the members hold besides transactions, and the transactions' own texts with commas between, as one payload. */
export function payloadJson(frame: string, transactions: string): string {
  return `${frame.slice(0, -1)},"transactions":[${transactions}]}`;
}

/** With its sync key, as the worker will find it. */
export function draft(locationId: string, json: string, members: readonly number[]): Draft {
  return { ...check(json), locationId, json, members };
}

/**
 * Each row was checked when it was taken, but a part of one may be nothing by itself: a transaction without items,
 * where the others are known already.
 */
export function check(json: string): Pick<Draft, 'syncKey' | 'problem'> {
  const data: unknown = JSON.parse(json);
  const problems = salesProblems(data);
  return {
    syncKey: syncKeyOf(canonicalJson(data)),
    problem: problems.length === 0 ? undefined : describeProblems(problems, 0),
  };
}

/** Each line with what would have been sent of it. */
async function setApart(tx: Transaction, { json, members }: Draft, reason: string): Promise<void> {
  const frame = frameIn(json);
  const lines = await tx
    .select({ id: sale.id, transactionId: sale.transactionId, data: sale.data })
    .from(sale)
    .where(sql`${sale.id} = any(${idsOf(members)})`);
  for (const { id, transactionId, data } of lines) {
    const whole = payloadJson(transactionId === null ? frame : withoutSummary(frame), data ?? '');
    await tx
      .update(sale)
      .set({ fate: 'apart', reason, data: whole, since: sql`now()` })
      .where(eq(sale.id, id));
  }
}

/** What a payload holds besides transactions. */
export function frameIn(json: string): string {
  const { transactions: _transactions, ...frame }: Record<string, unknown> = JSON.parse(json);
  return JSON.stringify(frame);
}

async function draftOf(tx: Transaction, locationId: string, content: Content): Promise<Draft> {
  const members = content.members.split(',').map(Number);
  const frame = content.frame ?? (await frameOf(tx, Number(content.rowId), members[0] ?? 0));
  const json = payloadJson(content.isWithSummary ? frame : withoutSummary(frame), content.texts);
  return draft(locationId, json, members);
}

/** In an earlier line of its row, which does not travel. */
async function frameOf(tx: Transaction, rowId: number, line: number): Promise<string> {
  const [found] = await tx.execute<{ frame: string }>(sql`
    select frame from conexxus.sale
    where row_id = ${rowId} and frame is not null and id < ${line} order by id desc limit 1`);
  if (found === undefined)
    throw new Error(`line ${line} has lost what its payload held besides its transaction`);
  return found.frame;
}

/** Where the summary's own line does not travel: it was sent before, or given up. */
export function withoutSummary(frame: string): string {
  const { summary: _summary, ...rest }: Record<string, unknown> = JSON.parse(frame);
  return JSON.stringify(rest);
}

export async function readPayload(tx: Transaction, id: number): Promise<Payload | undefined> {
  const [found] = await readPayloads(tx, [id]);
  return found;
}

export async function readPayloads(tx: Transaction, ids: readonly number[]): Promise<Payload[]> {
  const rows = await tx
    .select()
    .from(payload)
    .where(sql`${payload.id} = any(${idsOf(ids)})`)
    .orderBy(asc(payload.id));
  return rows.map(payloadOf);
}

export function payloadOf({ id, syncKey, locationId, json, saleIds }: typeof payload.$inferSelect): Payload {
  return { id, syncKey, locationId, json, members: saleIds };
}
