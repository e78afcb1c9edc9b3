import type { SyncEvent } from '../events/event.ts';
import { operatorEvent, type Word } from '../sync/dead-letters/operator-event.ts';
import type { Act, SaleFilter } from './meant.ts';
import { nameOf, type SaleName } from './tally.ts';

interface Sale extends SaleName {
  readonly locationId: string | null;
}

/** The row of the audit trail about these sales, which is found by any of them. */
export function actEvent(
  act: Act,
  { actor, reason }: Word,
  filter: SaleFilter,
  sales: readonly Sale[],
): SyncEvent {
  const [first, ...others] = sales;
  const about = first !== undefined && others.length === 0 ? nameOf(first) : 'outbox';
  const locations = [...new Set(sales.map(({ locationId }) => locationId))];
  const [location] = locations;
  const lines = sales.filter(({ transactionId }) => transactionId === null).map(({ line }) => line);
  return {
    ...operatorEvent(actor, `outbox.${act}`, about, { reason, filter, sales: sales.length, lines }),
    ...(locations.length === 1 && typeof location === 'string' && { locationId: location }),
    transactionIds: sales.flatMap(({ transactionId }) => transactionId ?? []),
  };
}
