import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from '@jest/globals';
import type { TransactionSql } from 'postgres';
import type { Outcome } from '../../src/outbox/tally.ts';
import { describeOnServer } from '../events/harness.ts';
import { eventually } from '../support/eventually.ts';
import { WORD } from '../sync/shelf.ts';
import { aDesk, type Desk, refusals } from './desk.ts';
import { aLine, aSale, DATE } from './tables.ts';

let desk: Desk;

beforeAll(async () => {
  desk = await aDesk();
});

beforeEach(() => desk.open());

afterEach(() => desk.clear());

afterAll(() => desk.close());

describeOnServer('beside a relay (two backends: not on PGlite)', () => {
  /** The act begins while a relay holds the lock that `lock` took, and ends once the relay has done its work. */
  async function meanwhile(
    act: () => Promise<Outcome>,
    lock: (tx: TransactionSql) => Promise<unknown>,
    work: (tx: TransactionSql) => Promise<unknown>,
  ): Promise<Outcome> {
    // Wrapped, or its end would be waited for within the transaction.
    const { outcome } = await desk.database.sql.begin(async (tx) => {
      await lock(tx);
      const outcome = act();
      await eventually(async () => {
        const waiting = await desk.database.sql`
          select from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()`;
        expect(waiting).toHaveLength(1);
      });
      await work(tx);
      return { outcome };
    });
    return outcome;
  }

  it('does not discard what a relay gathers at that moment', async () => {
    const line = await aLine(desk.database.sql, { id: 'T-1' });
    await aLine(desk.database.sql, { id: 'T-2' });
    const outcome = await meanwhile(
      () => desk.acts.discard({}, WORD),
      (tx) => tx`select from conexxus.sale where id = ${line} for update`,
      async (tx) => {
        const [payload] = await tx<{ id: string }[]>`
          insert into conexxus.payload (sync_key, location_id, json, sale_ids)
          values ('ps-1', 'store-7', '{}', array[${line}::bigint]) returning id`;
        await tx`update conexxus.sale set payload_id = ${payload?.id ?? ''} where id = ${line}`;
      },
    );
    expect(outcome).toMatchObject({ done: { waiting: 1 }, refused: [{ why: 'under-way', first: ['T-1'] }] });
    expect(await desk.states()).toEqual({ 'T-1': 'enqueued', 'T-2': 'discarded' });
  });

  it('does not reopen a payload whose fate a relay learns at that moment', async () => {
    const { id } = await aSale(desk.database.sql, { id: 'T-1' }, { state: 'apart' });
    const outcome = await meanwhile(
      () => desk.acts.release({ sales: ['T-1'] }, WORD),
      (tx) => tx`select from conexxus.payload where id = ${id} for update`,
      (tx) => tx`update conexxus.payload set state = 'delivered' where id = ${id}`,
    );
    expect(refusals(outcome)).toEqual({ delivered: ['T-1'] });
    expect(await desk.states()).toEqual({ 'T-1': 'delivered' });
  });

  it('two people who discard the same: each sale once', async () => {
    await desk.database.sql`
      insert into conexxus.sale (row_id, location_id, date, transaction_id, bytes, created_at)
      select n, 'store-7', ${DATE}, 'T-' || n, 1, now() from generate_series(1, 800) n`;
    const outcomes = await Promise.all([desk.acts.discard({}, WORD), desk.acts.discard({}, WORD)]);
    expect(outcomes.reduce((sum, { done }) => sum + done.waiting, 0)).toBe(800);
  });
});
