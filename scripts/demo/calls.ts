import type { LedgerEntry } from '../../test/support/simulator/protocol.ts';
import type { Stage } from './stage.ts';

interface Calls {
  readonly pushes: readonly LedgerEntry[];
  /** Those of the pushes that were not answered with 200. */
  readonly failed: readonly LedgerEntry[];
  readonly health: readonly LedgerEntry[];
}

/** What the API was called for from one moment to another (ms since 1970), by its own ledger. */
export async function callsOf(
  { simulator }: Pick<Stage, 'simulator'>,
  from: number,
  to: number,
): Promise<Calls> {
  const entries = (await simulator.ledger()).filter(
    ({ receivedAt }) => receivedAt >= from && receivedAt < to,
  );
  const pushes = entries.filter(({ path }) => path === '/api/v1/sales/push');
  return {
    pushes,
    failed: pushes.filter(({ status }) => status !== 200),
    health: entries.filter(({ path }) => path === '/api/v1/health'),
  };
}

/** How long after the moment `since` BullMQ's own events say that the queue was paused. */
export async function pausedAfterMs(
  { redis, queue }: Pick<Stage, 'redis' | 'queue'>,
  since: number,
): Promise<number | undefined> {
  const events = await redis.xrange(queue.toKey('events'), since, '+');
  const [id] = events.find(([, fields]) => fields.includes('paused')) ?? [];
  return id === undefined ? undefined : Number.parseInt(id, 10) - since;
}
