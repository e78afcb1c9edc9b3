import { monitorEventLoopDelay } from 'node:perf_hooks';

/** How late the event loop comes to what is due, in seconds: the worse of this minute and the one before. */
export interface EventLoopDelay {
  quantile(share: number): number;
  stop(): void;
}

const RESOLUTION_MS = 10;
const PERIOD_MS = 60_000;
const NS_PER_S = 1e9;

/** `shares`: the quantiles that will be asked for, 1 for the longest. */
export function watchDelay(shares: readonly number[]): EventLoopDelay {
  const monitor = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  monitor.enable();
  let before = new Map<number, number>();
  let begunAt = performance.now();

  // Node measures from one tick to the next, which is no delay as long as it is the resolution.
  const read = (share: number) =>
    monitor.count === 0 ? 0 : Math.max(0, monitor.percentile(share * 100) / NS_PER_S - RESOLUTION_MS / 1_000);

  // Not at each scrape: of two who scrape, each would see what the other left.
  function turn(): void {
    if (performance.now() - begunAt < PERIOD_MS) return;
    before = new Map(shares.map((share) => [share, read(share)]));
    begunAt = performance.now();
    monitor.reset();
  }

  return {
    quantile(share) {
      turn();
      return Math.max(before.get(share) ?? 0, read(share));
    },
    stop: () => void monitor.disable(),
  };
}
