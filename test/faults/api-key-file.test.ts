import { randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { eventually } from '../support/eventually.ts';
import { type RunningProcess, startProcess } from '../support/process.ts';
import { makeSales } from '../support/sales.ts';
import type { LedgerEntry } from '../support/simulator/protocol.ts';
import { expectNone, pagePaths, wordsOf } from './canaries.ts';
import { type FaultStand, SALES_PATH, startFaultStand } from './fault-stand.ts';
import { redisTexts } from './redis-texts.ts';

const run = randomBytes(4).toString('hex');
const KEYS = { old: `CanaryOldKey-"&%41<-${run}`, new: `CanaryNewKey-"&%41<-${run}` };
const WORKERS = 3;
const ONCE_EACH = [1, 1, 1];
/** How soon after the change no call may have the old key any more. */
const CHANGED_MS = 1_000;

let folder: string;
let stand: FaultStand;
/** Beside the workers. */
let others: RunningProcess[];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'conexxus-sync-row-64-'));
  others = [];
});

afterEach(async () => {
  await Promise.all(others.map((each) => each.stop()));
  await stand.close();
  rmSync(folder, { recursive: true });
});

async function startWith(keyFile: string): Promise<void> {
  stand = await startFaultStand({
    simulator: { apiKey: KEYS.old, latency: { kind: 'fixed', ms: 20 } },
    env: { CONEXXUS_API_KEY: '', CONEXXUS_API_KEY_FILE: keyFile, LOG_LEVEL: 'trace', DASHBOARD_PORT: '0' },
  });
  await stand.startWorkers(WORKERS);
  await stand.calm();
}

/** The file, and how it is replaced: by the new name for it, at once. */
function plainFile() {
  const path = join(folder, 'api-key');
  writeFileSync(path, `${KEYS.old}\n`);
  const replace = (content: string) => {
    writeFileSync(`${path}.new`, content);
    renameSync(`${path}.new`, path);
  };
  return { path, replace };
}

/** A mounted secret of Kubernetes: `key` leads to `..data/key`, and `..data` to the folder that is current. */
function mountedSecret() {
  const path = join(folder, 'key');
  let version = 0;
  const replace = (content: string) => {
    version += 1;
    mkdirSync(join(folder, `..${version}`));
    writeFileSync(join(folder, `..${version}`, 'key'), content);
    symlinkSync(`..${version}`, join(folder, '..data_tmp'));
    renameSync(join(folder, '..data_tmp'), join(folder, '..data'));
    rmSync(join(folder, `..${version - 1}`), { recursive: true, force: true });
  };
  replace(KEYS.old);
  symlinkSync(join('..data', 'key'), path);
  return { path, replace };
}

/** Fifty sales a second for as long as `during` takes; the ids of their jobs. */
async function underLoad(during: () => Promise<void>): Promise<string[]> {
  const jobIds: string[] = [];
  const end = new AbortController();
  const load = (async () => {
    for (let batch = 0; !end.signal.aborted; batch += 1) {
      jobIds.push(...(await stand.enqueue(makeSales(5, `row-64-${batch}`))));
      await delay(100);
    }
  })();
  try {
    await during();
  } finally {
    end.abort();
    await load;
  }
  return jobIds;
}

async function callsWith(apiKey: string, since = 0): Promise<LedgerEntry[]> {
  const calls = await stand.simulator.ledger({ path: SALES_PATH });
  return calls.filter((call) => call.apiKey === apiKey && call.receivedAt > since);
}

async function refusedCalls(): Promise<LedgerEntry[]> {
  const calls = await stand.simulator.ledger({ path: SALES_PATH });
  return calls.filter(({ status }) => status === 401);
}

const untilCalled = (key: string, since = 0) =>
  eventually(async () => expect((await callsWith(key, since)).length).toBeGreaterThan(20), 20_000);

async function expectAllDelivered(jobIds: readonly string[]): Promise<void> {
  await stand.untilAtRest(30_000);
  expect(new Set(await stand.states(jobIds))).toEqual(new Set(['completed']));
  expect(await stand.queue.getFailedCount()).toBe(0);
  const { problems, unlogged } = await stand.reconcile();
  expect(problems).toEqual([]);
  // The one attempt that makes two calls: the first was refused for the key that the second has no more.
  const refused = new Set((await refusedCalls()).map(({ key }) => key));
  expect(unlogged.filter((key) => !refused.has(key))).toEqual([]);
}

function linesOf(msg: string): number[] {
  return stand.workers.map(({ logs }) => logs.filter((line) => line.msg === msg).length);
}

describe('a key file that is replaced while the workers are running', () => {
  it('[64] renamed over while both keys are good: after a second no call has the old one', async () => {
    const file = plainFile();
    await startWith(file.path);
    let replacedAt = 0;
    const jobIds = await underLoad(async () => {
      await untilCalled(KEYS.old);
      await stand.simulator.setSettings({ apiKey: KEYS.new, otherApiKeys: [KEYS.old] });
      file.replace(`${KEYS.new}\n`);
      replacedAt = Date.now();
      await untilCalled(KEYS.new, replacedAt + CHANGED_MS);
      await stand.simulator.setSettings({ otherApiKeys: [] });
      await untilCalled(KEYS.new, Date.now());
    });
    await expectAllDelivered(jobIds);
    expect(await callsWith(KEYS.old, replacedAt + CHANGED_MS)).toEqual([]);
    expect((await stand.simulator.summary()).byStatus).toEqual({ 200: expect.any(Number) });
    expect(linesOf('API key changed')).toEqual(ONCE_EACH);
    await stand.expectSums();
  }, 90_000);

  it('[64] mounted by Kubernetes, swapped and revoked at once: no attempt fails, the circuit stays closed', async () => {
    const file = mountedSecret();
    await startWith(file.path);
    const changes: { readonly from: string; readonly at: number }[] = [];
    const jobIds = await underLoad(async () => {
      await untilCalled(KEYS.old);
      // Until some calls were caught in between, which the second or third change sees to.
      for (let key = KEYS.old; (await refusedCalls()).length === 0; ) {
        const next = `${KEYS.new}-${changes.length}`;
        file.replace(next);
        changes.push({ from: key, at: Date.now() });
        await stand.simulator.setSettings({ apiKey: next });
        await untilCalled(next, Date.now() + CHANGED_MS);
        key = next;
      }
    });
    await expectAllDelivered(jobIds);
    for (const { from, at } of changes) expect(await callsWith(from, at + CHANGED_MS)).toEqual([]);
    expect(await stand.failures(jobIds)).toEqual([]);
    expect(await stand.openings()).toEqual([]);
    expect(linesOf('API key changed')).toEqual(Array.from({ length: WORKERS }, () => changes.length));
  }, 90_000);

  it('[64] revoked before, and empty for a while: nothing burnt, said once, and with the new key all flows', async () => {
    const file = plainFile();
    await startWith(file.path);
    const jobIds = await underLoad(async () => {
      await untilCalled(KEYS.old);
      await stand.simulator.setSettings({ apiKey: KEYS.new });
      await eventually(async () => expect((await stand.openings()).length).toBeGreaterThan(0), 20_000);
      file.replace('');
      const noKey = /holds no key/;
      await Promise.all(stand.workers.map((each) => each.waitForLog(({ msg = '' }) => noKey.test(msg))));
      const refused = (await refusedCalls()).length;
      await eventually(async () => expect((await refusedCalls()).length).toBeGreaterThan(refused), 20_000);
      file.replace(`${KEYS.new}\n`);
      await untilCalled(KEYS.new);
    });
    await expectAllDelivered(jobIds);
    expect(new Set(await stand.openings())).toEqual(new Set(['misconfigured']));
    expect(await attemptsOf(jobIds)).toEqual([1]);
    const kept = 'the API key file holds no key that can be used: the one before stays in use';
    expect(linesOf(kept)).toEqual(ONCE_EACH);
  }, 90_000);
});

/** Numbers of the attempts: one that counted would have made the next one the second. */
async function attemptsOf(jobIds: readonly string[]): Promise<number[]> {
  const { sql } = stand.database;
  const rows = await sql<{ attempt: number }[]>`
    select distinct (payload->>'attempt')::int as attempt from event_log
    where event_type like 'conexxus.sync.%' and aggregate_id in ${sql(jobIds)}`;
  return rows.map(({ attempt }) => attempt);
}

describe('the old key and the new one', () => {
  /** What an API, a proxy or a careless till might say. */
  const echo = `keys ${KEYS.old} ${encodeURIComponent(KEYS.old)} ${KEYS.new} ${encodeURIComponent(KEYS.new)}`;

  it('[64] are in no log, Redis value, row or page', async () => {
    const file = plainFile();
    await startWith(file.path);
    const dashboard = startProcess('dist/dashboard.js', stand.env);
    others.push(dashboard);
    const { port } = await dashboard.waitForLog('dashboard is up');
    const page = async (path: string) =>
      `${path} ${await (await fetch(`http://127.0.0.1:${String(port)}${path}`)).text()}`;

    await stand.enqueue(makeSales(20, 'before'));
    await stand.simulator.setSettings({ apiKey: KEYS.new, otherApiKeys: [KEYS.old] });
    file.replace(`${KEYS.new}\n`);
    await Promise.all(stand.workers.map((worker) => worker.waitForLog('API key changed')));
    const error = { success: false, error: echo };
    const at = (n: number) => ({ transactionId: `echo-${n}`, times: 1 });
    await stand.simulator.setFaults([
      { match: at(0), fault: { kind: 'status', status: 400, body: error } },
      { match: at(1), fault: { kind: 'status', status: 500, body: error } },
      { match: at(2), fault: { kind: 'status', status: 401, body: error } },
      { match: at(3), fault: { kind: 'status', status: 200, headers: { 'content-type': `a/${KEYS.new}` } } },
    ]);
    const sales = makeSales(6, 'echo').map((sale) => Object.assign(sale, { note: echo, [echo]: 'a name' }));
    const [dead = '', , , unread = ''] = await stand.enqueue(sales);
    stand.lostAnswers.add(unread);
    await stand.untilAtRest(30_000);
    expect(await stand.states([dead])).toEqual(['failed']);

    const pages = await eventually(async () => {
      const job = await page(`/queues/api/queues/sync/${dead}`);
      expect(job).toContain('[redacted]');
      expectNone(KEYS, 'the page of a dead letter', [job]);
      return Promise.all(pagePaths([dead, unread]).map(page));
    });
    expectNone(KEYS, 'pages', pages);
    expectNone(KEYS, 'logs', [...stand.workers, dashboard].map(wordsOf));
    expectNone(KEYS, 'Redis', await redisTexts(stand.redis, stand.namespace));
    const rows = await stand.database.sql<{ text: string }[]>`select event_log::text as text from event_log`;
    expectNone(
      KEYS,
      'event_log',
      rows.map(({ text }) => text),
    );
    expect(rows.filter(({ text }) => text.includes('[redacted]')).length).toBeGreaterThan(5);
    await stand.expectSums();
  }, 90_000);
});
