import { setTimeout as delay } from 'node:timers/promises';
import { checkSale, enqueueInTransaction } from '../../src/outbox/enqueue.ts';
import { UnbalancedBooksError } from './books.ts';
import { callsOf } from './calls.ts';
import { columns } from './screen.ts';
import type { Stage } from './stage.ts';
import type { Show } from './story.ts';

const STORE = 'store-outbox';
const SALES = 120;
const EACH_MS = 15;
/** The relay and the event log need some seconds after a wipe, on any machine. */
const PATIENCE_MS = 20_000;
const LOOK_MS = 100;

/** What became of the store's sales, by its own database. */
interface Books {
  readonly state: string;
  readonly sales: string;
  readonly total: string;
}

/**
 * One more store, whose sales are in its own Postgres first: Redis loses everything while it sells.
 * @throws UnbalancedBooksError
 */
export async function storeWithOutbox({ stage, screen }: Pick<Show, 'stage' | 'screen'>): Promise<void> {
  screen.heading('A store with an outbox');
  screen.say('Its till writes each sale and its job in one transaction; a relay brings them to the queue.');
  const from = Date.now();
  await ringUp(stage, 0, SALES / 2);
  const before = await readBooks(stage);
  await stage.wipeRedis();
  screen.say(
    `Redis loses everything: queue, circuit, events. ${SALES / 2} sales are rung up, ${told(before)}.`,
  );
  await ringUp(stage, SALES / 2, SALES);
  screen.say(`The store has gone on selling: ${SALES} by now.`);
  const books = await untilDelivered(stage);
  const { pushes } = await callsOf(stage, from, Date.now());
  screen.say(`All are delivered, in ${pushes.length} calls: what waits together travels together.`);
  screen.print(columns(books.map(({ state, sales, total }) => [`sales ${state}`, sales, total])));
  const applied = pushes.filter((push) => push.applied).flatMap(({ transactionIds }) => transactionIds);
  if (applied.length !== SALES || new Set(applied).size !== SALES) {
    throw new UnbalancedBooksError(`${SALES} sales were rung up, but Conexxus applied ${applied.length}`);
  }
  screen.note('They balance, too: Postgres knew what Redis forgot.', 'green');
}

async function ringUp({ database }: Stage, first: number, end: number): Promise<void> {
  for (let n = first; n < end; n += 1) {
    const id = `outbox-${n}`;
    const item = { sku: '73050', quantity: 1, price: 10.99 };
    const transaction = { id, timestamp: new Date().toISOString(), total: 10.99, items: [item] };
    const sale = checkSale({ date: '2026-11-24', locationId: STORE, transactions: [transaction] });
    await database.sql.begin((tx) => enqueueInTransaction(tx, sale));
    await delay(EACH_MS);
  }
}

async function readBooks({ database }: Stage): Promise<readonly Books[]> {
  return database.sql<Books[]>`
    select state, count(*)::text as sales, sum(total)::text as total
    from conexxus_sales where location_id = ${STORE} group by state order by state`;
}

async function untilDelivered(stage: Stage): Promise<readonly Books[]> {
  const deadline = Date.now() + PATIENCE_MS;
  for (;;) {
    const books = await readBooks(stage);
    if (books.length === 1 && books[0]?.state === 'delivered') return books;
    if (Date.now() > deadline)
      throw new UnbalancedBooksError(`The store's sales did not arrive: ${told(books)}`);
    await delay(LOOK_MS);
  }
}

function told(books: readonly Books[]): string {
  return books.map(({ state, sales }) => `${sales} ${state}`).join(', ');
}
