import type { Transaction } from '../base/database.ts';
import { type Act, readNamed, type SaleFilter } from './meant.ts';
import type { SaleName, Tally, Why } from './tally.ts';

/** Says of each sale that was named, and neither done nor refused, why. */
export async function tellOfTheRest(
  tx: Transaction,
  act: Act,
  filter: SaleFilter,
  tally: Tally,
): Promise<void> {
  const found = await readNamed(tx, filter);
  for (const { line, transactionId, state } of found) {
    // What was released is in the outbox once more, and has no line.
    const isTold = line === null ? tally.has({ transactionId }) : tally.has({ line });
    if (!isTold) tally.refuse(line === null ? 'untaken' : whyOf(act, state), [{ line, transactionId }]);
  }
  for (const name of namesIn(filter)) if (!tally.has(name)) tally.refuse('unknown', [name]);
}

function namesIn({ sales = [], lines = [] }: SaleFilter): SaleName[] {
  return [
    ...sales.map((transactionId) => ({ line: null, transactionId })),
    ...lines.map((line) => ({ line, transactionId: null })),
  ];
}

function whyOf(act: Act, state: string): Why {
  switch (state) {
    case 'delivered':
    case 'flagged':
    case 'discarded':
    case 'replaced':
      return state;
    case 'waiting':
      return act === 'release' ? 'waiting' : 'changed';
    default:
      return 'changed';
  }
}
