import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { openPostgres } from '../../src/base/postgres.ts';
import { runCommand } from '../cli/command.ts';
import { eventually } from '../support/eventually.ts';
import { aSale, ringUp, sorted } from '../support/outbox.ts';
import { type OutboxStand, startOutboxStand } from './outbox-stand.ts';
import { itOnServer } from './postgres-server.ts';

let stand: OutboxStand;

beforeEach(async () => {
  stand = await startOutboxStand();
});
afterEach(() => stand.close());

async function ringUpMany(count: number, prefix: string, more: Parameters<typeof aSale>[1] = {}) {
  const ids = Array.from({ length: count }, (_, n) => `${prefix}-${n}`);
  await stand.till.begin(async (tx) => {
    for (const id of ids) await ringUp(tx, aSale(id, more));
  });
  return ids;
}

describe('a sale in the outbox', () => {
  it('is delivered, alone where it is alone and gathered where many wait', async () => {
    const ids = await ringUpMany(150, 'a');
    await stand.startWorkers(1);
    await stand.startRelay();
    await stand.untilSettled();
    const applied = await stand.applied();
    expect(new Set(applied.keys())).toEqual(new Set(ids));
    expect(new Set(applied.values())).toEqual(new Set([1]));
    await ringUp(stand.till, aSale('lone'));
    await stand.untilSettled();
    const pushes = await stand.simulator.ledger({ path: '/api/v1/sales/push' });
    expect(pushes.map(({ transactionIds }) => transactionIds.length)).toEqual([100, 50, 1]);
    await stand.expectSums();
  });

  itOnServer('[80] is delivered whatever number it took and whoever commits before it', async () => {
    const a = openPostgres(stand.databaseUrl, { max: 1 });
    const c = openPostgres(stand.databaseUrl, { max: 1 });
    await a.unsafe('begin');
    await ringUp(a, aSale('a'));
    await ringUp(stand.till, aSale('b'));
    await c.unsafe('begin');
    await ringUp(c, aSale('c'));
    await c.unsafe('rollback');
    await c.end();
    await stand.startWorkers(1);
    const relay = await stand.startRelay();
    await stand.untilSettled();
    expect(await stand.counts()).toEqual({ delivered: 1 });
    relay.signal('SIGKILL');
    await relay.exited;
    await stand.startRelay();
    await a.unsafe('commit');
    await a.end();
    await eventually(async () => expect(await stand.counts()).toEqual({ delivered: 2 }), 20_000);
    expect(await stand.applied()).toEqual(
      new Map([
        ['b', 1],
        ['a', 1],
      ]),
    );
  });

  it('[83] flows past bad ones, which are set apart with their reasons', async () => {
    const bad = [
      ...Array.from({ length: 25 }, (_, n) => ({ ...aSale(`bad-${n}`), date: 'yesterday' })),
      ...Array.from({ length: 24 }, (_, n) => ({ ...aSale(`bare-${n}`), transactions: [] })),
    ];
    await stand.till.begin(async (tx) => {
      for (const sale of bad) await ringUp(tx, sale);
      await ringUp(tx, { locationId: 'store-1' }, 'no_such_job');
    });
    const ids = await ringUpMany(500, 'good');
    await stand.startWorkers(1);
    await stand.startRelay();
    await stand.untilSettled(['delivered', 'apart']);
    expect(await stand.counts()).toEqual({ apart: 50, delivered: 500 });
    expect(new Set((await stand.applied()).keys())).toEqual(new Set(ids));
    const reasons = new Set(
      (await stand.lines()).flatMap(({ state, reason }) => (state === 'apart' ? [reason ?? ''] : [])),
    );
    expect(sorted(reasons)).toEqual([
      '"no_such_job" is no job name: there are push_sales, fetch_inventory',
      'date: must be a calendar date as YYYY-MM-DD',
      'transactions: must hold at least one transaction with an item, or a summary be given',
    ]);
  });

  it('[87] travels with others by the given date and location alone', async () => {
    const at = (id: string, date: string, timestamp: string, locationId = 'store-1') => {
      const sale = aSale(id, { date, locationId });
      return { ...sale, transactions: sale.transactions.map((one) => ({ ...one, timestamp })) };
    };
    await stand.till.begin(async (tx) => {
      await ringUp(tx, at('evening', '2026-11-23', '2026-11-23T22:00:00-06:00'));
      await ringUp(tx, at('night', '2026-11-23', '2026-11-24T01:30:00-06:00'));
      await ringUp(tx, at('zulu', '2026-11-23', '2026-11-24T07:45:00Z'));
      await ringUp(tx, at('morning', '2026-11-24', '2026-11-24T08:00:00-06:00'));
      await ringUp(tx, at('elsewhere', '2026-11-23', '2026-11-23T22:00:00-06:00', 'store-2'));
    });
    await stand.startWorkers(1, { TZ: 'Asia/Tokyo' });
    await stand.startRelay({ TZ: 'Pacific/Honolulu' });
    await stand.untilSettled();
    const pushes = await stand.simulator.ledger({ path: '/api/v1/sales/push' });
    const travelled = pushes.map(({ date, locationId, transactionIds }) =>
      [date, locationId, ...transactionIds].join(' '),
    );
    expect(sorted(travelled)).toEqual([
      '2026-11-23 store-1 evening night zulu',
      '2026-11-23 store-2 elsewhere',
      '2026-11-24 store-1 morning',
    ]);
  });

  it('written again shares the fate of the first, and with other content is a correction of its own', async () => {
    await stand.startWorkers(1);
    await stand.startRelay();
    await ringUp(stand.till, aSale('a'));
    await stand.untilSettled();
    await ringUp(stand.till, aSale('a'));
    const corrected = aSale('a');
    await ringUp(stand.till, {
      ...corrected,
      transactions: corrected.transactions.map((one) => ({ ...one, total: 5 })),
    });
    await eventually(async () => expect(await stand.counts()).toEqual({ delivered: 2 }), 20_000);
    const [first, second, ...more] =
      await stand.till`select total::text, corrects, line::int from conexxus_sales order by line`;
    expect(more).toEqual([]);
    expect(first).toMatchObject({ total: '9.99', corrects: null });
    expect(second).toMatchObject({ total: '5', corrects: String(first?.['line']) });
    expect(await stand.applied()).toEqual(new Map([['a', 2]]));
  });

  it('with a summary goes alone, and a catalog that is asked for is fetched', async () => {
    await stand.till.begin(async (tx) => {
      await ringUp(tx, aSale('a'));
      await ringUp(tx, aSale('b', { summary: { totalOrders: 1 } }));
      await ringUp(tx, aSale('c'));
      await ringUp(tx, { ...aSale('d'), transactions: [], summary: { totalOrders: 3 } });
      await ringUp(tx, { locationId: 'store-1' }, 'fetch_inventory');
    });
    await stand.startWorkers(1);
    await stand.startRelay();
    await stand.untilSettled();
    const pushes = await stand.simulator.ledger({ path: '/api/v1/sales/push' });
    expect(sorted(pushes.map(({ transactionIds }) => transactionIds.join(' ')))).toEqual(['', 'a c', 'b']);
    await eventually(async () => {
      expect((await stand.simulator.ledger({ path: '/api/v1/inventory/items' })).length).toBe(1);
      expect((await stand.till`select from conexxus.outbox`).length).toBe(0);
    });
  });

  it('waits for a person where the database was restored from a backup and has forgotten what was sent since', async () => {
    await stand.startWorkers(1);
    const relay = await stand.startRelay();
    await ringUp(stand.till, aSale('before'));
    await stand.untilSettled();
    await ringUp(stand.till, aSale('after'));
    await stand.untilSettled();
    await relay.stop();
    // As it was when the second sale had been rung up and nothing had become of it yet.
    await stand.till.begin(async (tx) => {
      await tx`delete from conexxus.payload where sale_ids && (select array_agg(id) from conexxus.sale where transaction_id = 'after')`;
      await tx`delete from conexxus.sale where transaction_id = 'after'`;
      await ringUp(tx, aSale('after'));
      await ringUp(tx, aSale('new'));
    });
    const env = { OUTBOX_DATABASE_URL: stand.databaseUrl, ...stand.env };
    const another = await stand.startRelay();
    await another.waitForLog(({ held }) => typeof held === 'string');
    const status = await runCommand(['outbox', 'status'], env);
    expect(status).toMatchObject({ code: 1, out: expect.stringContaining('restored from a backup') });
    await eventually(async () => expect(await stand.counts()).toEqual({ delivered: 1, waiting: 2 }));
    expect((await stand.simulator.ledger({ path: '/api/v1/sales/push' })).length).toBe(2);
    const released = await runCommand(['outbox', 'release', '--held', '--reason', 'checked'], env);
    expect(released).toMatchObject({ code: 0, err: '' });
    await stand.untilSettled();
    expect([...(await stand.applied()).keys()]).toContain('new');
  });
});
