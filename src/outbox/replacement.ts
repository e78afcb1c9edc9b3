import type { Queue } from 'bullmq';
import { and, desc, eq, sql } from 'drizzle-orm';
import type { Redis } from 'ioredis';
import type { Database, Transaction } from '../base/database.ts';
import { eventLog } from '../events/schema.ts';
import { changedNumbers } from '../sync/jobs/exact-numbers.ts';
import { readRow } from './lines.ts';
import { adopt, check, draft, insertPayloads, type Payload, readPayloads } from './payloads.ts';
import { idsOf, payload, sale } from './schema.ts';
import { insertSales } from './take.ts';

interface ReplacementDeps {
  readonly redis: Redis;
  readonly queue: Queue;
  /** Of the event log. */
  readonly log: Pick<Database, 'read'>;
}

/**
 * What a person edited a dead sale into, as JSON: the queue has it; where that has forgotten it, the row of the log, if it
 * is whole there. Undefined: nobody has it any more.
 */
export async function readReplacement(deps: ReplacementDeps, syncKey: string): Promise<string | undefined> {
  const queued = await deps.redis.hget(deps.queue.toKey(syncKey), 'data');
  if (queued !== null && isOf(syncKey, queued)) return queued;
  const logged = await readLogged(deps.log, syncKey);
  return logged !== undefined && isOf(syncKey, logged) ? logged : undefined;
}

function isOf(syncKey: string, json: string): boolean {
  try {
    return changedNumbers(json).length === 0 && check(json).syncKey === syncKey;
  } catch {
    return false;
  }
}

async function readLogged(log: ReplacementDeps['log'], syncKey: string): Promise<string | undefined> {
  const [row] = await log.read((tx) =>
    tx
      .select({ data: sql<string | null>`${eventLog.payload} ->> 'data'` })
      .from(eventLog)
      .where(
        and(eq(eventLog.aggregateId, syncKey), eq(eventLog.eventType, 'conexxus.sync.replaces.push_sales')),
      )
      .orderBy(desc(eventLog.timestamp))
      .limit(1),
  );
  return row?.data ?? undefined;
}

/**
 * Closes a payload as replaced, and has the edited sale be a line and a payload of its own. Undefined: that one is known
 * already, and has its own fate.
 */
export async function replace(
  tx: Transaction,
  oldId: number,
  reason: string,
  json: string,
): Promise<Payload | undefined> {
  const [old] = await readPayloads(tx, [oldId]);
  if (old === undefined) throw new Error(`payload ${oldId} is gone: was it deleted by hand?`);
  await close(tx, old, reason);
  const { syncKey } = check(json);
  const [known] = await tx.select({ id: payload.id }).from(payload).where(eq(payload.syncKey, syncKey));
  if (known !== undefined) return undefined;
  const members = await linesOf(tx, old, json);
  if (members.length === 0) return undefined;
  const [written] = await insertPayloads(tx, [draft(old.locationId, json, members)], 'open');
  if (written !== undefined) await adopt(tx, written.id, members);
  return written;
}

/** For the payload it is an end as any other; its sales say which. */
async function close(tx: Transaction, { id, members }: Payload, reason: string): Promise<void> {
  const since = sql`now()`;
  await tx.update(payload).set({ state: 'discarded', reason, since }).where(eq(payload.id, id));
  await tx
    .update(sale)
    .set({ fate: 'replaced', since })
    .where(sql`${sale.id} = any(${idsOf(members)}) and ${sale.payloadId} = ${id}`);
}

/** Also those that the till wrote meanwhile, and that wait: they would go a second time. */
async function linesOf(tx: Transaction, { members }: Payload, json: string): Promise<number[]> {
  const [first] = await tx
    .select({ rowId: sale.rowId })
    .from(sale)
    .where(sql`${sale.id} = any(${idsOf(members)})`)
    .limit(1);
  const row = { xid: '0', id: first?.rowId ?? 0, jobName: 'push_sales', createdAt: new Date() };
  const read = readRow({ ...row, json, bytes: Buffer.byteLength(json) });
  if (read.kind !== 'sales') return [];
  await insertSales(tx, [read]);
  const keys = `{${read.lines.map(({ saleKey }) => saleKey).join(',')}}`;
  const lines = await tx.execute<{ id: string }>(sql`
    select id from conexxus.sale
    where sale_key = any(${keys}::text[]) and payload_id is null and fate is null order by id for update`);
  return lines.map(({ id }) => Number(id));
}
