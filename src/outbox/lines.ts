import { hash } from 'node:crypto';
import { changedNumberProblem, changedNumbers } from '../sync/jobs/exact-numbers.ts';
import { parseJob, type SyncJob } from '../sync/jobs/jobs.ts';
import { pushSales } from '../sync/jobs/payload.ts';
import { JSON_BYTES_MAX } from '../sync/jobs/plain-json.ts';
import { describeProblems } from '../sync/jobs/problems.ts';
import type { PushSales } from '../sync/jobs/push-sales.ts';
import { canonicalJson } from '../sync/jobs/sync-key.ts';
import type { OutboxRow } from './look.ts';
import type { sale } from './schema.ts';

export type NewLine = Omit<typeof sale.$inferInsert, 'id' | 'payloadId' | 'corrects' | 'since'>;

/** A line that travels; its key tells it from every other. */
export type SaleLine = NewLine & { readonly saleKey: string };

/** A row, read: what of it travels, or why nothing does. */
export type ReadRow =
  | {
      readonly kind: 'sales';
      readonly row: OutboxRow;
      readonly lines: readonly SaleLine[];
      /** What the payload holds besides transactions, as JSON. */
      readonly frame: string;
    }
  | { readonly kind: 'apart'; readonly row: OutboxRow; readonly line: NewLine }
  /** No sale: it is asked for, and not waited for. */
  | { readonly kind: 'fetch'; readonly row: OutboxRow; readonly job: SyncJob };

/** A row of more travels alone. */
const ALONE_BYTES = 1024 * 1024;

export function readRow(row: OutboxRow): ReadRow {
  const { json, jobName } = row;
  if (json === null) {
    const reason = `it is larger than ${JSON_BYTES_MAX / 1024 / 1024} MB as JSON`;
    return { kind: 'apart', row, line: apartLine(row, reason) };
  }
  const data: unknown = JSON.parse(json);
  const parsed = parseJob(jobName, data, changedNumbers(json).map(changedNumberProblem));
  if (!parsed.ok) {
    const { problems, more, locationId, transactionIds } = parsed;
    const line = apartLine(row, describeProblems(problems, more), locationId, transactionIds);
    return { kind: 'apart', row, line };
  }
  if (parsed.job.name === 'fetch_inventory') return { kind: 'fetch', row, job: parsed.job };
  return salesOf(row, pushSales.parse(data));
}

/**
 * One line a transaction. A summary is a line without one, so that it is sent once, and is not lost where all
 * its sales are known already.
 */
function salesOf(row: OutboxRow, { transactions, ...frame }: PushSales): ReadRow {
  const { date, locationId, summary } = frame;
  const canonicalFrame = canonicalJson(frame);
  const isAlone = summary !== undefined || row.bytes > ALONE_BYTES;
  const groupKey = isAlone ? null : hash('sha256', canonicalFrame);
  const common = { rowId: row.id, locationId, date, groupKey, createdAt: row.createdAt };
  const lines: SaleLine[] = transactions.map((transaction) => {
    const data = JSON.stringify(transaction);
    return {
      ...common,
      transactionId: transaction.id,
      total: JSON.stringify(transaction.total),
      saleKey: hash('sha256', canonicalJson({ date, locationId, transaction })),
      data,
      bytes: Buffer.byteLength(data),
    };
  });
  if (summary !== undefined)
    lines.unshift({ ...common, saleKey: hash('sha256', canonicalFrame), bytes: canonicalFrame.length });
  return { kind: 'sales', row, lines, frame: JSON.stringify(frame) };
}

/** Its data is the whole row, so that nothing of it is lost; over the limit, Postgres copies it. */
function apartLine(
  row: OutboxRow,
  reason: string,
  locationId?: string,
  [transactionId, ...others]: readonly string[] = [],
): NewLine {
  return {
    rowId: row.id,
    jobName: row.jobName,
    locationId: locationId ?? null,
    transactionId: others.length === 0 ? (transactionId ?? null) : null,
    data: row.json,
    bytes: row.bytes,
    createdAt: row.createdAt,
    fate: 'apart',
    reason,
  };
}
