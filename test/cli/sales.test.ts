import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { migrateOutbox } from '../../src/outbox/migrate.ts';
import { aLine, aPayload } from '../outbox/tables.ts';
import { eventually } from '../support/eventually.ts';
import { aSale } from '../support/outbox.ts';
import type { RunningProcess } from '../support/process.ts';
import { type Stand, startStand } from '../support/stand.ts';
import { runCommand } from './command.ts';

let stand: Stand;
let worker: RunningProcess | undefined;

beforeAll(async () => {
  stand = await startStand();
});

afterEach(async () => {
  await worker?.stop();
  worker = undefined;
  await stand.simulator.setFaults([]);
  await stand.queue.obliterate({ force: true });
});

afterAll(() => stand.close());

const where = () => ({
  REDIS_URL: stand.env['REDIS_URL'],
  DATABASE_URL: stand.databaseUrl,
  SYNC_NAMESPACE: stand.namespace,
});
const show = (args: readonly string[], env: NodeJS.ProcessEnv = {}) =>
  runCommand(['sales', 'show', ...args], { ...where(), ...env });

async function shown(...args: string[]) {
  const { code, out, err } = await show([...args, '--json']);
  expect([code, err]).toEqual([0, '']);
  return JSON.parse(out);
}

async function startWorker(): Promise<void> {
  worker = await stand.startWorker({
    WORKER_NAME: 'back-office',
    CONEXXUS_RETRIES: '0',
    CONEXXUS_RETRY_DELAY: '60000',
  });
}

/** Once its rows are written. */
async function written(jobId: string, type: string): Promise<void> {
  await eventually(async () => {
    const rows = await stand.database.sql`
      select from event_log where aggregate_id = ${jobId} and event_type like ${`${type}%`}`;
    expect(rows.length).toBeGreaterThan(0);
  }, 30_000);
}

const AWAY = 'redis://127.0.0.1:1';

describe('sales show', () => {
  it('of an id that nobody has heard of exits 1', async () => {
    expect(await show(['T-0'])).toEqual({ code: 1, out: 'T-0: nobody has heard of it\n', err: '' });
    const { out } = await show(['T-0', '--location', 'store-7', '--date', '2026-11-24']);
    expect(out).toBe('T-0 of store-7 on 2026-11-24: nobody has heard of it\n');
  });

  it('is not sure where a store of facts could not be asked', async () => {
    const { code, out } = await show(['T-0'], { REDIS_URL: AWAY, DATABASE_URL: '' });
    expect(code).toBe(1);
    expect(out.split('\n')).toEqual([
      'T-0: not found where it was looked for',
      '',
      expect.stringMatching(/^The queue: Redis does not answer .*: is it running at REDIS_URL\?$/),
      'The event log: not asked: DATABASE_URL is not set',
      'The outbox: not asked: DATABASE_URL is not set',
      '',
    ]);
  });

  it('waiting, and tried by nobody yet: found by its transaction in the queue, with what the queue waits for', async () => {
    const [jobId = ''] = await stand.enqueue([aSale('T-1')]);
    await stand.queue.pause();
    const { code, out } = await show(['T-1']);
    expect(code).toBe(0);
    expect(out.split('\n').slice(0, 4)).toEqual([
      'T-1, store-1, 2026-11-24: waits in the queue, not tried yet; the queue is paused: a person paused the queue',
      `  job  ${jobId}`,
      '',
      'The event log has no row of it.',
    ]);
    await stand.queue.resume();
    expect((await show(['T-1'])).out).toContain(
      'not tried yet; no worker is alive: nothing is sent until one is',
    );
    expect(await shown(jobId)).toMatchObject({
      id: jobId,
      sales: [{ locationId: 'store-1', date: '2026-11-24', answer: { state: 'waiting' }, history: [] }],
      notAsked: { queue: null, eventLog: null, outbox: null },
    });
  });

  it('failed, and tried again later: says when, and what Conexxus answered', async () => {
    const body = { success: false, error: 'come \u001B[31mback\nlater' };
    await stand.simulator.setFaults([{ fault: { kind: 'status', status: 500, body } }]);
    await startWorker();
    const [jobId = ''] = await stand.enqueue([aSale('T-2')]);
    await written(jobId, 'conexxus.sync.failed');
    const { out } = await show(['T-2']);
    expect(out).toMatch(
      /^T-2, store-1, 2026-11-24: waits, tried once, next try at 20\d\d-\S+ \d\d:\d\d:\d\d UTC \(in \d+ s\)\n/,
    );
    expect(out).toMatch(
      /^ {2}20\d\d-\S+ \S+ UTC {2}sync\.failed\.push_sales {2}transient, attempt 1, .*HTTP 500.*, by back-office$/m,
    );
    expect(out).toMatch(/^ {4}answered: \{.*come .*31mback.*later.*\}$/m);
    expect(out).not.toContain('\u001B');
  });

  it('rejected: dead, and why', async () => {
    const body = { success: false, error: 'no such item, says canary-key-2' };
    await stand.simulator.setFaults([{ fault: { kind: 'status', status: 422, body } }]);
    await startWorker();
    const [jobId = ''] = await stand.enqueue([aSale('T-3')]);
    await written(jobId, 'conexxus.sync.dead_lettered');
    const { code, out } = await show(['T-3'], { CONEXXUS_API_KEY: 'canary-key-2' });
    expect(code).toBe(0);
    expect(out).toMatch(/^T-3, store-1, 2026-11-24: dead since 20.* \(.*\): .*no such item/);
    expect(out).not.toContain('canary-key-2');
    expect((await shown('T-3')).sales[0].answer.state).toBe('dead');
  });

  it('delivered, in two stores: each with its own answer, or the one that is asked for', async () => {
    await startWorker();
    const ids = await stand.enqueue([aSale('T-4'), aSale('T-4', { locationId: 'store-2' })]);
    for (const id of ids) await written(id, 'conexxus.sync.succeeded');
    const both = await show(['T-4']);
    expect(both.out).toMatch(/^T-4 is 2 sales, each of its own store or day\.\n\n/);
    expect(both.out).toMatch(
      /^T-4, store-1, 2026-11-24: delivered at 20.* UTC \(.*\), HTTP 200, by back-office$/m,
    );
    expect(both.out).toMatch(/^T-4, store-2, 2026-11-24: delivered at /m);
    expect(await shown('T-4', '--location', 'store-2')).toMatchObject({
      sales: [{ locationId: 'store-2', answer: { state: 'delivered' }, jobs: [{ id: ids[1] }] }],
    });
    expect((await show(['T-4', '--date', '2026-11-23'])).code).toBe(1);

    // What Redis alone remembers, once the queue and the log have forgotten it.
    await stand.queue.obliterate({ force: true });
    await stand.database.sql`delete from event_log where aggregate_id = ${ids[0] ?? ''}`;
    const { out } = await show([ids[0] ?? '']);
    expect(out).toMatch(/^ps-[0-9a-f]{64}, no store, no date: delivered: Redis remembers it/);
  });

  it('told by the log alone where Redis is away', async () => {
    await startWorker();
    const [jobId = ''] = await stand.enqueue([aSale('T-5')]);
    await written(jobId, 'conexxus.sync.succeeded');
    const { code, out } = await show(['T-5'], { REDIS_URL: AWAY });
    expect(code).toBe(0);
    expect(out).toMatch(/^T-5, store-1, 2026-11-24: delivered at /);
    expect(out).toMatch(/\nThe queue: Redis does not answer /);
  });
});

describe('sales show, of a store with an outbox', () => {
  beforeAll(() => migrateOutbox(stand.database));

  it('waiting there, set apart there, or delivered from there long ago', async () => {
    const { sql } = stand.database;
    await aLine(sql, { id: 'T-6', agoMs: 60_000 });
    await aLine(sql, { id: 'T-7', fate: 'apart', reason: 'its total \u001B[2J is no number' });
    const line = await aLine(sql, { id: 'T-8' });
    const syncKey = `ps-${'8'.repeat(64)}`;
    await aPayload(sql, [line], { state: 'delivered', syncKey });
    expect((await show(['T-6'])).out).toMatch(/^T-6, store-7, 2026-11-24: waits in the outbox since 20/);
    const { out } = await show(['T-7']);
    expect(out).toMatch(/^T-7, .*: set apart, and waits for a person at 20.*: its total .*2J is no number$/m);
    expect(out).not.toContain('\u001B');
    expect(await shown('T-8')).toMatchObject({
      sales: [{ answer: { state: 'delivered' }, jobs: [], outbox: [{ line, state: 'delivered' }] }],
    });
    expect(await shown(syncKey)).toMatchObject({
      sales: [{ locationId: 'store-7', date: '2026-11-24', answer: { state: 'delivered' } }],
    });
  });
});
