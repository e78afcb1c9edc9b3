import { and, asc, eq, gt, isNull } from 'drizzle-orm';
import type { Transaction } from '../base/database.ts';
import { sale } from './schema.ts';
import type { Unit } from './waiting.ts';

const WAITING_LINE = {
  id: sale.id,
  rowId: sale.rowId,
  transactionId: sale.transactionId,
  groupKey: sale.groupKey,
  bytes: sale.bytes,
  createdAt: sale.createdAt,
};
const PAGE = 5_000;

type WaitingLine = Pick<typeof sale.$inferSelect, keyof typeof WAITING_LINE>;

/** What waits of a store behind a line, in whole rows. */
export async function readWaiting(
  tx: Transaction,
  locationId: string,
  after: number,
): Promise<{ units: Unit[]; more: boolean }> {
  const lines: WaitingLine[] = [];
  for (;;) {
    const page = await tx
      .select(WAITING_LINE)
      .from(sale)
      .where(
        and(
          eq(sale.locationId, locationId),
          gt(sale.id, lines.at(-1)?.id ?? after),
          isNull(sale.payloadId),
          isNull(sale.fate),
        ),
      )
      .orderBy(asc(sale.id))
      .limit(PAGE);
    lines.push(...page);
    if (page.length < PAGE) return { units: unitsOf(locationId, lines), more: false };
    const last = lines.at(-1)?.rowId;
    const cut = lines.findLastIndex(({ rowId }) => rowId !== last);
    // The last row may go on; a page that is all one row is read on.
    if (cut >= 0) return { units: unitsOf(locationId, lines.slice(0, cut + 1)), more: true };
  }
}

function unitsOf(locationId: string, lines: readonly WaitingLine[]): Unit[] {
  const rows = new Map<number, WaitingLine[]>();
  for (const line of lines) rows.set(line.rowId, [...(rows.get(line.rowId) ?? []), line]);
  return [...rows.values()].map((own) => ({
    locationId,
    lines: own.map(({ id }) => id),
    groupKey: own[0]?.groupKey ?? null,
    transactionIds: own.flatMap(({ transactionId }) => transactionId ?? []),
    bytes: own.reduce((sum, { bytes }) => sum + bytes, 0),
    since: own[0]?.createdAt.getTime() ?? 0,
  }));
}
