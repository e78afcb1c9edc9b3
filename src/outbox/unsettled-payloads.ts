import { sql } from 'drizzle-orm';
import type { Transaction } from '../base/database.ts';
import { type Act, meant, type SaleFilter } from './meant.ts';
import type { PayloadState } from './schema.ts';
import { nameOf, type SaleName, type Why } from './tally.ts';

type UnsettledState = Extract<PayloadState, 'planned' | 'open' | 'splitting' | 'dead' | 'apart'>;

interface Member extends SaleName {
  readonly line: string;
  readonly meant: boolean;
  /** A correction of it was delivered. */
  readonly replaced: boolean;
}

/** Some of its members are meant. */
export interface UnsettledPayload {
  readonly id: string;
  readonly syncKey: string;
  readonly locationId: string;
  readonly state: UnsettledState;
  readonly members: readonly Member[];
}

/** `ask-queue`: it is a dead letter there, or gone; `if-gone`: only where it is gone. */
export type Decision =
  | { readonly kind: 'do' | 'ask-queue' | 'if-gone' }
  | { readonly kind: 'refuse'; readonly why: Why; readonly detail?: string };

const PAGE = 200;
const OTHERS_NAMED = 5;
const UNFINISHED = ['planned', 'open', 'splitting'] as const satisfies readonly UnsettledState[];

/** What may be done about it, by what Postgres knows. Pure. */
export function decide(act: Act, { state, members }: UnsettledPayload): Decision {
  if (UNFINISHED.some((unfinished) => unfinished === state)) return { kind: 'refuse', why: 'under-way' };
  if (act === 'release' && members.every(({ replaced }) => replaced))
    return { kind: 'refuse', why: 'replaced' };
  if (state === 'dead') return decideDead(act, members.length);
  const others = members.filter((member) => !member.meant);
  if (act === 'release' || others.length === 0) return { kind: 'do' };
  return { kind: 'refuse', why: 'shares-a-payload', detail: othersIn(others) };
}

function decideDead(act: Act, members: number): Decision {
  if (members === 1) return { kind: 'ask-queue' };
  return act === 'release' ? { kind: 'if-gone' } : { kind: 'refuse', why: 'being-split' };
}

function othersIn(others: readonly Member[]): string {
  const named = others.slice(0, OTHERS_NAMED).map(nameOf);
  const more = others.length - named.length;
  return named.join(', ') + (more > 0 ? ` and ${more} more` : '');
}

/** The next ones; `lock`: nobody else changes them until the transaction ends. */
export async function readPayloads(
  tx: Transaction,
  filter: SaleFilter,
  after: string,
  lock: boolean,
): Promise<UnsettledPayload[]> {
  const states = filter.state === undefined ? [...UNFINISHED, 'dead', 'apart'] : [filter.state];
  const rows = await tx.execute<PayloadRow>(sql`
    select p.id::text, p.sync_key as "syncKey", p.location_id as "locationId", p.state
    from conexxus.payload p
    where p.state in ('planned', 'open', 'splitting', 'dead', 'apart') and p.state in ${states}
      and p.id > ${after}::bigint and exists (
        select from conexxus.sale s where s.id = any(p.sale_ids) and s.payload_id = p.id and ${meant(filter)}
      )
    order by p.id limit ${PAGE} ${lock ? sql`for update of p` : sql``}`);
  if (rows.length === 0) return [];
  const members = await readMembers(
    tx,
    filter,
    rows.map(({ id }) => id),
  );
  return rows.map(({ id, syncKey, locationId, state }) => ({
    id,
    syncKey,
    locationId,
    state,
    members: members.filter(({ payload }) => payload === id),
  }));
}

type PayloadRow = Record<string, unknown> & Omit<UnsettledPayload, 'members'>;
type MemberRow = Record<string, unknown> & Member & { readonly payload: string };

async function readMembers(tx: Transaction, filter: SaleFilter, payloads: readonly string[]) {
  const rows = await tx.execute<MemberRow>(sql`
    select p.id::text as payload, s.id::text as line, s.transaction_id as "transactionId", ${meant(filter)} as meant,
      coalesce((select v.state = 'replaced' from public.conexxus_sales v where v.line = s.id), false) as replaced
    from conexxus.payload p join conexxus.sale s on s.id = any(p.sale_ids) and s.payload_id = p.id
    where p.id in ${payloads} order by s.id`);
  return [...rows];
}

export async function discardPayloads(
  tx: Transaction,
  ids: readonly string[],
  reason: string,
): Promise<void> {
  if (ids.length === 0) return;
  await tx.execute(sql`
    update conexxus.payload set state = 'discarded', since = now(), reason = ${reason}
    where id in ${ids}`);
}

/** A relay finds them in neither queue nor log, and enqueues them under their old keys. */
export async function reopenPayloads(tx: Transaction, ids: readonly string[]): Promise<void> {
  if (ids.length === 0) return;
  await tx.execute(sql`
    update conexxus.payload set state = 'open', created_at = now(), since = now(), reason = null
    where id in ${ids}`);
}
