import { asc, inArray, sql } from 'drizzle-orm';
import type { Database, Transaction } from '../base/database.ts';
import { errorMessage } from '../base/errors.ts';
import { tell } from '../base/happenings.ts';
import { SchemaMismatchError } from '../base/migrations.ts';
import { expectEventLog } from '../events/migrate.ts';
import { createJourney, type Journey } from './journey.ts';
import type { Lease } from './lease.ts';
import { checkOutboxSchema } from './migrate.ts';
import { createReader, type Reader } from './read-ahead.ts';
import { readWaiting } from './read-waiting.ts';
import { findForgotten } from './restored.ts';
import { payload } from './schema.ts';
import { createWaiting, type Waiting } from './waiting.ts';

/** What the relay at work knows. All of it can be read again, and is whenever something went wrong. */
export interface Memory {
  readonly reader: Reader;
  readonly waiting: Waiting;
  readonly journey: Journey;
}

interface BeginDeps {
  readonly outbox: Database;
  readonly lease: Lease;
  /** Of the event log. */
  readonly log: Pick<Database, 'read'>;
}

/** Takes the turn in Postgres too, and reads what is under way. @throws SchemaMismatchError */
export async function begin({ outbox, lease, log }: BeginDeps): Promise<Memory> {
  const schema = await checkOutboxSchema(outbox);
  if (schema.kind !== 'current') throw new SchemaMismatchError(schema);
  await checkLog(log);
  const memory: Memory = { reader: createReader(), waiting: createWaiting(), journey: createJourney() };
  const already = await outbox.write(async (tx) => {
    const { held } = await lease.begin(tx);
    await readJourney(tx, memory.journey);
    await readAllWaiting(tx, memory.waiting);
    return held;
  });
  const held = already ?? (await findForgotten(outbox, log));
  if (held !== already) await outbox.write((tx) => hold(tx, held, lease));
  tell('relay-works', { unsettled: [...memory.journey.all()].length });
  if (held !== null) tell('relay-held', { held });
  return memory;
}

/** Where it is away, fates are learned later; where there is none, never. */
async function checkLog(log: BeginDeps['log']): Promise<void> {
  try {
    await expectEventLog(log);
  } catch (error) {
    if (error instanceof SchemaMismatchError) throw error;
    tell('event-log-away', { error: errorMessage(error) });
  }
}

async function hold(tx: Transaction, held: string | null, lease: Lease): Promise<void> {
  await lease.check(tx);
  await tx.execute(sql`update conexxus.relay set held = ${held}`);
}

/** Where they are is not known yet, so they count as being in the queue. */
async function readJourney(tx: Transaction, journey: Journey): Promise<void> {
  const rows = await tx
    .select({
      id: payload.id,
      syncKey: payload.syncKey,
      locationId: payload.locationId,
      members: sql<string>`cardinality(${payload.saleIds})`,
      state: payload.state,
      createdAt: payload.createdAt,
      diedAt: payload.diedAt,
    })
    .from(payload)
    // A half that is planned goes with its whole.
    .where(inArray(payload.state, ['open', 'splitting', 'dead']))
    .orderBy(asc(payload.id));
  for (const { members, state, createdAt, diedAt, ...row } of rows) {
    if (state !== 'open' && state !== 'splitting' && state !== 'dead') continue;
    const times = { createdAt: createdAt.getTime(), diedAt: diedAt?.getTime() ?? null, lookAt: 0, looks: 0 };
    journey.add({ ...row, ...times, members: Number(members), state, queue: 'unknown' });
  }
}

/** The stores one after the other, by the index: of each many sales may wait. */
async function readAllWaiting(tx: Transaction, waiting: Waiting): Promise<void> {
  const stores = await tx.execute<{ locationId: string }>(sql`
    with recursive store as (
      select min(location_id) as id from conexxus.sale where payload_id is null and fate is null
      union all
      select (
        select min(location_id) from conexxus.sale
        where payload_id is null and fate is null and location_id > store.id
      ) from store where store.id is not null
    )
    select id as "locationId" from store where id is not null`);
  for (const { locationId } of stores) {
    const { units, more } = await readWaiting(tx, locationId, 0);
    waiting.fed(locationId, units, more);
  }
}
