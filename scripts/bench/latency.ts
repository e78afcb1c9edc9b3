import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import type { PushSales } from '../../src/index.ts';
import { type Stand, startStand } from '../../test/support/stand.ts';
import type { Benchmark, BenchSetting } from './bench.ts';
import { type Figure, figure, percentile, spread } from './figure.ts';
import { makePayloads } from './sides/payloads.ts';
import { programOf, SIDES, type Side, workerEnv } from './sides/round.ts';
import { takeTurns } from './turns.ts';

const WARM_UP = 100;
/** Sales of one side until it is the next one's turn. */
const PER_TURN = 20;
const CONCURRENCY = 10;
const KEPT = 10_000;
/** Until a worker that has finished its job waits for the next one again. */
const REST_MS = 5;
const LOOK_MS = 1;

/** A side that is up, at an idle queue. */
interface Waiting {
  readonly stand: Stand;
  pushed: number;
}

/**
 * How long it takes from a sale's call of the producer until the back office has all of it, one sale at a time. All
 * sides are up at once, and the back office is this process: one clock.
 */
export const benchLatency: Benchmark = async (setting) => {
  const office = await openOffice();
  const stands = new Map<Side, Waiting>();
  try {
    for (const side of SIDES)
      stands.set(side, { stand: await startSide(setting, side, office.url), pushed: 0 });
    const push = async (side: Side, count: number) => {
      const waiting = stands.get(side);
      return waiting === undefined ? [] : pushSome(office, waiting, side, count);
    };
    for (const side of SIDES) await push(side, WARM_UP);
    const turns = Math.ceil(setting.singles / PER_TURN);
    const rounds = await takeTurns(SIDES, turns, (side) => push(side, PER_TURN));
    return SIDES.map((side) =>
      figureOf(side, rounds.get(side)?.flat() ?? [], rounds.get('bare')?.flat() ?? []),
    );
  } finally {
    for (const { stand } of stands.values()) await stand.close();
    office.server.close();
    office.server.closeAllConnections();
  }
};

function figureOf(side: Side, took: readonly number[], bare: readonly number[]): Figure {
  const { p50, p99 } = spread(took);
  return figure(`enqueued to delivered, ${side}`, {
    p50: { ...p50, toBare: p50.value / percentile(bare, 0.5) },
    p99: { ...p99, toBare: p99.value / percentile(bare, 0.99) },
  });
}

async function startSide(
  { redis, postgres, programs }: BenchSetting,
  side: Side,
  url: string,
): Promise<Stand> {
  const stand = await startStand({ redisUrl: redis.url, databaseUrl: postgres.url });
  await stand.startWorker(workerEnv(url, CONCURRENCY, KEPT), programOf(side, programs));
  return stand;
}

interface Office {
  readonly server: Server;
  readonly url: string;
  /** When the next sale is there, all of it. */
  next(): Promise<number>;
}

const ANSWER = JSON.stringify({
  success: true,
  data: { accepted: 1, status: 'ok' },
  timestamp: '2026-01-01T00:00:00Z',
});

async function openOffice(): Promise<Office> {
  let told: (at: number) => void = () => undefined;
  const server = createServer((request, response) => {
    request.resume();
    request.once('end', () => {
      if (request.method === 'POST') told(performance.now());
      response.writeHead(200, { 'content-type': 'application/json' }).end(ANSWER);
    });
  });
  server.keepAliveTimeout = 60_000;
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  const { port } = server.address() as AddressInfo;
  const next = () =>
    new Promise<number>((resolve) => {
      told = resolve;
    });
  return { server, url: `http://127.0.0.1:${port}`, next };
}

/** ms of each. */
async function pushSome(office: Office, waiting: Waiting, side: Side, count: number): Promise<number[]> {
  const took: number[] = [];
  for (const sale of makePayloads(count, `${side}-${waiting.pushed}`)) {
    const delivered = office.next();
    const from = performance.now();
    await enqueue(waiting.stand, side, sale);
    took.push((await delivered) - from);
    waiting.pushed += 1;
    while ((await waiting.stand.queue.getCompletedCount()) < waiting.pushed) await delay(LOOK_MS);
    await delay(REST_MS);
  }
  return took;
}

/** As the documents of BullMQ have it, but for the id, which is the sale's key. */
async function enqueue({ producer, queue }: Stand, side: Side, sale: PushSales): Promise<void> {
  if (side === 'ours') await producer.pushSales(sale);
  else await queue.add('push_sales', sale, { jobId: randomUUID() });
}
