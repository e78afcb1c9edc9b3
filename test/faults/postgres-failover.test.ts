import { afterEach, describe, expect } from '@jest/globals';
import { eventually } from '../support/eventually.ts';
import { makeSales } from '../support/sales.ts';
import { type FailoverStand, startFailoverStand } from './postgres-failover.ts';
import { itOnServer } from './postgres-server.ts';

let stand: FailoverStand;

afterEach(async () => {
  await stand.close();
});

describe('Postgres fails over', () => {
  itOnServer(
    '[73] a catalog that was asked for meanwhile is fetched once, and is at the new primary',
    async () => {
      stand = await startFailoverStand();
      const worker = await stand.startWorker(stand.byName);
      const sold = await stand.enqueue(makeSales(10));
      await stand.untilAtRest();
      await stand.turnReadOnly();
      const { jobId } = await stand.producer.fetchInventory({ locationId: 'store-1' });
      // No call is worth making whose answer could not be stored.
      await eventually(async () => expect(await stand.queue.getJobState(jobId)).toBe('delayed'));
      await stand.failOver();
      // It comes back half a minute later.
      await stand.untilAtRest(50_000);
      await stand.expectRowsAtSecond([...sold, jobId]);
      const items = await stand.second.sql`select from inventory_items where location_id = 'store-1'`;
      expect(items.length).toBeGreaterThan(0);
      expect(await stand.simulator.ledger({ path: '/api/v1/inventory/items' })).toHaveLength(1);
      expect(await worker.stop()).toEqual({ code: 0, signal: null });
    },
  );
});
