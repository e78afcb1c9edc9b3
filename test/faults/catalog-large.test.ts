import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { MAX_RESPONSE_BYTES } from '../../src/conexxus/transport.ts';
import type { RunningProcess } from '../support/process.ts';
import { processLoad } from '../support/process-load.ts';
import { type FaultStand, startFaultStand } from './fault-stand.ts';

const MB = 2 ** 20;
const ITEMS = 500_000;
const RSS_GROWTH_MAX_MB = 150;
const STANDSTILL_MAX_MS = 50;
/** What the answer has besides its list. */
const ENVELOPE_BYTES = 100;

let stand: FaultStand;
let worker: RunningProcess;

const onLinux = process.platform === 'linux' ? describe : describe.skip;

/** JSON text as long as an answer may be. */
function largeCatalog(priceOf: (n: number) => string): string {
  const bare = (n: number, filling: string) =>
    `{"sku":"${1_000_000 + n}","name":"Item ${n}","price":${priceOf(n)},"description":"${filling}"}`;
  const used = Array.from({ length: ITEMS }, (_, n) => bare(n, '').length + 1).reduce(
    (sum, length) => sum + length,
  );
  const filling = Math.floor((MAX_RESPONSE_BYTES - ENVELOPE_BYTES - used) / ITEMS);
  // As hard to pack as no catalog is.
  const noise = () => randomBytes(filling).toString('base64url').slice(0, filling);
  return `[${Array.from({ length: ITEMS }, (_, n) => bare(n, noise())).join(',')}]`;
}

function peakMemory(pid: number): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  return Number(/^VmHWM:\s+(\d+) kB$/m.exec(status)?.[1]) * 1_024;
}

async function longestStandstill(): Promise<number> {
  const before = worker.logs.length;
  worker.signal('SIGUSR2');
  const line = await worker.waitForLog(
    (entry) => worker.logs.indexOf(entry) >= before && entry.msg === 'event loop',
  );
  return Number(line['longestMs']);
}

async function fetchCatalog() {
  const { jobId } = await stand.producer.fetchInventory({ locationId: 'large' });
  stand.accept(jobId);
  await stand.untilAtRest(400_000);
  const [row] = await stand.database.sql<{ payload: Record<string, unknown> }[]>`
    select payload from event_log where aggregate_id = ${jobId}`;
  return row?.payload;
}

onLinux('a catalog as large as an answer may be (skipped where there is no /proc to measure by)', () => {
  beforeAll(async () => {
    stand = await startFaultStand({ env: { CONEXXUS_TIMEOUT: '120000' } });
    worker = await stand.startWorker({}, 'test/faults/worker-that-watches.mjs');
  }, 120_000);

  afterAll(() => stand.close());

  it('is stored whole, twice: memory and event loop stay within bounds', async () => {
    await fetchCatalog();
    for (const round of [1, 2]) {
      const catalog = largeCatalog((n) => `${(n % 1_000) + round}.${10 + (n % 90)}0`);
      expect(catalog.length).toBeGreaterThan(MAX_RESPONSE_BYTES - 2 * ITEMS);
      await stand.simulator.setCatalog(catalog);
      await longestStandstill();
      const { rssBytes } = await processLoad(worker.pid);

      const payload = await fetchCatalog();
      const growth = peakMemory(worker.pid) - rssBytes;
      const standstillMs = await longestStandstill();
      expect(payload).toMatchObject({ outcome: 'delivered', status: 'success', succeeded: ITEMS });
      expect(growth / MB).toBeLessThan(RSS_GROWTH_MAX_MB);
      expect(standstillMs).toBeLessThan(STANDSTILL_MAX_MS);
    }
    const [counts] = await stand.database.sql`
      select count(*)::int as items, count(*) filter (where price::text like '%.99__')::int as nines
      from inventory_items where location_id = 'large' and missing_since is null`;
    expect(counts).toMatchObject({ items: ITEMS });
    await stand.expectSums();
  }, 900_000);
});
