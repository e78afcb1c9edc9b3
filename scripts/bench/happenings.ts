import { hear, tell } from '../../src/base/happenings.ts';
import type { Benchmark } from './bench.ts';
import { atMost, figure, percentile, us } from './figure.ts';

const TOLD = 100_000;
const ROUNDS = 21;

/** What it costs a sale that something of it is told. */
export const benchHappenings: Benchmark = async () => {
  const unheard = perTellingUs();
  const end = hear('attempt-made', () => undefined);
  const heard = perTellingUs();
  end();
  return Promise.resolve([
    atMost(figure('one happening, nobody hears', us(unheard)), 1),
    atMost(figure('one happening, heard by one', us(heard)), 1),
  ]);
};

/** The median of some rounds: a collection of garbage falls into one or another. */
function perTellingUs(): number {
  const rounds = Array.from({ length: ROUNDS }, () => {
    const from = performance.now();
    for (let n = 0; n < TOLD; n += 1) tellOne(n);
    return ((performance.now() - from) / TOLD) * 1_000;
  });
  return percentile(rounds, 0.5);
}

function tellOne(n: number): void {
  tell('attempt-made', {
    jobId: 'ps-1',
    location: 'store-7',
    operation: 'push_sales',
    outcome: 'delivered',
    attempt: n,
    durationMs: n,
    circuit: { kind: 'recorded', state: 'closed', moved: false },
    disposition: { kind: 'complete' },
  });
}
