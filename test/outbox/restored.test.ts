import { randomUUID } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { migrateDatabase } from '../../src/events/migrate.ts';
import { findForgotten } from '../../src/outbox/restored.ts';
import { type OutboxBench, outboxBench } from '../support/outbox.ts';

let bench: OutboxBench;

beforeEach(async () => {
  bench = await outboxBench();
  await migrateDatabase(bench.database);
});
afterEach(() => bench.close());

async function payload(syncKey: string, createdAt: string): Promise<void> {
  await bench.database.sql`
    insert into conexxus.payload (sync_key, location_id, json, sale_ids, created_at)
    values (${syncKey}, 'store-1', '{}', '{}', ${createdAt})`;
}

async function delivered(syncKey: string, at: string, locationId = 'store-1'): Promise<void> {
  await bench.database.sql`
    insert into event_log (event_type, aggregate_id, location_id, "timestamp", payload, dedupe_key)
    values ('conexxus.sync.succeeded.push_sales', ${syncKey}, ${locationId}, ${at}, '{}', ${randomUUID()})`;
}

const found = () => findForgotten(bench.database, bench.database);

describe('a database of a POS', () => {
  it('that was restored from a backup is behind what the event log knows of its stores', async () => {
    await payload('ps-a', '2026-11-24T10:00:00Z');
    await delivered('ps-a', '2026-11-24T10:00:01Z');
    expect(await found()).toBeNull();
    await delivered('ps-b', '2026-11-24T11:00:00Z');
    expect(await found()).toBe(
      'the event log knows a delivery since 2026-11-24T11:00:00.000Z that the outbox does not: was its database restored from a backup?',
    );
  });

  it('has forgotten nothing of stores that do not sell through it, nor of what came before its last payload', async () => {
    await delivered('ps-old', '2026-11-23T10:00:00Z');
    await payload('ps-a', '2026-11-24T10:00:00Z');
    await delivered('ps-elsewhere', '2026-11-24T11:00:00Z', 'store-2');
    expect(await found()).toBeNull();
  });

  it('has forgotten nothing of what people edited dead sales into while no relay was at work', async () => {
    await payload('ps-a', '2026-11-24T10:00:00Z');
    await delivered('ps-b', '2026-11-24T11:00:00Z');
    await bench.database.sql`
      insert into event_log (event_type, aggregate_id, location_id, "timestamp", payload, dedupe_key)
      values ('conexxus.sync.replaces.push_sales', 'ps-b', 'store-1', '2026-11-24T10:59:00Z', '{}', ${randomUUID()})`;
    expect(await found()).toBeNull();
  });

  it('that is new has forgotten nothing', async () => {
    await delivered('ps-b', '2026-11-24T11:00:00Z');
    expect(await found()).toBeNull();
  });

  it('goes on when a person says that what is known so far is well', async () => {
    await payload('ps-a', '2026-11-24T10:00:00Z');
    await delivered('ps-b', '2026-11-24T11:00:00Z');
    await bench.database.sql`update conexxus.relay set released_at = '2026-11-24T12:00:00Z'`;
    expect(await found()).toBeNull();
    await delivered('ps-c', '2026-11-24T13:00:00Z');
    expect(await found()).toMatch('knows a delivery');
  });
});
