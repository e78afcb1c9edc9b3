/**
 * A POS with Postgres and the bare driver `postgres`: a receipt and its way to Conexxus are one transaction.
 *
 *   DATABASE_URL=postgres://… node --import tsx scripts/examples/pos-with-postgres.ts [how many sales]
 *
 * The role has to be one that may create the table `receipts`.
 */
import { checkSale, enqueueInTransaction } from 'conexxus-sync/outbox';
import postgres from 'postgres';

const sql = postgres(process.env['DATABASE_URL'] ?? '', { onnotice: () => undefined });

/** `paid` decides as late as it likes: a sale that is not paid leaves nothing behind, here or at Conexxus. */
async function ringUp(id: string, total: number, paid: () => Promise<boolean>): Promise<boolean> {
  const now = new Date();
  // Before the transaction: what is not valid must not undo a receipt.
  const sale = checkSale({
    date: now.toISOString().slice(0, 10),
    locationId: 'store-7',
    transactions: [
      { id, timestamp: now.toISOString(), total, items: [{ sku: '73050', quantity: 1, price: total }] },
    ],
  });
  try {
    await sql.begin(async (tx) => {
      await tx`insert into receipts (id, total) values (${id}, ${total})`;
      await enqueueInTransaction(tx, sale);
      if (!(await paid())) throw new NotPaid();
    });
    return true;
  } catch (error) {
    if (error instanceof NotPaid) return false;
    throw error;
  }
}

class NotPaid extends Error {}

await sql`create table if not exists receipts (id text primary key, total numeric not null)`;
const first = Date.now();
const count = Number(process.argv[2] ?? 1);
for (let n = 0; n < count; n += 1) await ringUp(`R-${first}-${n}`, 10.99, async () => true);
const paid = await ringUp(`R-${first}-none`, 10.99, async () => false);
console.log(`${count} rung up; the last one ${paid ? 'too' : 'was not paid'}`);
await sql.end();
