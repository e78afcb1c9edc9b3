import { randomBytes } from 'node:crypto';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { checkSchema, migrateDatabase } from '../../src/events/migrate.ts';
import { checkOutboxSchema, migrateOutbox } from '../../src/outbox/migrate.ts';
import { describeOnServer } from '../events/harness.ts';
import { type FreshDatabase, freshDatabase, type OpenDatabase, openDatabase } from '../support/postgres.ts';
import { migrationsIn, waysBack } from '../support/ways-back.ts';

let fresh: FreshDatabase;
let first: OpenDatabase;

beforeAll(async () => {
  fresh = await freshDatabase();
  first = openDatabase(fresh.url, 1);
});

afterEach(async () => {
  await first.sql`drop view if exists public.conexxus_sales`;
  await first.sql`drop function if exists public.conexxus_enqueue(text, jsonb)`;
  await first.sql`drop schema if exists conexxus cascade`;
  await first.sql`drop schema if exists drizzle cascade`;
  await first.sql`drop table if exists event_log, inventory_items, intake_tokens`;
});

afterAll(async () => {
  await first.close();
  await fresh.close();
});

describe('migrateOutbox', () => {
  it('makes the outbox, and finds nothing to do the second time', async () => {
    expect(await checkOutboxSchema(first)).toMatchObject({
      kind: 'missing',
      advice: expect.stringContaining('migrate --outbox'),
    });
    expect(await migrateOutbox(first)).toBeGreaterThan(0);
    expect(await checkOutboxSchema(first)).toMatchObject({ kind: 'current' });
    expect(await migrateOutbox(first)).toBe(0);
    expect(await first.sql`select * from public.conexxus_sales`).toHaveLength(0);
  });

  it('knows nothing of the event log in the same database, nor that of it', async () => {
    await migrateOutbox(first);
    expect(await checkSchema(first)).toMatchObject({ kind: 'missing' });
    await migrateDatabase(first);
    expect(await checkSchema(first)).toMatchObject({ kind: 'current' });
    expect(await checkOutboxSchema(first)).toMatchObject({ kind: 'current' });
  });

  it('leaves nothing behind when it fails halfway', async () => {
    await first.sql`create view public.conexxus_sales as select 1 as in_the_way`;
    await expect(migrateOutbox(first)).rejects.toThrow('conexxus_sales');
    expect(await checkOutboxSchema(first)).toMatchObject({ kind: 'missing' });
    const [schema] = await first.sql`select to_regnamespace('conexxus') as name`;
    expect(schema?.['name']).toBeNull();
  });

  it('is told apart from an outbox of an older and of a newer version', async () => {
    await migrateOutbox(first);
    await first.sql`update conexxus.migrations set created_at = created_at - 1`;
    expect(await checkOutboxSchema(first)).toMatchObject({ kind: 'behind' });
    await first.sql`update conexxus.migrations set created_at = created_at + 2`;
    expect(await checkOutboxSchema(first)).toMatchObject({ kind: 'newer' });
    await expect(migrateOutbox(first)).rejects.toMatchObject({
      code: 'SCHEMA_MISMATCH',
      message: expect.stringContaining('newer'),
    });
  });

  it('goes back as drizzle/README.md says, one migration after the other, and forward again', async () => {
    const migrations = migrationsIn('.', 'drizzle/outbox');
    const ways = waysBack('outbox/');
    expect(ways.map(({ migration }) => migration)).toEqual(migrations.toReversed());
    await migrateOutbox(first);
    await first.sql`select public.conexxus_enqueue('push_sales', '{}')`;
    const kinds: string[] = [];
    for (const { statements } of ways) {
      await first.sql.unsafe(statements);
      kinds.push((await checkOutboxSchema(first)).kind);
    }
    expect(kinds).toEqual([...migrations.slice(1).map(() => 'behind'), 'missing']);
    expect(await migrateOutbox(first)).toBe(migrations.length);
  });

  describeOnServer('(two backends: not on PGlite)', () => {
    it('is done by one of two processes while the other waits', async () => {
      const second = openDatabase(fresh.url, 1);
      const applied = await Promise.all([migrateOutbox(first), migrateOutbox(second)]);
      await second.close();
      expect(Math.min(...applied)).toBe(0);
      expect(Math.max(...applied)).toBeGreaterThan(0);
    });

    it('gives up after five seconds where somebody is in the way, and says so', async () => {
      const somebody = openDatabase(fresh.url, 1);
      await somebody.sql.unsafe('begin; create schema conexxus');
      await expect(migrateOutbox(first)).rejects.toMatchObject({
        code: 'SCHEMA_LOCKED',
        isClean: true,
        message: expect.stringMatching(/5 seconds.*Nothing was changed: run it again/),
      });
      await somebody.sql.unsafe('rollback');
      await somebody.close();
      expect(await migrateOutbox(first)).toBeGreaterThan(0);
    });

    it('refuses a database that cannot hold every character', async () => {
      const name = `latin_${randomBytes(4).toString('hex')}`;
      await first.sql.unsafe(`create database ${name} encoding 'LATIN1' locale 'C' template template0`);
      const url = new URL(fresh.url);
      url.pathname = name;
      const latin = openDatabase(url.href, 1);
      try {
        await expect(migrateOutbox(latin)).rejects.toMatchObject({
          code: 'UNFIT_DATABASE',
          message: expect.stringContaining('LATIN1'),
        });
      } finally {
        await latin.close();
        await first.sql.unsafe(`drop database ${name} with (force)`);
      }
    });
  });
});
