import { asc, eq, sql } from 'drizzle-orm';
import type { Transaction } from '../base/database.ts';
import { type EventSubject, shownJson } from '../sync/sync-event.ts';
import {
  adopt,
  check,
  type Draft,
  draft,
  frameIn,
  insertPayloads,
  type Payload,
  payloadJson,
  payloadOf,
  readPayloads,
  withoutSummary,
} from './payloads.ts';
import { idsOf, payload, sale } from './schema.ts';

interface Plan {
  /** Of the event that tells of it. */
  readonly subject: EventSubject;
  readonly halves: readonly [syncKey: string, syncKey: string];
}

/** The halves of a payload, written down and not its members' fate yet. */
export async function planHalves(tx: Transaction, wholeId: number): Promise<Plan> {
  const [whole] = await readPayloads(tx, [wholeId]);
  if (whole === undefined) throw new Error(`payload ${wholeId} is gone: was it deleted by hand?`);
  const lines = await tx
    .select({ id: sale.id, transactionId: sale.transactionId, data: sale.data })
    .from(sale)
    .where(sql`${sale.id} = any(${idsOf(whole.members)})`)
    .orderBy(asc(sale.id));
  const middle = Math.ceil(lines.length / 2);
  const first = halfOf(whole, lines.slice(0, middle));
  const second = halfOf(whole, lines.slice(middle));
  await insertPayloads(tx, [first, second], 'planned', whole.id);
  await setState(tx, whole.id, 'splitting');
  const { syncKey, locationId, json } = whole;
  const transactionIds = lines.flatMap(({ transactionId }) => transactionId ?? []);
  // Written anew: a POS may have escaped a secret in a way that redaction does not know.
  const shown = shownJson(JSON.parse(json));
  const subject = { jobId: syncKey, name: 'push_sales', json: shown, locationId, transactionIds, syncKey };
  return { subject, halves: [first.syncKey, second.syncKey] };
}

/** The whole is out of the queue: from now on each half has its own fate. Those that can be sent. */
export async function finishSplit(tx: Transaction, wholeId: number): Promise<Payload[]> {
  const halves = await readHalves(tx, wholeId);
  const fit: Payload[] = [];
  for (const half of halves) {
    const { problem } = check(half.json);
    if (problem === undefined) fit.push(half);
    await adopt(tx, half.id, half.members);
    await setState(tx, half.id, problem === undefined ? 'open' : 'apart', problem);
  }
  await setState(tx, wholeId, 'split');
  return fit;
}

/** A person was faster: replayed or discarded, it is the whole that goes on. */
export async function abandonSplit(tx: Transaction, wholeId: number): Promise<void> {
  await tx.execute(sql`delete from conexxus.payload where parent = ${wholeId} and state = 'planned'`);
  await setState(tx, wholeId, 'open');
}

async function readHalves(tx: Transaction, wholeId: number): Promise<Payload[]> {
  const rows = await tx.select().from(payload).where(eq(payload.parent, wholeId)).orderBy(asc(payload.id));
  return rows.map(payloadOf);
}

async function setState(
  tx: Transaction,
  id: number,
  state: 'open' | 'splitting' | 'split' | 'apart',
  reason: string | null = null,
): Promise<void> {
  await tx.update(payload).set({ state, reason, since: sql`now()` }).where(eq(payload.id, id));
}

/** The transactions' own texts are those of the whole; the summary goes with its own line. */
function halfOf(
  { locationId, json }: Payload,
  lines: readonly {
    readonly id: number;
    readonly transactionId: string | null;
    readonly data: string | null;
  }[],
): Draft {
  const text = frameIn(json);
  const isWithSummary = lines.some(({ transactionId }) => transactionId === null);
  const texts = lines.flatMap(({ data }) => data ?? []).join(',');
  return draft(
    locationId,
    payloadJson(isWithSummary ? text : withoutSummary(text), texts),
    lines.map(({ id }) => id),
  );
}
