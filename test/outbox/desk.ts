import type { SyncEvent } from '../../src/events/event.ts';
import { createOutboxActs, type OutboxActs } from '../../src/outbox/acts.ts';
import { migrateOutbox } from '../../src/outbox/migrate.ts';
import type { Outcome } from '../../src/outbox/tally.ts';
import { freshDatabase, type OpenDatabase, openDatabase } from '../support/postgres.ts';
import { openShelf, type Shelf } from '../sync/shelf.ts';
import { aSale } from './tables.ts';

/** Where a person acts on the sales of an outbox of a test's own, beside a queue of its own. */
export interface Desk {
  readonly database: OpenDatabase;
  /** A new one for each test. */
  readonly shelf: Shelf;
  readonly acts: OutboxActs;
  open(): void;
  /** What the view says of each sale. */
  states(): Promise<Record<string, string>>;
  /** The rows of the audit trail about sales in the outbox. */
  audited(): Promise<SyncEvent[]>;
  /** A sale that died and is a dead letter of the queue. */
  aDeadLetter(id: string, syncKey: string): ReturnType<typeof aSale>;
  /** So that nothing is left of a test. */
  clear(): Promise<void>;
  close(): Promise<void>;
}

export async function aDesk(): Promise<Desk> {
  const fresh = await freshDatabase();
  const database = openDatabase(fresh.url, fresh.embedded ? 1 : 3);
  await migrateOutbox(database);
  const opened = () => {
    const shelf = openShelf();
    return { shelf, acts: createOutboxActs({ ...shelf, database, redact: (text) => text }) };
  };
  let now = opened();
  now.shelf.close();
  return {
    database,
    get shelf() {
      return now.shelf;
    },
    get acts() {
      return now.acts;
    },
    open() {
      now = opened();
    },
    async states() {
      const rows = await database.sql<{ name: string; state: string }[]>`
        select coalesce(id, 'line ' || line, 'untaken') as name, state from public.conexxus_sales order by line`;
      return Object.fromEntries(rows.map(({ name, state }) => [name, state]));
    },
    async audited() {
      const events = await now.shelf.events();
      return events.filter(({ type }) => type.startsWith('conexxus.operator.outbox.'));
    },
    async aDeadLetter(id, syncKey) {
      await now.shelf.died({ id: syncKey });
      return aSale(database.sql, { id }, { state: 'dead', reason: 'http_422', syncKey });
    },
    async clear() {
      now.shelf.close();
      await database.sql`truncate conexxus.outbox, conexxus.sale, conexxus.payload`;
      await database.sql`update conexxus.relay set held = null`;
    },
    async close() {
      await database.close();
      await fresh.close();
    },
  };
}

/** Each reason with the sales that it is about. */
export function refusals({ refused }: Outcome): Record<string, readonly string[]> {
  return Object.fromEntries(refused.map(({ why, first }) => [why, first]));
}
