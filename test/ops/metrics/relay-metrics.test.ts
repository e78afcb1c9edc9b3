import { afterEach, describe, expect, it } from '@jest/globals';
import { freePort } from '../../../scripts/services/machine.ts';
import { readReport } from '../../../src/outbox/counts.ts';
import { migrateOutbox } from '../../../src/outbox/migrate.ts';
import { eventually } from '../../support/eventually.ts';
import { aSale, ringUp } from '../../support/outbox.ts';
import { startProcess } from '../../support/process.ts';
import { scrape } from '../../support/prometheus.ts';
import { type Stand, startStand } from '../../support/stand.ts';

let stand: Stand;
let stop: () => Promise<unknown>;

afterEach(async () => {
  await stop();
  await stand.close();
});

describe("a relay's metrics", () => {
  it('count the rows that it took and what became of them; what is in the outbox is counted for all', async () => {
    stand = await startStand();
    await migrateOutbox(stand.database);
    const port = await freePort();
    const relay = startProcess('dist/relay.js', { ...stand.env, RELAY_HEALTH_PORT: String(port) });
    stop = () => relay.stop();
    await relay.waitForLog('the relay works', 30_000);
    const look = () => scrape(`http://127.0.0.1:${port}/metrics`);
    const before = await look();
    expect(before.value('conexxus_sync_relay_rows_taken_total')).toBe(0);
    expect(before.series('conexxus_sync_relay_payloads_settled_total')).toEqual({
      delivered: 0,
      flagged: 0,
      dead: 0,
      discarded: 0,
      replaced: 0,
      apart: 0,
    });
    expect(before.series('conexxus_sync_up')).toEqual({ redis: 1, postgres: 1 });
    expect(before.value('conexxus_sync_relay_well')).toBe(1);

    await stand.startWorker();
    for (const id of ['T-1', 'T-2']) await ringUp(stand.database.sql, aSale(id));
    await ringUp(stand.database.sql, { date: 'none' });
    await eventually(async () => {
      const now = await look();
      expect(now.value('conexxus_sync_relay_rows_taken_total')).toBe(3);
      expect(now.value('conexxus_sync_relay_rows_set_apart_total')).toBe(1);
      expect(now.value('conexxus_sync_relay_payloads_settled_total', { fate: 'delivered' })).toBeGreaterThan(
        0,
      );
    }, 20_000);
    await eventually(async () => {
      const report = await readReport(stand.redis, stand.namespace);
      expect(report?.relay).toMatchObject({ untaken: 0, held: null });
      expect(report?.total).toMatchObject({ waiting: 0, enqueued: 0, apart: 1 });
    }, 20_000);
  }, 60_000);
});
