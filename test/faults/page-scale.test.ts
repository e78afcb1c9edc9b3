import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { z } from 'zod';
import { migrateDatabase } from '../../src/events/migrate.ts';
import { OPERATOR, type OpsHarness, startOps } from '../ops/harness.ts';
import { fillQueue, writeLog } from '../ops/page/bad-night.ts';
import { type Looks, looksOf } from '../ops/page/looks.ts';
import { canTellPlans, openPlanned, type PlannedDatabase } from '../outbox/plans.ts';
import { type FreshDatabase, freshDatabase, type OpenDatabase, openDatabase } from '../support/postgres.ts';
import { commandsRun } from '../support/redis-load.ts';

const WAITING = 100_000;
const DEAD = 2_000;
const ROWS = 1_000_000;
const OF_A_MILLISECOND = 1_200;
const PAGES_MAX = 9_000;
const WATCHED_MS = 10_000;
const COMMANDS_MAX = 20;

const found = await canTellPlans();
const title = `the dashboard with ${WAITING} waiting, ${DEAD} dead letters and ${ROWS} rows of the log`;
(found ? describe : describe.skip)(found ? title : `${title} (no Postgres that tells its plans)`, () => {
  let fresh: FreshDatabase;
  let database: OpenDatabase;
  let planned: PlannedDatabase;
  let ops: OpsHarness;
  let looks: Looks;

  beforeAll(async () => {
    fresh = await freshDatabase();
    database = openDatabase(fresh.url, 1);
    await migrateDatabase(database);
    await writeLog(fresh.url, ROWS);
    planned = await openPlanned(fresh.url);
    ops = await startOps({ database: planned, realCircuit: true });
    await fillQueue(ops.redis, ops.queue, { waiting: WAITING, dead: DEAD });
    looks = await looksOf((path) => ops.call('GET', path, { as: OPERATOR }));
  }, 1_200_000);
  afterAll(async () => {
    await ops?.close();
    await planned?.close();
    await database.close();
    await fresh.close();
  });

  async function look(path: string) {
    const answer = await ops.call('GET', path, { as: OPERATOR });
    expect([path, answer.status]).toEqual([path, path.startsWith('/search') ? 303 : 200]);
    return answer;
  }

  it('reads the log by its indexes alone, at a bounded number of pages, whatever is looked at', async () => {
    for (const [what, path] of looks) {
      planned.plans();
      await look(path);
      const plans = planned.plans();
      const scans = plans.flatMap((plan) => plan.scans);
      const whole = scans.filter(({ kind, of }) => kind === 'Seq Scan' && of === 'event_log');
      expect([what, whole]).toEqual([what, []]);
      const most = Math.max(0, ...plans.map(({ buffers }) => buffers));
      expect([what, most <= PAGES_MAX || most]).toEqual([what, true]);
    }
  }, 300_000);

  const eventPage = z.object({ events: z.array(z.object({ id: z.string() })), next: z.string().nullable() });

  it(`gives each of ${OF_A_MILLISECOND} rows of one millisecond once, page by page`, async () => {
    await database.sql`
      insert into event_log (event_type, aggregate_id, "timestamp", payload, dedupe_key)
      select 'conexxus.operator.tried', 'queue', date_trunc('second', now()) - interval '3 days', '{}', 'tried-' || n
      from generate_series(1, ${OF_A_MILLISECOND}::int) as n`;
    for (const type of ['operator.tried', 'operator.tr*']) {
      const ids: string[] = [];
      for (let cursor: string | null = ''; cursor !== null; ) {
        const from: string = cursor === '' ? '' : `&cursor=${cursor}`;
        const page = eventPage.parse((await look(`/api/events?limit=500&type=${type}${from}`)).json());
        ids.push(...page.events.map(({ id }) => id));
        cursor = page.next;
      }
      expect([ids.length, new Set(ids).size]).toEqual([OF_A_MILLISECOND, OF_A_MILLISECOND]);
    }
  });

  it('asks Redis for what was counted, and not for each dead letter', async () => {
    for (const [path, most] of [
      ['/api/dead-letters?limit=1', 40],
      ['/act/dead-letters/discard?all=true', 40],
      ['/act', 60],
    ] as const) {
      const sent = countSent();
      await look(path);
      expect([path, sent() <= most || sent()]).toEqual([path, true]);
    }
  });

  /** Commands of this process from now on; what a script does is one. */
  function countSent(): () => number {
    let sent = 0;
    const { redis } = ops;
    const send = redis.sendCommand.bind(redis);
    redis.sendCommand = (...args) => {
      sent += 1;
      return send(...args);
    };
    return () => sent;
  }

  it(`asks Redis ${COMMANDS_MAX} times a second at most, those within scripts too, for 1 as for 30 that follow`, async () => {
    const cancels: (() => void)[] = [];
    const rates: number[] = [];
    for (const count of [1, 30]) {
      while (cancels.length < count) cancels.push(await follow(`browser-${cancels.length}`));
      // The first look is at all there is.
      await delay(2_000);
      const before = await commandsRun(ops.redis);
      const begun = performance.now();
      await delay(WATCHED_MS);
      rates.push(((await commandsRun(ops.redis)) - before) / ((performance.now() - begun) / 1_000));
    }
    for (const cancel of cancels) cancel();
    const [one = Number.NaN, thirty = Number.NaN] = rates;
    expect(one).toBeGreaterThan(5);
    expect(one).toBeLessThanOrEqual(COMMANDS_MAX);
    expect(thirty).toBeLessThanOrEqual(Math.min(COMMANDS_MAX, one + 2));
  }, 60_000);

  async function follow(browser: string): Promise<() => void> {
    const login = Buffer.from(`${OPERATOR.user}:${OPERATOR.password}`).toString('base64');
    const leave = new AbortController();
    const answer = await fetch(`http://127.0.0.1:${ops.port}/live?browser=${browser}`, {
      headers: { authorization: `Basic ${login}` },
      signal: leave.signal,
    });
    expect(answer.status).toBe(200);
    const reader = answer.body?.getReader();
    const read = async () => {
      while ((await reader?.read())?.done === false);
    };
    read().catch(() => undefined);
    return () => leave.abort();
  }
});
