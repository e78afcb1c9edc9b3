import type { Job } from 'bullmq';
import type { PushSales } from '../../src/index.ts';
import { RepairRefusedError } from '../../src/sync/dead-letters/to-repair.ts';
import { InvalidPayloadError } from '../../src/sync/producer/producer-errors.ts';
import { WORD } from '../sync/shelf.ts';
import { contentOf } from './consumer.ts';
import type { RelayBench } from './relay-bench.ts';

interface Mended {
  readonly after: PushSales;
  /** Contents of each sale, before and after. */
  readonly sales: readonly (readonly [before: string, after: string])[];
}

/** A dead letter with another total, if that is not refused. */
export async function mendedBy(
  { repairs }: Pick<RelayBench, 'repairs'>,
  letter: Job<PushSales> | undefined,
): Promise<Mended | undefined> {
  if (letter?.id === undefined) return undefined;
  const before = letter.data;
  const transactions = before.transactions.map((one) => ({ ...one, total: one.total + 0.25 }));
  const after = { ...before, transactions };
  try {
    await repairs.repair({ id: letter.id, edited: { data: after, changed: [] }, word: WORD });
    return {
      after,
      sales: before.transactions.map((one, n) => [contentOf(one), contentOf(transactions[n] ?? one)]),
    };
  } catch (error) {
    if (error instanceof RepairRefusedError || error instanceof InvalidPayloadError) return undefined;
    throw error;
  }
}
