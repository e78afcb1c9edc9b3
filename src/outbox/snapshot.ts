import { sql } from 'drizzle-orm';
import type { Transaction } from '../base/database.ts';

/** To be called first in a transaction: all that is read in it is as it was at one moment. */
export async function holdSnapshot(tx: Transaction): Promise<void> {
  await tx.execute(sql`set transaction isolation level repeatable read`);
}
