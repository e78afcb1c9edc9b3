import { sql } from 'drizzle-orm';
import type { Transaction } from '../base/database.ts';
import { JSON_BYTES_MAX } from '../sync/jobs/plain-json.ts';
import { createMark } from './taken.ts';

/** What a POS wrote. */
export interface OutboxRow {
  readonly xid: string;
  readonly id: number;
  readonly jobName: string;
  readonly createdAt: Date;
  /** Of its JSON. */
  readonly bytes: number;
  /** As Postgres keeps it, digit by digit; null: it is larger than a payload may be. */
  readonly json: string | null;
}

export interface Look {
  readonly rows: readonly OutboxRow[];
  /** There are more. */
  readonly more: boolean;
  /** Where the next one begins, whether these rows are taken by then or not. */
  readonly next: Progress;
  /** Call it when what was seen is taken for good: the next look begins behind it. */
  advance(): void;
}

/** Postgres writes JSON with blanks between its parts: what is larger than this is too large without them too. */
const READ_BYTES_MAX = 2 * JSON_BYTES_MAX;
/** Rows and JSON that one look takes. */
const ROWS = 500;
const JSON_BYTES = 8 * 1024 * 1024;
/** On disk they may be compressed: written out they are many times as much. */
const STORED_BYTES = 1024 * 1024;

interface Place {
  readonly xid: string;
  readonly id: number;
}

/** What a snapshot of Postgres saw: `xmax` and all after it had not begun, those in progress had not ended. */
interface Seen {
  readonly xmax: string;
  readonly inProgress: readonly string[];
}

interface Snapshot extends Seen {
  readonly text: string;
}

interface Progress {
  /** All that this saw was taken before the pass. */
  readonly seen: Seen;
  readonly pass: Pass | undefined;
}

/**
 * Through what is new, in one or several looks: the late ones and then the others, by their numbers. At its end all is
 * taken that the first look of the pass could see; who was in progress then and committed meanwhile is late in the next.
 */
interface Pass {
  readonly snapshot: Snapshot;
  /** The last row that was seen. */
  readonly place: Place;
}

const NOTHING: Seen = { xmax: '0', inProgress: [] };
const BEGINNING: Place = { xid: '0', id: 0 };

// Drizzle wants an index in what it gives; rows without one are of a look that found nothing.
type Found = Record<string, unknown> & {
  readonly snapshot: string;
  readonly found: string;
  readonly xid: string | null;
  readonly id: string | null;
  readonly jobName: string;
  readonly createdAt: string;
  readonly bytes: number;
  readonly json: string | null;
};

/**
 * Finds rows that the last look could not see: those of transactions that had not begun then, and those of the
 * few that had not ended. So neither a number that was taken and never committed holds it up, nor the dead rows
 * before, which stay for as long as anybody has an old snapshot open.
 *
 * It is only a shortcut: rows are deleted as they are taken, so whoever begins anew sees what is left.
 */
export function createLookout() {
  const mark = createMark();
  let progress: Progress = { seen: NOTHING, pass: undefined };
  let passRows = 0;
  return {
    /** To be called before a look, in its transaction. */
    writeDown: (tx: Transaction) => mark.write(tx),
    /** Behind what was taken, or behind a look whose rows are yet to be. */
    async look(tx: Transaction, behind?: Look): Promise<Look> {
      const { seen, pass } = behind?.next ?? progress;
      const found = await tx.execute<Found>(lookQuery(seen, pass?.place));
      const rows = found.flatMap(rowOf);
      const snapshot = pass?.snapshot ?? snapshotOf(found[0]?.snapshot ?? '0:0:');
      const count = Number(found[0]?.found ?? 0);
      const more = rows.length < count || count >= ROWS;
      const place = rows.at(-1) ?? pass?.place ?? BEGINNING;
      const next = more ? { seen, pass: { snapshot, place } } : { seen: snapshot, pass: undefined };
      return {
        rows,
        more,
        next,
        advance() {
          progress = next;
          passRows += rows.length;
          if (more) return;
          mark.passed(snapshot.text, passRows);
          passRows = 0;
        },
      };
    },
  };
}

/** The late ones and the new ones behind a place, as much of both as a look takes. */
export function lookQuery({ xmax, inProgress }: Seen, place: Place = BEGINNING) {
  const late = `{${inProgress.join(',')}}`;
  const from = BigInt(place.xid) < BigInt(xmax) ? { xid: xmax, id: 0 } : place;
  return sql`
    with next as materialized (
      (select true as is_late, * from conexxus.outbox where xid = any(${late}::xid8[])
        and (xid, id) > (${place.xid}::xid8, ${place.id}::bigint) order by xid, id limit ${ROWS})
      union all
      (select false, * from conexxus.outbox where (xid, id) > (${from.xid}::xid8, ${from.id}::bigint)
        order by xid, id limit ${ROWS})
    ), stored as materialized (
      select *, row_number() over inorder as n, sum(pg_column_size(data)) over inorder as upto
      from next window inorder as (order by is_late desc, xid, id)
    ), sized as materialized (
      select *, octet_length(data::text) as bytes from stored where n = 1 or upto <= ${STORED_BYTES} limit ${ROWS}
    ), taken as (
      select *, sum(bytes) over (order by n) as bytes_upto from sized
    )
    select look.snapshot, look.found, xid::text, id, job_name as "jobName", created_at as "createdAt", bytes,
      case when bytes <= ${READ_BYTES_MAX} then data::text end as json
    from (select pg_current_snapshot()::text as snapshot, (select count(*) from next) as found) as look
    left join taken on n = 1 or bytes_upto <= ${JSON_BYTES}
    order by n`;
}

function rowOf({ xid, id, jobName, createdAt, bytes, json }: Found): OutboxRow[] {
  if (xid === null || id === null) return [];
  return [{ xid, id: Number(id), jobName, createdAt: new Date(createdAt), bytes, json }];
}

/** `xmin:xmax:in,progress` */
function snapshotOf(text: string): Snapshot {
  const [, xmax = '0', inProgress = ''] = text.split(':');
  return { text, xmax, inProgress: inProgress === '' ? [] : inProgress.split(',') };
}
