import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { connectDatabase } from '../../src/base/database.ts';
import { migrateDatabase } from '../../src/events/migrate.ts';
import { checkSale, enqueueInTransaction } from '../../src/outbox/enqueue.ts';
import { checkOutboxSchema, migrateOutbox } from '../../src/outbox/migrate.ts';
import { readPending } from '../../src/outbox/pending.ts';
import { forgetPosted, readPosted, writePosted } from '../../src/outbox/posted.ts';
import { readSaleLines } from '../../src/outbox/sale-lines.ts';
import { parseJob } from '../../src/sync/jobs/jobs.ts';
import { readTokensVersion } from '../../src/tokens/tokens.ts';
import { describeOnServer } from '../events/harness.ts';
import { freshDatabase, openDatabase } from '../support/postgres.ts';
import { sales } from '../sync/sales.ts';
import { openPos, type PosDatabase } from './pos.ts';
import { createRole, type TestRole } from './roles.ts';

const DENIED = '42501';
const TABLES = ['outbox', 'sale', 'payload', 'relay', 'taken', 'intake', 'migrations'];

/** PGlite lets everybody in as its one superuser. */
describeOnServer('the rights that are printed', () => {
  let pos: PosDatabase;
  const roles: TestRole[] = [];
  const role = async (kind?: Parameters<typeof createRole>[2]) => {
    const created = await createRole(pos.sql, pos.fresh.url, kind);
    roles.push(created);
    return created;
  };

  beforeAll(async () => {
    pos = await openPos();
    await migrateDatabase(pos);
  });

  afterAll(async () => {
    for (const one of roles) await one.drop();
    await pos.close();
  });

  const expectDenied = async (as: TestRole, statement: string) =>
    expect(as.sql.unsafe(statement)).rejects.toMatchObject({ code: DENIED });

  it('let a till enqueue, and nothing else', async () => {
    const till = await role('till');
    const sale = sales('of a till');
    await till.sql.begin((tx) => enqueueInTransaction(tx, checkSale(sale)));
    expect(await pos.waiting()).toEqual([{ name: 'push_sales', data: sale }]);
    for (const table of TABLES) {
      await expectDenied(till, `select from conexxus.${table}`);
      await expectDenied(till, `insert into conexxus.${table} default values`);
      await expectDenied(till, `delete from conexxus.${table}`);
    }
    await expectDenied(till, 'select from public.conexxus_sales');
    await expectDenied(till, "select nextval('conexxus.outbox_id_seq')");
    await expectDenied(till, 'create table conexxus.mine ()');
    await expectDenied(till, 'select from public.event_log');
  });

  it('are needed to enqueue', async () => {
    await expectDenied(await role(), "select public.conexxus_enqueue('push_sales', '{}')");
  });

  it('let a relay do its work, and no more', async () => {
    const relay = await role('relay');
    const database = connectDatabase(relay.url, { max: 1 });
    try {
      expect(await checkOutboxSchema(database)).toMatchObject({ kind: 'current' });
    } finally {
      await database.close();
    }
    await pos.sql`select public.conexxus_enqueue('push_sales', ${JSON.stringify(sales('of a relay'))}::text::jsonb)`;
    await relay.sql.begin(async (tx) => {
      const taken = await tx`select xid::text, id, data::text from conexxus.outbox
        where pg_visible_in_snapshot(xid, pg_current_snapshot()) order by id for update skip locked`;
      expect(taken.length).toBeGreaterThan(0);
      await tx`update conexxus.relay set owner = 'this one' where one`;
      await tx`update conexxus.taken set snapshot = pg_current_snapshot()`;
      await tx`select from conexxus.untaken`;
      const [payload] = await tx`insert into conexxus.payload (sync_key, location_id, json, sale_ids)
        values ('ps-1', 'store-1', '{}', '{1}') returning id`;
      await tx`insert into conexxus.sale (row_id, bytes, created_at, payload_id)
        values (1, 2, now(), ${String(payload?.['id'])})`;
      await tx`select from conexxus.sale for update`;
      await tx`update conexxus.payload set state = 'delivered' where sync_key = 'ps-1'`;
      await tx`delete from conexxus.outbox`;
      await tx`delete from conexxus.sale`;
      await tx`delete from conexxus.payload`;
    });
    await relay.sql`select aggregate_id from event_log limit 1`;
    await relay.sql`select from public.conexxus_sales`;
    await expectDenied(relay, "select public.conexxus_enqueue('push_sales', '{}')");
    await expectDenied(relay, 'truncate conexxus.outbox');
    await expectDenied(relay, 'update conexxus.migrations set created_at = 0');
    await expectDenied(relay, 'delete from event_log');
    await expectDenied(relay, 'delete from schedules');
    await expectDenied(relay, 'insert into schedules default values');
    await expectDenied(relay, 'select from intake_tokens');
    await expectDenied(relay, 'create table conexxus.mine ()');
  });

  it("are enough for the books where functions are nobody's by default", async () => {
    const fresh = await freshDatabase();
    const database = openDatabase(fresh.url, 1);
    await database.sql`alter default privileges revoke execute on functions from public`;
    await migrateOutbox(database);
    const books = await createRole(database.sql, fresh.url, 'books');
    try {
      await database.sql`select public.conexxus_enqueue('push_sales', ${JSON.stringify(sales())}::text::jsonb)`;
      expect(await books.sql`select date::text from public.conexxus_sales`).toMatchObject([
        { date: '2026-01-31' },
      ]);
    } finally {
      await books.drop();
      await database.close();
      await fresh.close();
    }
  });

  it('let an intake write, and tell what became of it, and no more', async () => {
    const intake = await role('intake');
    const database = connectDatabase(intake.url, { max: 1 });
    try {
      expect(await checkOutboxSchema(database)).toMatchObject({ kind: 'current' });
      expect(await database.read(readTokensVersion)).toBe('0/0');
      const parsed = parseJob('push_sales', sales('of an intake'));
      const posted = parsed.ok ? [{ job: parsed.job, token: 'till' }] : [];
      const [written] = await database.write((tx) => writePosted(tx, posted));
      expect(await database.read((tx) => readPosted(tx, [written?.jobId ?? '']))).toMatchObject([
        { sales: [{ state: 'waiting' }] },
      ]);
      expect(await database.read((tx) => readSaleLines(tx, { id: 'sale-of an intake' }))).toHaveLength(1);
      for (const phase of ['untaken', 'waiting', 'travelling'] as const) {
        const place = { phase, after: ['0', '0'] };
        await database.read((tx) => readPending(tx, ['store-1'], place, 10));
      }
      expect(await database.write((tx) => forgetPosted(tx, 0))).toBe(1);
    } finally {
      await database.close();
    }
    await intake.sql`select aggregate_id from event_log limit 1`;
    for (const table of ['outbox', 'sale', 'payload', 'relay', 'taken']) {
      await expectDenied(intake, `delete from conexxus.${table}`);
    }
    await expectDenied(intake, 'update conexxus.intake set token = null');
    await expectDenied(intake, 'delete from intake_tokens');
    await expectDenied(intake, 'update intake_tokens set revoked_at = null');
    await expectDenied(intake, 'delete from event_log');
  });

  it('let who closes the day see its books, and nothing else', async () => {
    const books = await role('books');
    await pos.sql`select public.conexxus_enqueue('push_sales', ${JSON.stringify(sales('of the day'))}::text::jsonb)`;
    const rows = await books.sql`
      select id, date::text, total::text, state from public.conexxus_sales where id = 'sale-of the day'`;
    expect([...rows]).toEqual([
      { id: 'sale-of the day', date: '2026-01-31', total: '30.7', state: 'waiting' },
    ]);
    for (const table of TABLES) await expectDenied(books, `select from conexxus.${table}`);
    await expectDenied(books, "select public.conexxus_enqueue('push_sales', '{}')");
  });
});

describeOnServer('conexxus_enqueue', () => {
  let pos: PosDatabase;
  let till: TestRole;

  beforeAll(async () => {
    pos = await openPos();
    till = await createRole(pos.sql, pos.fresh.url, 'till');
    await pos.sql.unsafe(`create schema evil authorization ${till.name}`);
  });

  afterAll(async () => {
    await till.drop();
    await pos.close();
  });

  it('does the same whatever the search path and the temporary tables of who calls it', async () => {
    await till.sql.unsafe(`
      create function evil.trap() returns text language plpgsql as 'begin raise exception ''trapped as %'', current_user; end';
      create function evil.now() returns timestamptz language sql as 'select evil.trap()::timestamptz';
      create function evil.pg_current_xact_id() returns xid8 language sql as 'select evil.trap()::xid8';
      create domain evil.jsonb as text check (evil.trap() is null);
      create domain evil.text as pg_catalog.text check (evil.trap() is null);
      create domain evil.int8 as bigint check (evil.trap() is null);
      create table evil.outbox (job_name pg_catalog.text, data pg_catalog.jsonb);
      create temporary table outbox (job_name pg_catalog.text, data pg_catalog.jsonb);
      set search_path = evil, pg_temp, pg_catalog`);
    const json = JSON.stringify(sales('trapped'));
    await till.sql`select public.conexxus_enqueue('push_sales', ${json}::pg_catalog.text::pg_catalog.jsonb)`;
    expect(await pos.waiting()).toMatchObject([{ name: 'push_sales' }]);
    expect(await till.sql`select * from evil.outbox union all select * from pg_temp.outbox`).toEqual([]);
  });
});
