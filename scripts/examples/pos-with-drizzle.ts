/**
 * A POS with Postgres and Drizzle: a receipt and its way to Conexxus are one transaction.
 *
 *   DATABASE_URL=postgres://… node --import tsx scripts/examples/pos-with-drizzle.ts [how many sales]
 *
 * The role has to be one that may create the table `receipts`.
 */
import { checkSale, enqueueInTransaction, InvalidPayloadError, type PushSales } from 'conexxus-sync/outbox';
import { sql } from 'drizzle-orm';
import { numeric, pgTable, text } from 'drizzle-orm/pg-core';
import { drizzle } from 'drizzle-orm/postgres-js';
import postgres from 'postgres';

const receipts = pgTable('receipts', { id: text('id').primaryKey(), total: numeric('total').notNull() });
const client = postgres(process.env['DATABASE_URL'] ?? '', { onnotice: () => undefined });
const db = drizzle(client);

type Items = PushSales['transactions'][number]['items'];

async function ringUp(id: string, total: number, items: Items): Promise<void> {
  const now = new Date();
  // Before the transaction: what is not valid must not undo a receipt.
  const sale = checkSale({
    date: now.toISOString().slice(0, 10),
    locationId: 'store-7',
    transactions: [{ id, timestamp: now.toISOString(), total, items }],
  });
  await db.transaction(async (tx) => {
    await tx.insert(receipts).values({ id, total: String(total) });
    await enqueueInTransaction(tx, sale);
  });
}

await db.execute(sql`create table if not exists receipts (id text primary key, total numeric not null)`);
const first = Date.now();
const count = Number(process.argv[2] ?? 1);
try {
  for (let n = 0; n < count; n += 1) {
    await ringUp(`R-${first}-${n}`, 21.98, [{ sku: '73050', quantity: 2, price: 10.99 }]);
  }
  console.log(`${count} rung up`);
  await ringUp(`R-${first}-none`, Number.NaN, []);
} catch (error) {
  if (!(error instanceof InvalidPayloadError)) throw error;
  console.log(error.message);
} finally {
  await client.end();
}
