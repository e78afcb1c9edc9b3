import type { Latency } from './protocol.ts';

/** A number in [0, 1). */
export type Random = () => number;

/** Mulberry32: the same sequence for the same seed, on every machine. */
export function seededRandom(seed: number): Random {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** One draw, in milliseconds. */
export function sampleLatency(latency: Latency, random: Random): number {
  switch (latency.kind) {
    case 'fixed':
      return latency.ms;
    case 'uniform':
      return latency.min + random() * (latency.max - latency.min);
    default:
      return latency.median * Math.exp(latency.sigma * standardNormal(random));
  }
}

/** Box-Muller; 1 - x, because the logarithm of 0 has no use here. */
function standardNormal(random: Random): number {
  return Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
}
