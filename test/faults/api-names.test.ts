import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { hasOpenssl, selfSigned } from '../conexxus/certificates.ts';
import { eventually } from '../support/eventually.ts';
import { makeSales } from '../support/sales.ts';
import { startSimulator } from '../support/simulator/simulator.ts';
import { hasSlowDoors, startSlowDoor } from '../support/slow-door.ts';
import { type FaultStand, startFaultStand } from './fault-stand.ts';

let stand: FaultStand;
let folder: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'conexxus-names-'));
});

afterAll(() => rmSync(folder, { recursive: true }));

beforeEach(async () => {
  stand = await startFaultStand({ env: { CIRCUIT_FAILURE_THRESHOLD: '1000', CIRCUIT_FAILURE_RATE: '1' } });
});

afterEach(() => stand.close());

const tls = hasOpenssl() ? describe : describe.skip;

tls('certificates (skipped where there is no openssl to make them)', () => {
  it.each([
    { which: 'self-signed', host: 'localhost', expired: false, trusted: false, says: /self-signed/ },
    { which: 'expired', host: 'localhost', expired: true, trusted: true, says: /has expired/ },
    { which: 'for another host', host: 'other.test', expired: false, trusted: true, says: /another host/ },
  ])(
    '[14] TLS certificate $which: fails closed with a clear message, transient',
    async (row) => {
      const certificate = selfSigned(row.host, { expired: row.expired });
      const secured = await startSimulator({ tls: certificate });
      const caFile = join(folder, 'ca.pem');
      writeFileSync(caFile, certificate.cert);
      const worker = await stand.startWorker({
        CONEXXUS_API_URL: secured.url.replace('127.0.0.1', 'localhost'),
        ...(row.trusted ? { CONEXXUS_CA_FILE: caFile } : {}),
      });
      const jobIds = await stand.enqueue(makeSales(2, `row-14-${row.which}`));
      await eventually(async () => {
        const failures = await stand.failures(jobIds);
        expect(failures.length).toBeGreaterThan(2);
        for (const { outcome, code, message } of failures) {
          expect({ outcome, code }).toEqual({ outcome: 'transient', code: 'tls' });
          expect(message).toMatch(row.says);
        }
      });
      expect(await secured.ledger()).toEqual([]);
      await worker.stop();
      await secured.stop();

      await stand.startWorker();
      await stand.untilAtRest();
      expect(new Set(await stand.states(jobIds))).toEqual(new Set(['completed']));
      await stand.expectSums();
    },
    90_000,
  );
});

describe('names', () => {
  it('[15] DNS fails, then returns: retried, recovers without restart', async () => {
    const working = join(folder, 'dns-works');
    const { port } = new URL(stand.simulator.url);
    await stand.startWorker(
      {
        CONEXXUS_API_URL: `http://conexxus.test:${port}`,
        CONEXXUS_ALLOW_HTTP: 'true',
        DNS_WORKS_FILE: working,
      },
      'test/faults/worker-with-dns.ts',
    );
    const jobIds = await stand.enqueue(makeSales(10, 'row-15'));
    await eventually(async () => {
      const failures = await stand.failures(jobIds);
      expect(failures.length).toBeGreaterThan(10);
      expect(new Set(failures.map(({ outcome, code }) => `${outcome} ${code}`))).toEqual(
        new Set(['transient dns']),
      );
    });
    writeFileSync(working, '');
    await stand.untilAtRest();
    expect(new Set(await stand.states(jobIds))).toEqual(new Set(['completed']));
    await stand.expectSums();
  }, 90_000);
});

const slowDoors = hasSlowDoors ? describe : describe.skip;

slowDoors('addresses (skipped where a full queue of connections is no black hole)', () => {
  const KNOWS = { CONEXXUS_ALLOW_HTTP: 'true', CONEXXUS_TIMEOUT: '6000' };
  const ENTRY = 'test/faults/worker-with-dns.ts';

  // The line takes a second, which is when TCP asks again: no 400 ms can be had without root.
  it.each([
    { order: 'after', addresses: '::1,127.0.0.1', askedAfterMs: 1_500 },
    { order: 'before', addresses: '127.0.0.1,::1', askedAfterMs: 0 },
  ])(
    '[76] IPv6 is a black hole, IPv4, $order it, is slow to connect: connects within the timeout',
    async ({ order, addresses, askedAfterMs }) => {
      const leadsTo = Number(new URL(stand.simulator.url).port);
      const slow = await startSlowDoor({ host: '127.0.0.1', leadsTo });
      const hole = await startSlowDoor({ host: '::1', port: slow.port, leadsTo });
      try {
        const CONEXXUS_API_URL = `http://conexxus.test:${slow.port}`;
        await stand.startWorker({ ...KNOWS, CONEXXUS_API_URL, DNS_ADDRESSES: addresses }, ENTRY);
        const jobIds = await stand.enqueue(makeSales(1, `row-76-${order}`));
        await eventually(async () => expect(await stand.queue.getActiveCount()).toBe(1));
        await delay(askedAfterMs + 400);
        slow.open();
        await stand.untilAtRest();

        expect(await stand.failures(jobIds)).toEqual([]);
        const [delivery] = await stand.database.sql<{ ms: number }[]>`
          select (payload->>'durationMs')::int as ms from event_log
          where event_type = 'conexxus.sync.succeeded.push_sales' and aggregate_id = ${jobIds[0] ?? ''}`;
        expect(delivery?.ms).toBeGreaterThan(askedAfterMs + 900);
        await stand.expectSums();
      } finally {
        await Promise.all([slow.close(), hole.close()]);
      }
    },
    90_000,
  );

  it('[76] all addresses refuse: the row names each with its code', async () => {
    const { port } = new URL(stand.simulator.url);
    const CONEXXUS_API_URL = `http://conexxus.test:${port}`;
    const worker = await stand.startWorker(
      { ...KNOWS, CONEXXUS_API_URL, DNS_ADDRESSES: '::1,127.0.0.1' },
      ENTRY,
    );
    await stand.simulator.setMode('down');
    const jobIds = await stand.enqueue(makeSales(1, 'row-76-refused'));
    await eventually(async () => {
      const [failure] = await stand.failures(jobIds);
      expect(failure).toMatchObject({ outcome: 'transient', code: 'connection_refused' });
      expect(failure?.message).toContain(`[::1]:${port} ECONNREFUSED, 127.0.0.1:${port} ECONNREFUSED`);
    });
    await stand.simulator.setMode('ok');
    await stand.untilAtRest();
    expect(await stand.states(jobIds)).toEqual(['completed']);
    await stand.expectSums();
    await worker.stop();
  }, 90_000);
});
