import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from '@jest/globals';
import type { Database } from '../../../src/base/database.ts';
import { createDoubtReader } from '../../../src/sync/dead-letters/doubt.ts';
import { openTestDatabase, type TestDatabase } from '../../events/harness.ts';
import { openShelf, type Shelf } from '../shelf.ts';

const DAY_MS = 86_400_000;

let log: TestDatabase;
let shelf: Shelf;
let id: string;

beforeAll(async () => {
  log = await openTestDatabase();
});
beforeEach(() => {
  shelf = openShelf();
  id = randomUUID();
});
afterEach(() => shelf.close());
afterAll(() => log.close());

async function failed(payload: object): Promise<void> {
  await log.database.sql`
    insert into event_log (event_type, aggregate_id, "timestamp", payload, dedupe_key)
    values ('conexxus.sync.failed.push_sales', ${id}, now(), ${JSON.stringify({ syncKey: 'ps-1', ...payload })}::text::jsonb, ${id})`;
}

/** Of a letter that died so long ago. */
function isInDoubt(agoMs: number, ask?: Pick<Database, 'read'>, syncKey: string | undefined = 'ps-1') {
  const read = createDoubtReader({ redis: shelf.redis, namespace: shelf.namespace, log: ask });
  const dead = { id, name: 'push_sales', json: '{}', hash: '', reason: '', syncKey };
  return read({ ...dead, diedAt: Date.now() - agoMs });
}

it('the log remembers a try of unknown end, though Redis has forgotten it', async () => {
  await failed({ inDoubt: true });
  expect(await isInDoubt(0, log.database)).toBe(true);
});

it('the log remembers that all tries were answered, whenever that was', async () => {
  await failed({ outcome: 'rejected' });
  expect(await isInDoubt(30 * DAY_MS, log.database)).toBe(false);
});

it('without the log it is in doubt once Redis may have forgotten', async () => {
  const away = { read: () => Promise.reject(new Error('away')) };
  for (const none of [undefined, away]) {
    expect(await isInDoubt(DAY_MS / 2, none)).toBe(false);
    expect(await isInDoubt(2 * DAY_MS, none)).toBe(true);
  }
});

it('what cannot be sent never was', async () => {
  const read = createDoubtReader({ redis: shelf.redis, namespace: shelf.namespace });
  const never = { id, name: 'push_sales', json: '{}', hash: '', reason: '', syncKey: undefined, diedAt: 0 };
  expect(await read(never)).toBe(false);
});
