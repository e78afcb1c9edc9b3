import { sql } from 'drizzle-orm';
import type { Transaction } from '../base/database.ts';

/**
 * To be called first in a transaction: all that is read in it is as it was at one moment. And nothing is compiled
 * for it: a planner who thinks of many rows spends more on that than the query takes.
 */
export async function holdSnapshot(tx: Transaction): Promise<void> {
  await tx.execute(sql`set transaction isolation level repeatable read`);
  await tx.execute(sql`set local jit = off`);
}
