import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { hasOpenssl, selfSigned } from '../conexxus/certificates.ts';
import { eventually } from '../support/eventually.ts';
import { makeSales } from '../support/sales.ts';
import { startSimulator } from '../support/simulator/simulator.ts';
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
