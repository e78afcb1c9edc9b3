import { sql } from 'drizzle-orm';
import type { Transaction } from '../base/database.ts';

/** Of one deletion: small, so that nobody waits for it. */
const AT_ONCE = 500;

/** Settled sales go some days after they were settled; what is dead, waits or is set apart never does. */
export async function forgetSettled(tx: Transaction, retentionMs: number): Promise<void> {
  const before = new Date(Date.now() - retentionMs).toISOString();
  await tx.execute(sql`
    with old as (
      select id, sale_ids from conexxus.payload
      where state in ('delivered', 'flagged', 'discarded', 'split') and since < ${before}::timestamptz
      order by since limit ${AT_ONCE}
    ), lines as (
      delete from conexxus.sale using old where sale.id = any(old.sale_ids) and sale.payload_id = old.id
    )
    delete from conexxus.payload using old where payload.id = old.id`);
  await tx.execute(sql`
    delete from conexxus.sale where id in (
      select id from conexxus.sale as given_up where fate = 'discarded' and since < ${before}::timestamptz
        -- What its row holds besides stands in it, for as long as others of that row wait.
        and not exists (
          select from conexxus.sale as waiting where waiting.location_id = given_up.location_id
            and waiting.payload_id is null and waiting.fate is null and waiting.row_id = given_up.row_id
        )
      limit ${AT_ONCE}
    )`);
}
