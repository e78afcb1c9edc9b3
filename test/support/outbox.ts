import type { Sql } from 'postgres';
import type { PushSales } from '../../src/index.ts';
import { migrateOutbox } from '../../src/outbox/migrate.ts';
import { type FreshDatabase, freshDatabase, type OpenDatabase, openDatabase } from './postgres.ts';

/** The database of a POS, with the outbox in it. */
export interface OutboxBench {
  readonly fresh: FreshDatabase;
  readonly database: OpenDatabase;
  close(): Promise<void>;
}

export async function outboxBench(connections = 4): Promise<OutboxBench> {
  const fresh = await freshDatabase();
  const database = openDatabase(fresh.url, fresh.embedded ? 1 : connections);
  await migrateOutbox(database);
  return {
    fresh,
    database,
    async close() {
      await database.close();
      await fresh.close();
    },
  };
}

/** As a till writes it that knows nothing but the function. */
export async function ringUp(sql: Pick<Sql, 'unsafe'>, data: unknown, jobName = 'push_sales'): Promise<void> {
  await sql.unsafe('select public.conexxus_enqueue($1, $2::text::jsonb)', [jobName, JSON.stringify(data)]);
}

export function aSale(id: string, more: Partial<PushSales> = {}): PushSales {
  return {
    date: '2026-11-24',
    locationId: 'store-1',
    transactions: [
      {
        id,
        timestamp: '2026-11-24T12:00:00-06:00',
        total: 9.99,
        items: [{ sku: 'A', quantity: 1, price: 9.99 }],
      },
    ],
    ...more,
  };
}

export function sorted(texts: Iterable<string>): string[] {
  return [...texts].toSorted((one, other) => (one < other ? -1 : 1));
}
