import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { eventually } from '../../support/eventually.ts';
import { makeSales } from '../../support/sales.ts';
import { startTcpProxy, type TcpProxy } from '../../support/tcp-proxy.ts';
import { readTransitions } from '../../support/transitions.ts';
import {
  type Attempt,
  expectNoLaterThanNeeded,
  type Fleet,
  happens,
  SLOTS,
  startFleet,
  THRESHOLD,
  tellFigures,
} from './fleet.ts';
import { sell } from './load.ts';

const WORKERS = 5;
const NEW_KEY = 'the-key-of-tomorrow';

let fleet: Fleet;

interface Loss {
  readonly what: string;
  readonly lose: () => Promise<void>;
  readonly mend: () => Promise<void>;
}

const LOSSES: readonly Loss[] = [
  {
    what: 'lose the route',
    lose: () => fleet.simulator.setMode('down'),
    mend: () => fleet.simulator.setMode('ok'),
  },
  {
    what: 'have their key revoked',
    lose: () => fleet.simulator.setSettings({ apiKey: NEW_KEY }),
    mend: () => fleet.simulator.setSettings({ apiKey: fleet.simulator.apiKey }),
  },
];

/** Whatever became of the row: the next one begins with nothing left to do. */
async function mendAll(): Promise<void> {
  for (const { mend } of LOSSES) await mend();
  await fleet.calm();
  await fleet.untilAtRest(30_000);
}

/** What the circuit had seen when it first opened. */
interface Opening {
  readonly cause: string | null;
  /** Failures that counted, since the last success. */
  readonly counted: readonly Attempt[];
  /** All that failed until then, also before the last success, and count for their jobs. */
  readonly before: number;
  /** All calls that failed. */
  readonly failed: number;
}

/** What a worker had under way when it was benched, and fails, counts for nothing. */
async function withoutBenched(failures: readonly Attempt[]): Promise<Attempt[]> {
  const benches = new Map((await fleet.workerEvents('benched')).map(({ worker, at }) => [worker, at]));
  const seen = new Set<string>();
  return failures.filter(({ worker, at }) => {
    if (worker === null || at < (benches.get(worker) ?? Infinity)) return true;
    // The first one from then on is what benched it.
    const isFirst = !seen.has(worker);
    seen.add(worker);
    return isFirst;
  });
}

async function openingOf(jobIds: readonly string[]): Promise<Opening> {
  const attempts = await fleet.attempts(jobIds);
  const failed = attempts.filter(({ delivered }) => !delivered);
  const transitions = await readTransitions(fleet.database);
  const opening = transitions.find(({ to, at }) => to === 'open' && at >= (failed[0]?.at ?? 0));
  const until = opening?.at ?? 0;
  const lastSuccess = attempts.findLast(({ delivered, at }) => delivered && at < until);
  const before = failed.filter(({ stale, at }) => !stale && at <= until);
  const counted = (await withoutBenched(before)).filter(({ at }) => at > (lastSuccess?.at ?? 0));
  return { cause: opening?.cause ?? null, counted, before: before.length, failed: failed.length };
}

/** Stamped by us, not a person's. */
async function expectPaused(): Promise<void> {
  expect(await fleet.redis.hget(fleet.queue.toKey('meta'), 'paused')).toBe('circuit');
}

async function untilWritten(): Promise<void> {
  await eventually(async () => {
    expect(await fleet.queue.getActiveCount()).toBe(0);
    expect(await fleet.redis.xlen(`{${fleet.namespace}}:events`)).toBe(0);
  });
}

async function tell(row: string, { cause, counted, failed }: Opening): Promise<void> {
  const openings = await fleet.openings();
  tellFigures(row, {
    'opened by': cause ?? 'nothing',
    'failures counted': counted.length,
    'calls that failed': failed,
    openings: openings.length,
  });
}

/** Conexxus is well again: all that waited is delivered, and all take part again. */
async function expectHealed(): Promise<void> {
  await fleet.untilAtRest(30_000);
  await eventually(async () => expect((await fleet.status()).benched).toEqual([]), 30_000);
  await fleet.expectSums();
}

describe('all workers at once', () => {
  beforeAll(async () => {
    fleet = await startFleet();
    await fleet.startWell(WORKERS);
  });
  afterAll(() => fleet.close());
  afterEach(mendAll);

  it.each(LOSSES)('[59] $what under load: opens at the threshold, and nothing is burnt', async (loss) => {
    await fleet.calm();
    const load = sell(fleet, { forMs: 3_000, batch: loss.what });
    await fleet.simulator.waitFor({ applied: (await fleet.simulator.summary()).applied + 60 });
    await loss.lose();
    const opened = await happens(expectPaused, 5_000);
    const { jobIds } = await load;
    await untilWritten();
    const opening = await openingOf(jobIds);
    const spent = await fleet.attemptsSpent(jobIds);
    await tell(`59: all ${loss.what}`, opening);
    await loss.mend();
    expect(opened).toBe(true);
    expect(opening.failed).toBeLessThanOrEqual(THRESHOLD + 1 + WORKERS * SLOTS);
    expectNoLaterThanNeeded(opening.counted);
    // Only what counted while the circuit was closed; of a refused key nothing.
    expect(spent).toBeLessThanOrEqual(loss.what === 'lose the route' ? opening.before : 0);
    await expectHealed();
    expect(await fleet.openings()).toHaveLength(1);
  });
});

describe('all workers at once, with one call a minute', () => {
  /** A minute, and a window that is little longer. */
  const MINUTE_MS = 1_000;

  beforeAll(async () => {
    const env = {
      CIRCUIT_WINDOW: String(1.6 * MINUTE_MS),
      CONEXXUS_TIMEOUT: '750',
      // So long that no retry is among the first calls.
      CONEXXUS_RETRIES: '0',
      CONEXXUS_RETRY_DELAY: String(7.5 * MINUTE_MS),
    };
    fleet = await startFleet({ env });
    await fleet.startWell(WORKERS);
  });
  afterAll(() => fleet.close());
  afterEach(mendAll);

  it.each(LOSSES)('[59] $what: opens at the threshold all the same', async (loss) => {
    await fleet.calm();
    await loss.lose();
    const { jobIds } = await sell(fleet, {
      forMs: (THRESHOLD + 1) * MINUTE_MS,
      batch: loss.what,
      perSecond: 1_000 / MINUTE_MS,
      everyMs: MINUTE_MS,
    });
    const opened = await happens(expectPaused, 1_000);
    await untilWritten();
    const opening = await openingOf(jobIds);
    await tell(`59: all ${loss.what}, one call a minute`, opening);
    await loss.mend();
    expect(opened).toBe(true);
    expect(opening.failed).toBeLessThanOrEqual(THRESHOLD + 1);
    expectNoLaterThanNeeded(opening.counted);
    // So that the trials need not wait for the retries of those that failed.
    await fleet.enqueue(makeSales(2, `${loss.what} again`));
    await expectHealed();
  });
});

describe('the only worker that takes jobs', () => {
  let routes: TcpProxy[] = [];

  afterEach(async () => {
    await fleet.close();
    await Promise.all(routes.map((route) => route.stop()));
    routes = [];
  });

  it('[60] loses the route: opens at the threshold, as ever', async () => {
    fleet = await startFleet();
    await fleet.startNamed('disabled', { CONEXXUS_ENABLED: 'false' });
    await fleet.startNamed('alone');
    await fleet.calm();
    await fleet.simulator.setMode('down');
    const jobIds = await fleet.enqueue(makeSales(60));
    await fleet.untilPaused();
    await untilWritten();
    const opening = await openingOf(jobIds);
    await tell('60', opening);
    expect(opening).toMatchObject({ cause: 'streak', counted: { length: THRESHOLD } });
    expect(opening.failed).toBeLessThan(THRESHOLD + SLOTS);
    expect(await fleet.workerEvents('benched')).toEqual([]);
    await fleet.simulator.setMode('ok');
    await expectHealed();
  });

  /** A worker with a route of its own. */
  async function startBehindARoute(name: string): Promise<TcpProxy> {
    const route = await startTcpProxy({ port: Number(new URL(fleet.simulator.url).port) });
    routes.push(route);
    await fleet.startNamed(name, { CONEXXUS_API_URL: route.through(fleet.simulator.url) });
    return route;
  }

  /** It loses its route while sales come in, and is benched for it. */
  async function bench(name: string, route: TcpProxy): Promise<boolean> {
    await route.listen(false);
    route.cut();
    return happens(async () => {
      await sell(fleet, { forMs: 300, batch: `${name}-${Math.random()}` });
      expect(await fleet.workerEvents('benched', name)).not.toEqual([]);
    }, 5_000);
  }

  it('[65d] is killed while four are benched, then their route returns: flows within seconds', async () => {
    fleet = await startFleet();
    const names = ['dead-1', 'dead-2', 'dead-3', 'dead-4'];
    const [healthy] = await fleet.startWell(1);
    const behind = await Promise.all(names.map(startBehindARoute));
    await fleet.calm();

    // One after the other: failures of two at once would be Conexxus's.
    const benched: boolean[] = [];
    for (const [index, route] of behind.entries()) benched.push(await bench(names[index] ?? '', route));
    const openings = await fleet.openings();
    healthy?.signal('SIGKILL');
    await healthy?.exited;
    const killedAt = performance.now();
    const late = await fleet.enqueue(makeSales(100, 'after'));
    const judged = await happens(async () => {
      expect((await fleet.circuit.status()).state).toBe('open');
    }, 20_000);
    const judgedMs = Math.round(performance.now() - killedAt);
    await Promise.all(behind.map((route) => route.listen(true)));
    const returnedAt = performance.now();
    await happens(async () => expect(await deliveredOf(late)).toBeGreaterThan(0), 20_000);
    const flowsMs = Math.round(performance.now() - returnedAt);
    tellFigures('65d', {
      benched: benched.filter(Boolean).length,
      'openings before the kill': openings.length,
      'circuit judges after': judged ? `${judgedMs} ms` : 'never',
      'flows after the return within': `${flowsMs} ms`,
    });
    expect(benched).toEqual([true, true, true, true]);
    expect([openings, judged]).toEqual([[], true]);
    // The open time, once: a second trial would come after three times as long.
    expect(flowsMs).toBeLessThan(8_000);
    await fleet.untilAtRest(30_000);
    await eventually(async () => expect((await fleet.status()).benched).toEqual([]), 30_000);
    // What the killed one had under way may have been applied, and not recorded.
    expect((await fleet.reconcile({ lostAnswers: 'all' })).problems).toEqual([]);
  });
});

async function deliveredOf(jobIds: readonly string[]): Promise<number> {
  return (await fleet.states(jobIds)).filter((state) => state === 'completed').length;
}
