import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { writeReport } from '../../src/outbox/counts.ts';
import { type AlertReceiver, startAlertReceiver } from '../support/alert-receiver.ts';
import { eventually } from '../support/eventually.ts';
import { makeSales } from '../support/sales.ts';
import { type AlertingDashboard, startAlertingDashboard } from './alerts-stand.ts';
import { type FaultStand, startFaultStand } from './fault-stand.ts';

/** In one installation, one after the other; each is to be received once. */
let stand: FaultStand;
let receiver: AlertReceiver;
let heartbeats: AlertReceiver;
let dashboard: AlertingDashboard;
const SOON_MS = 40_000;
const CANARY = 'canary-operator';

beforeAll(async () => {
  receiver = await startAlertReceiver();
  heartbeats = await startAlertReceiver();
  stand = await startFaultStand({
    env: {
      CIRCUIT_OPEN: '2000',
      EVENT_BACKLOG_MAX: '100',
      ALERT_BACKLOG_AGE: '1000',
      ALERT_HEARTBEAT_URL: heartbeats.url,
      DASHBOARD_USER: 'olga',
      DASHBOARD_PASSWORD: CANARY,
    },
  });
  dashboard = await startAlertingDashboard(stand.env, receiver);
}, 60_000);

afterAll(async () => {
  await dashboard.process.stop();
  await stand.close();
  await receiver.stop();
  await heartbeats.stop();
});

async function begun(alert: string): Promise<string> {
  await eventually(() => expect(receiver.of(alert, 'begun')).toHaveLength(1), SOON_MS);
  return receiver.of(alert, 'begun')[0]?.text ?? '';
}

async function ended(alert: string): Promise<string> {
  await eventually(() => expect(receiver.of(alert, 'ended')).toHaveLength(1), SOON_MS);
  return receiver.of(alert, 'ended')[0]?.text ?? '';
}

describe('each kind of alert is received once, and its end', () => {
  it('no-worker; a heartbeat only while all is well', async () => {
    expect(await begun('no-worker')).toMatch(/No worker is alive: none is there.*npm run worker/);
    const beats = heartbeats.calls();
    await stand.startWorker({ WORKER_NAME: 'till-1' });
    expect(await ended('no-worker')).toMatch(/A worker is alive again\. It lasted \d+ s/);
    await eventually(() => expect(heartbeats.calls()).toBeGreaterThan(beats + 1));
  }, 90_000);

  it('dead-letters', async () => {
    for (const id of ['bad-1', 'bad-2']) {
      await stand.queue.add('push_sales', { date: '2026-02-30', locationId: 's' }, { jobId: id });
    }
    expect(await begun('dead-letters')).toMatch(
      /2 jobs were dead-lettered: invalid_data: .*dead-letters list --group/,
    );
  }, 60_000);

  it('suspect, circuit, and the age of the backlog', async () => {
    const [poison, ...others] = makeSales(40, 'poison');
    await stand.simulator.setFaults([
      { match: { transactionId: 'poison-0' }, fault: { kind: 'status', status: 503 } },
    ]);
    await stand.enqueue(poison === undefined ? [] : [poison]);
    expect(await begun('suspect')).toMatch(/A suspect: it may be this sale and not Conexxus: ps-/);
    expect(await begun('circuit')).toMatch(
      /The circuit is open: several calls in a row failed \(last: HTTP 503/,
    );
    await stand.simulator.setMode(503);
    await stand.enqueue(others);
    expect(await begun('backlog')).toMatch(
      /The oldest job .*The queue is paused: .*\d+ waiting, 0 under way/,
    );
    await stand.simulator.setFaults([]);
    await stand.simulator.setMode('ok');
    await stand.untilAtRest(60_000);
    expect(await ended('circuit')).toMatch(/Delayed were at most [34]\d jobs at a time/);
    expect(await ended('backlog')).toMatch(/No due job is too old any more/);
  }, 180_000);

  it('benched', async () => {
    await stand.startWorker({ WORKER_NAME: 'till-2', CONEXXUS_API_KEY: 'a-stale-key-1' });
    await eventually(async () => {
      await stand.enqueue(makeSales(20, randomUUID()));
      expect((await stand.circuit.status()).benched).toHaveLength(1);
    }, SOON_MS);
    expect(await begun('benched')).toMatch(/Worker till-2 is benched: Conexxus refuses its key/);
    await stand.workers[1]?.stop();
    expect(await ended('benched')).toMatch(/A benched worker is back, or gone: till-2\. It lasted/);
  }, 120_000);

  it('misconfigured', async () => {
    await stand.simulator.setMode(401);
    await stand.enqueue(makeSales(20, 'refused'));
    expect(await begun('misconfigured')).toMatch(/Conexxus refuses our key.*circuit trial/);
    await stand.simulator.setMode('ok');
    expect(await ended('misconfigured')).toMatch(/Conexxus accepts our key again/);
    await stand.untilAtRest();
  }, 120_000);

  it('events-50 and events-90, with one end for both', async () => {
    await stand.workers[0]?.stop();
    const add = async (rows: number) => {
      for (let row = 0; row < rows; row += 1) {
        const event = { dedupeKey: randomUUID(), type: 'conexxus.test', aggregateId: 'test', payload: {} };
        await stand.redis.xadd(`{${stand.namespace}}:events`, '*', 'event', JSON.stringify(event));
      }
    };
    await add(50);
    expect(await begun('events-50')).toMatch(
      /5\d rows of the event log wait for Postgres, 5\d % of EVENT_BACKLOG_MAX/,
    );
    await add(40);
    expect(await begun('events-90')).toMatch(/9\d rows of the event log wait for Postgres, 9\d %/);
    await stand.startWorker({ WORKER_NAME: 'till-3' });
    expect(await ended('events-50')).toMatch(/below half/);
  }, 120_000);

  it('nothing-completes', async () => {
    await stand.workers.at(-1)?.stop();
    await stand.startWorker({ STUCK: 'fetch' }, 'test/faults/worker-that-is-stuck.ts');
    await stand.enqueue(makeSales(2, 'stuck'));
    expect(await begun('nothing-completes')).toMatch(/Workers are alive and nothing is done: 1 there/);
    await stand.startWorker({ WORKER_NAME: 'till-4' });
    expect(await ended('nothing-completes')).toMatch(/Jobs are done again/);
  }, 120_000);

  it('relay-silent and outbox-backlog', async () => {
    const now = Date.now();
    const counts = { waiting: 12, enqueued: 0, dead: 0, apart: 0, oldestAt: now - 60_000 };
    const relay = { name: 'pos-1', workingMs: 1, held: null, untaken: 0, now };
    await writeReport(stand.redis, stand.namespace, { relay, total: counts, stores: new Map() }, true);
    expect(await begun('outbox-backlog')).toMatch(/The oldest sale that waits in the outbox .*: 12 wait/);
    expect(await begun('relay-silent')).toMatch(
      /No relay works: the last one, pos-1, fell silent\. 12 sales waited/,
    );
    const isWell = {
      relay: { ...relay, now: now + 60_000 },
      total: { ...counts, waiting: 0, oldestAt: null },
    };
    await eventually(async () => {
      await writeReport(stand.redis, stand.namespace, { ...isWell, stores: new Map() }, true);
      expect(receiver.of('relay-silent', 'ended')).toHaveLength(1);
    }, SOON_MS);
    expect(await ended('relay-silent')).toMatch(/A relay works again/);
    expect(await ended('outbox-backlog')).toMatch(/No sale in the outbox is too old/);
  }, 120_000);

  it('no-catalog', async () => {
    const insert = (at: string) => stand.database.sql`
      insert into event_log (event_type, aggregate_id, "timestamp", payload, dedupe_key)
      values ('conexxus.sync.succeeded.fetch_inventory', 'j', ${at}::timestamptz, '{}', ${randomUUID()})`;
    await insert(new Date(Date.now() - 25 * 3_600_000).toISOString());
    expect(await begun('no-catalog')).toMatch(/No catalog came from Conexxus for a day/);
    await insert(new Date().toISOString());
    expect(await ended('no-catalog')).toMatch(/A catalog came again/);
  }, 90_000);

  it('and none twice, under its own id, without a secret', async () => {
    const names = receiver.taken.map(({ data }) => `${String(data['cause'])} ${String(data['phase'])}`);
    const ids = receiver.taken.map(({ headers }) => headers['webhook-id']);
    expect(new Set(ids).size).toBe(ids.length);
    // They come back where a kind has more than one cause.
    expect(
      names.filter(
        (name, index) => names.indexOf(name) !== index && !/^(no-worker|backlog|relay-silent)/.test(name),
      ),
    ).toEqual([]);
    const all = receiver.taken.map(({ raw }) => raw).join('\n');
    for (const secret of [CANARY, stand.simulator.apiKey, receiver.secret, 'canary-hook', 'a-stale-key-1']) {
      expect(all).not.toContain(secret);
    }
    for (const { text } of receiver.of('circuit', 'begun')) expect(text).toContain('Nothing is lost');
    if (process.env['SHOW_ALERTS'] === '1')
      process.stderr.write(`${receiver.taken.map(({ text }) => text).join('\n')}\n`);
  });
});
