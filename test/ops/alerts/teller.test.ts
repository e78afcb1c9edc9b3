import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { Queue } from 'bullmq';
import type { Redis } from 'ioredis';
import { pino } from 'pino';
import type { Database } from '../../../src/base/database.ts';
import { connectRedis } from '../../../src/base/redis.ts';
import type { Seen } from '../../../src/ops/alerts/look.ts';
import { ALERT_DEFAULTS } from '../../../src/ops/alerts/options.ts';
import { createTeller } from '../../../src/ops/alerts/teller.ts';
import { openQueue } from '../../../src/sync/queue.ts';
import { openTestDatabase, type TestDatabase } from '../../events/harness.ts';
import { type AlertReceiver, startAlertReceiver } from '../../support/alert-receiver.ts';
import { testRedisUrl, uniqueNamespace } from '../../support/redis.ts';
import { dieIn } from './dead.ts';
import { judged } from './judged.ts';

let db: TestDatabase;
let redis: Redis;
let queue: Queue;
let namespace: string;
let receiver: AlertReceiver;

beforeAll(async () => {
  db = await openTestDatabase();
});
beforeEach(async () => {
  receiver = await startAlertReceiver();
  namespace = uniqueNamespace();
  redis = connectRedis(testRedisUrl(), 'patient', () => undefined);
  queue = openQueue(redis, namespace);
});
afterEach(async () => {
  await receiver.stop();
  await queue.obliterate({ force: true });
  await queue.close();
  redis.disconnect();
});
afterAll(() => db.close());

/** A dashboard, whose memory is in Postgres alone; it looks. */
function aDashboard(database: Pick<Database, 'read' | 'write'> = db.database): () => Promise<void> {
  const settings = {
    webhookUrl: receiver.url,
    webhookSecret: receiver.secret,
    heartbeatUrl: undefined,
    backlogAgeMs: 60_000,
  };
  const teller = createTeller(
    {
      redis,
      queue,
      database,
      namespace,
      name: 'dashboard',
      settings,
      eventRetentionDays: 90,
      redact: String,
      logger: pino({ level: 'silent' }),
    },
    { ...ALERT_DEFAULTS, gatherMs: 0 },
  );
  return () => {
    const at = Date.now();
    const rest = { fleet: null, backlog: null, unwritten: null, outbox: null, catalogAt: null };
    const seen: Seen = { at, redis: { ok: false, reason: 'away' }, postgres: { ok: true }, ...rest };
    return teller.step(seen, judged(at));
  };
}

describe('the teller', () => {
  it('tells who died by a clock behind the last look, once', async () => {
    const look = aDashboard();
    await look();
    await dieIn({ redis, queue }, 'behind', 'refused: 1', Date.now() - 4_000);
    await look();
    expect(receiver.taken).toHaveLength(1);
    await look();
    expect(receiver.taken).toHaveLength(1);
  });

  it('tells at the next look who died, where Postgres went away before it was written down', async () => {
    let isAway = false;
    let writes = 0;
    const look = aDashboard({
      read: (work) => db.database.read(work),
      write: async (work) => {
        writes += 1;
        // The first one of a look takes the turn.
        if (isAway && writes > 1) throw new Error('gone');
        return db.database.write(work);
      },
    });
    await look();
    await dieIn({ redis, queue }, 'a', 'refused: 1', Date.now());
    [isAway, writes] = [true, 0];
    await expect(look()).rejects.toThrow('could not be written');
    isAway = false;
    await look();
    expect(receiver.taken).toHaveLength(1);
  });
});
