import { setTimeout as delay } from 'node:timers/promises';
import { monitorRedis, type SeenCommand } from '../../test/support/redis-monitor.ts';
import { makeSales } from '../../test/support/sales.ts';
import { startStand } from '../../test/support/stand.ts';
import type { Benchmark } from './bench.ts';
import { defaultCircuit } from './circuit-work.ts';
import { atMost, figure, spread } from './figure.ts';

const WORKERS = 4;
const LOOK_MS = 2;

/** From the write that opens the circuit to the write that pauses the queue, both on the clock of Redis. */
export const benchOpening: Benchmark = async ({ redis, postgres, openings, say }) => {
  const stand = await startStand({
    redisUrl: redis.url,
    databaseUrl: postgres.url,
    env: { CIRCUIT_OPEN: '3600000', CIRCUIT_OPEN_MAX: '3600000', RAMP_STEP: '0' },
  });
  const monitor = await monitorRedis(redis.url, isMove);
  try {
    await stand.simulator.setMode(503);
    await stand.enqueue(makeSales(2_000));
    await stand.startWorkers(WORKERS);
    const circuit = defaultCircuit(stand.redis, stand.namespace);
    for (let paused = 0; paused < openings; paused += 1) {
      while (pauses(monitor.seen).length <= paused) await delay(LOOK_MS);
      // Closed by hand: the next failures open it anew.
      await circuit.operate('reset', { actor: 'bench', reason: 'again' });
    }
    const took = pauses(monitor.seen);
    say(`${took.length} openings`);
    const what = `fifth failure recorded to queue paused, ${WORKERS} workers`;
    return [atMost(figure(what, spread(took)), 50, 'p99')];
  } finally {
    monitor.stop();
    await stand.close();
  }
};

function isMove(name: string, [key = '', ...args]: readonly string[]): boolean {
  if (name === 'hset') return key.endsWith(':circuit') && args.includes('open');
  return name === 'hsetnx' && key.endsWith(':sync:meta') && args.includes('paused');
}

/** ms from each opening to the first pause after it. */
function pauses(seen: readonly SeenCommand[]): number[] {
  return seen.flatMap(({ name, at }, index) => {
    const next = seen[index + 1];
    return name === 'hset' && next?.name === 'hsetnx' ? [next.at - at] : [];
  });
}
