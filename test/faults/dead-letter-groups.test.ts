import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { PushSales } from '../../src/index.ts';
import { type Ended, runCommand } from '../cli/command.ts';
import { eventually } from '../support/eventually.ts';
import { makeSales } from '../support/sales.ts';
import { type FaultStand, startFaultStand } from './fault-stand.ts';

let stand: FaultStand;

beforeEach(async () => {
  stand = await startFaultStand({ env: { CIRCUIT_REJECTIONS: '100000', WORKER_CONCURRENCY: '25' } });
});

afterEach(() => stand.close());

interface Group {
  readonly key: string;
  readonly count: number;
  readonly reason: string;
}

interface Listed {
  readonly deadLetters: readonly { readonly id: string; readonly reason: string }[];
  readonly total: number;
  readonly groups: readonly Group[];
}

function command(...args: string[]): Promise<Ended> {
  return runCommand(['dead-letters', ...args], { ...stand.env });
}

async function listed(...args: string[]): Promise<Listed> {
  return JSON.parse((await command('list', '--json', ...args)).out);
}

const counts = ({ groups }: Listed) => groups.map(({ count, reason }) => [count, reason]);

/** All of one store, so that the API can refuse them alike; each in words with its own numbers. */
function salesOf(store: string, count: number): PushSales[] {
  return makeSales(count, store).map((sale) => ({ ...sale, locationId: store }));
}

function refusal(error: string) {
  return { kind: 'status', status: 422, body: { success: false, error } } as const;
}

async function untilDead(count: number): Promise<void> {
  await stand.untilAtRest(120_000);
  await eventually(async () => expect(await stand.queue.getFailedCount()).toBe(count));
}

describe('2,000 dead letters of three causes', () => {
  it('[77] are grouped with counts and replayed as a group; ten that die again tell the new reason everywhere', async () => {
    await stand.simulator.setFaults([
      { match: { locationId: 'airport' }, fault: refusal('till 7 is not known') },
      { match: { locationId: 'harbour' }, fault: refusal('item 73050 is not known') },
    ]);
    await stand.startWorkers(2);
    const airport = await stand.enqueue(salesOf('airport', 1_200));
    await stand.enqueue(salesOf('harbour', 600));
    for (let index = 0; index < 200; index += 1) {
      await stand.queue.add('push_sales', { date: `2026-02-3${index % 2}` }, { jobId: `bad-${index}` });
      stand.accept(`bad-${index}`);
    }
    await untilDead(2_000);

    const before = await listed('--limit', '1');
    expect(before.total).toBe(2_000);
    expect(counts(before)).toEqual([
      [1_200, expect.stringMatching(/^http_422: .*till 7 is not known/)],
      [600, expect.stringMatching(/^http_422: .*item 73050 is not known/)],
      [200, expect.stringMatching(/^invalid_data: date: /)],
    ]);
    const [group] = before.groups;
    const text = (await command('list', '--limit', '1')).out;
    expect(text).toMatch(
      new RegExp(`^2000 dead letters, which died of:\\n  1200  --group ${group?.key}  newest .*till 7`),
    );

    const again = airport.slice(100, 110);
    await stand.simulator.setFaults(
      again.map((id) => ({ match: { keyPrefix: id }, fault: refusal('the day is closed') })),
    );
    const byGroup = ['--group', group?.key ?? ''];
    expect((await command('replay', ...byGroup)).out).toMatch(/^1200 dead letters would be replayed\./);
    const replayed = await command('replay', ...byGroup, '--yes', '--reason', 'till created');
    expect(replayed.out).toMatch(/\n1200 dead letters replayed\.\n$/);
    await untilDead(810);

    const after = await listed('--limit', '10');
    const closed = expect.stringMatching(/^http_422: .*the day is closed/);
    expect(counts(after)).toEqual([
      [600, expect.stringMatching(/item 73050/)],
      [200, expect.stringMatching(/^invalid_data/)],
      [10, closed],
    ]);
    // The newest first.
    expect(after.deadLetters.map(({ id }) => id).sort()).toEqual([...again].sort());
    expect(new Set(after.deadLetters.map(({ reason }) => reason)).size).toBe(1);
    await expectEverywhere(again, /the day is closed/, /till 7/);
    expect(await stand.reconcile()).toMatchObject({
      accepted: 2_000,
      delivered: 1_190,
      deadLettered: 810,
      problems: [],
    });
  }, 300_000);

  /** In the queue, where Bull Board looks; by `show`; and as the last death in the event log. */
  async function expectEverywhere(ids: readonly string[], newest: RegExp, old: RegExp): Promise<void> {
    for (const id of ids) {
      const job = await stand.queue.getJob(id);
      expect(job?.failedReason).toMatch(newest);
      expect(job?.failedReason).not.toMatch(old);
      expect(job?.stacktrace).toEqual([expect.stringMatching(newest)]);
    }
    const [id = ''] = ids;
    const { out } = await command('show', id);
    expect(out).toMatch(new RegExp(`\\n  reason +.*${newest.source}`));
    const deaths = await stand.database.sql<{ id: string; reasons: string[] }[]>`
      select aggregate_id as id, json_agg(payload->'error'->>'message' order by "timestamp") as reasons
      from event_log where event_type = 'conexxus.sync.dead_lettered.push_sales' and aggregate_id in ${stand.database.sql(ids)}
      group by 1`;
    expect(deaths).toHaveLength(ids.length);
    for (const { reasons } of deaths) {
      expect(reasons).toEqual([expect.stringMatching(old), expect.stringMatching(newest)]);
    }
  }
});
