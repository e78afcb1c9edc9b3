import { asc, eq, sql } from 'drizzle-orm';
import type { Transaction } from '../base/database.ts';
import { parseJob } from '../sync/jobs/jobs.ts';
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

type Line = Pick<typeof sale.$inferSelect, keyof typeof LINE>;

const LINE = {
  id: sale.id,
  rowId: sale.rowId,
  transactionId: sale.transactionId,
  frame: sale.frame,
  data: sale.data,
  payloadId: sale.payloadId,
  fate: sale.fate,
};
const PAGE = 5_000;

/**
 * Writes down what travels together, before anything of it is enqueued. Lines that a person gave up meanwhile
 * stay behind.
 */
export async function writePayloads(
  tx: Transaction,
  groups: readonly (readonly Unit[])[],
): Promise<Payload[]> {
  const ids = groups.flat().flatMap((unit) => unit.lines);
  const lines = new Map<number, Line>();
  for (let start = 0; start < ids.length; start += PAGE) {
    const page = ids.slice(start, start + PAGE);
    const found = await tx
      .select(LINE)
      .from(sale)
      .where(sql`${sale.id} = any(${idsOf(page)})`)
      .orderBy(asc(sale.id))
      .for('update');
    for (const line of found) lines.set(line.id, line);
  }
  // Not one after the other: Postgres writes one while the next is put together. Where one fails, none may still
  // be writing when the transaction is ended.
  const writing = groups.map((units) => writePayload(tx, units, lines));
  await Promise.allSettled(writing);
  const written = await Promise.all(writing);
  return written.flatMap((payload) => payload ?? []);
}

/** Undefined: nothing of it travels. */
async function writePayload(
  tx: Transaction,
  units: readonly Unit[],
  lines: ReadonlyMap<number, Line>,
): Promise<Payload | undefined> {
  const draft = await draftOf(tx, units, lines);
  if (draft?.problem !== undefined) await setApart(tx, draft, draft.problem, lines);
  if (draft === undefined || draft.problem !== undefined) return undefined;
  const written = await insertPayload(tx, draft, 'open');
  await adopt(tx, written.id, written.members);
  return written;
}

/** From now on the fate of these lines is that of the payload. */
export async function adopt(tx: Transaction, payloadId: number, members: readonly number[]): Promise<void> {
  await tx.execute(sql`
    update conexxus.sale set payload_id = ${payloadId}, since = now()
    where id = any(${idsOf(members)})`);
}

/** The same content again is the payload that is there: its lines share its fate. */
export async function insertPayload(
  tx: Transaction,
  draft: Draft,
  state: 'open' | 'planned',
  parent?: number,
): Promise<Payload> {
  const { syncKey, locationId, json, members } = draft;
  const [row] = await tx
    .insert(payload)
    .values({
      syncKey,
      locationId,
      json,
      saleIds: [...members],
      state,
      ...(parent !== undefined && { parent }),
    })
    .onConflictDoUpdate({ target: payload.syncKey, set: { syncKey } })
    .returning({ id: payload.id });
  return { syncKey, locationId, json, members, id: row?.id ?? 0 };
}

/** What the members hold besides transactions, and the transactions' own texts, as one payload. */
export function payloadJson(frame: string, transactions: readonly string[]): string {
  return `${frame.slice(0, -1)},"transactions":[${transactions.join(',')}]}`;
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
  const parsed = parseJob('push_sales', data);
  const syncKey = parsed.ok ? parsed.job.syncKey : undefined;
  return {
    syncKey: syncKey ?? syncKeyOf(canonicalJson(data)),
    problem: parsed.ok ? undefined : describeProblems(parsed.problems, parsed.more),
  };
}

/** Each line with what would have been sent of it. */
async function setApart(
  tx: Transaction,
  { json, members }: Draft,
  reason: string,
  lines: ReadonlyMap<number, Line>,
): Promise<void> {
  const frame = frameIn(json);
  for (const id of members) {
    const { transactionId = null, data } = lines.get(id) ?? {};
    const whole = payloadJson(transactionId === null ? frame : withoutSummary(frame), data ? [data] : []);
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

async function draftOf(
  tx: Transaction,
  units: readonly Unit[],
  lines: ReadonlyMap<number, Line>,
): Promise<Draft | undefined> {
  const [first] = units;
  const all = units.flatMap((unit) => unit.lines).flatMap((id) => lines.get(id) ?? []);
  const members = all.filter(({ payloadId, fate }) => payloadId === null && fate === null);
  const [head] = members;
  if (first === undefined || head === undefined) return undefined;
  const frame = all.find((line) => line.frame !== null)?.frame ?? (await frameOf(tx, head));
  const isWithSummary = members.some(({ transactionId }) => transactionId === null);
  const texts = members.flatMap(({ data }) => data ?? []);
  const json = payloadJson(isWithSummary ? frame : withoutSummary(frame), texts);
  return draft(
    first.locationId,
    json,
    members.map(({ id }) => id),
  );
}

/** In an earlier line of its row, which does not travel. */
async function frameOf(tx: Transaction, { id, rowId }: Line): Promise<string> {
  const [found] = await tx.execute<{ frame: string }>(sql`
    select frame from conexxus.sale
    where row_id = ${rowId} and frame is not null and id < ${id} order by id desc limit 1`);
  if (found === undefined)
    throw new Error(`line ${id} has lost what its payload held besides its transaction`);
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
