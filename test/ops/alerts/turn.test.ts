import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { Redis } from 'ioredis';
import { connectRedis } from '../../../src/base/redis.ts';
import { advance, type Memory } from '../../../src/ops/alerts/incidents.ts';
import { createPostgresMemory } from '../../../src/ops/alerts/postgres-memory.ts';
import { createRedisMemory } from '../../../src/ops/alerts/redis-memory.ts';
import { createTurn, LostAlertsError, type Turn } from '../../../src/ops/alerts/turn.ts';
import { openTestDatabase, type TestDatabase } from '../../events/harness.ts';
import { eventually } from '../../support/eventually.ts';
import { testRedisUrl, uniqueNamespace } from '../../support/redis.ts';
import { judged, NO_DEATHS, NOW, PACE } from './judged.ts';

let db: TestDatabase;
let redis: Redis;
let namespace: string;
const LEASE_MS = 700;
const OK = { ok: true } as const;
const AWAY = { ok: false, reason: 'away' } as const;
const BOTH = { redis: OK, postgres: OK };
const NO_REDIS = { redis: AWAY, postgres: OK };
const NO_POSTGRES = { redis: OK, postgres: AWAY };

beforeAll(async () => {
  db = await openTestDatabase();
  redis = connectRedis(testRedisUrl(), 'patient', () => undefined);
});
beforeEach(() => {
  namespace = uniqueNamespace();
});
afterEach(() => redis.del(`{${namespace}}:alerts:sender`, `{${namespace}}:alerts:memory`));
afterAll(async () => {
  redis.disconnect();
  await db.close();
});

function aDashboard(leaseMs = LEASE_MS): Turn {
  const deps = { database: db.database, namespace, owner: randomUUID(), leaseMs, retentionDays: 90 };
  return createTurn(createPostgresMemory(deps), createRedisMemory(redis, namespace, leaseMs));
}

const withIncident = (memory: Memory) => advance(memory, judged(NOW, ['no-worker']), NO_DEATHS, PACE);

async function mine(turn: Turn, seen: Parameters<Turn['take']>[0] = BOTH): Promise<Memory> {
  const taken = await turn.take(seen);
  if (taken.kind !== 'mine') throw new Error(taken.kind);
  return taken.memory;
}

describe('the turn to send', () => {
  it('is one dashboard’s, and after its death another’s, who knows all of it', async () => {
    const [first, second] = [aDashboard(), aDashboard()];
    const saved = await first.save(withIncident(await mine(first)));
    expect(await second.take(BOTH)).toEqual({ kind: 'theirs' });
    const taken = await eventually(() => mine(second), 5_000);
    expect(taken).toEqual(saved);
    await expect(first.save(saved)).rejects.toThrow(LostAlertsError);
    expect(await first.take(BOTH)).toEqual({ kind: 'theirs' });
  });

  it('given back, it is taken at once', async () => {
    const [first, second] = [aDashboard(60_000), aDashboard(60_000)];
    await mine(first);
    await first.release();
    expect(await mine(second)).toMatchObject({ incidents: [] });
  });

  it('goes on in Redis while Postgres is away, and in Postgres while Redis is, with what was known', async () => {
    const [first, second] = [aDashboard(), aDashboard()];
    await first.save(withIncident(await mine(first)));
    // Without Postgres.
    const further = advance(
      await mine(first, NO_POSTGRES),
      judged(NOW + 1, ['no-worker', 'postgres']),
      NO_DEATHS,
      PACE,
    );
    const inRedis = await first.save(further);
    expect(inRedis.incidents).toHaveLength(2);
    expect(await db.database.sql`select from alert_incidents where namespace = ${namespace}`).toHaveLength(1);
    // Back: Postgres is told, and another dashboard without Redis knows it.
    const back = await mine(first);
    expect(back.incidents).toEqual(inRedis.incidents);
    await first.release();
    expect((await mine(second, NO_REDIS)).incidents).toEqual(inRedis.incidents);
  });

  it('is not shared by two who see different servers', async () => {
    const [first, second] = [aDashboard(), aDashboard()];
    await mine(first, NO_POSTGRES);
    // It has Postgres, and waits for Redis.
    expect(await second.take(BOTH)).toEqual({ kind: 'theirs' });
    // The first sees Postgres again: it gives way, and the other gets both.
    expect(await first.take(BOTH)).toEqual({ kind: 'theirs' });
    await mine(second);
  });

  it('is nobody’s with both away', async () => {
    expect(await aDashboard().take({ redis: AWAY, postgres: AWAY })).toEqual({
      kind: 'nowhere',
      redis: 'away',
      postgres: 'away',
    });
  });

  it('is of one namespace', async () => {
    await mine(aDashboard(60_000));
    namespace = uniqueNamespace();
    expect(await mine(aDashboard())).toMatchObject({ incidents: [] });
  });

  it('is not held up by what somebody else wrote into Redis', async () => {
    await redis.set(`{${namespace}}:alerts:memory`, '{"revision":"x"}');
    expect(await mine(aDashboard())).toMatchObject({ incidents: [] });
  });
});
