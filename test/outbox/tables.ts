import type { Sql } from 'postgres';

/** What a test says of a line; the rest is as a relay would write it. */
export interface LineFields {
  readonly id: string | null;
  readonly location?: string | null;
  readonly date?: string | null;
  readonly total?: string | null;
  readonly corrects?: string;
  readonly fate?: 'apart' | 'discarded';
  readonly reason?: string;
  readonly data?: string;
  readonly jobName?: string;
  readonly payload?: string;
  readonly agoMs?: number;
}

export interface PayloadFields {
  readonly state?: string;
  readonly reason?: string;
  readonly refused?: readonly string[];
  readonly syncKey?: string;
  readonly location?: string;
}

export const DATE = '2026-11-24';
let written = 0;

/** A line of `conexxus.sale`; gives its number. */
export async function aLine(sql: Sql, fields: LineFields): Promise<string> {
  written += 1;
  const { id, location = 'store-7', date = DATE, total = '1.50', payload = null, agoMs = 0 } = fields;
  const { corrects = null, fate = null, reason = null, data = '{}', jobName = null } = fields;
  const [row] = await sql<{ id: string }[]>`
    insert into conexxus.sale (row_id, location_id, date, transaction_id, total, sale_key, corrects, data, bytes,
      job_name, created_at, payload_id, fate, reason)
    values (${written}, ${location}, ${date}, ${id}, ${total}, ${`key-${written}`}, ${corrects}, ${data}, ${data.length},
      ${jobName}, now() - ${agoMs} * interval '1 ms', ${payload}, ${fate}, ${reason})
    returning id`;
  return row?.id ?? '';
}

/** One after the other, so that their numbers grow. */
export async function someLines(sql: Sql, ids: readonly string[]): Promise<string[]> {
  const lines: string[] = [];
  for (const id of ids) lines.push(await aLine(sql, { id }));
  return lines;
}

/** A payload of lines that had none, or whose payload was another. */
export async function aPayload(sql: Sql, lines: readonly string[], fields: PayloadFields = {}) {
  written += 1;
  const { state = 'open', reason = null, refused = [], location = 'store-7' } = fields;
  const { syncKey = `ps-${written}` } = fields;
  const [row] = await sql<{ id: string }[]>`
    insert into conexxus.payload (sync_key, location_id, json, sale_ids, state, reason, refused)
    values (${syncKey}, ${location}, '{}', ${`{${lines.join()}}`}::bigint[], ${state}, ${reason},
      ${`{${refused.join()}}`}::text[])
    returning id`;
  const id = row?.id ?? '';
  await sql`update conexxus.sale set payload_id = ${id} where id = any(${`{${lines.join()}}`}::bigint[])`;
  return { id, syncKey };
}

/** A sale that travels alone. */
export async function aSale(sql: Sql, fields: LineFields, payload: PayloadFields = {}) {
  const line = await aLine(sql, fields);
  const { location = 'store-7' } = fields;
  return { line, ...(await aPayload(sql, [line], { location: location ?? '', ...payload })) };
}
