import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from '@jest/globals';
import { freePort } from '../../../scripts/services/machine.ts';
import type { PrivateServer } from '../../../scripts/services/service.ts';
import { type FaultStand, startFaultStand } from '../../faults/fault-stand.ts';
import { eventually } from '../eventually.ts';
import { type RunningProcess, startProcess } from '../process.ts';
import { makeSales } from '../sales.ts';
import { untilLogged } from './logged.ts';
import type { Situation } from './readme.ts';
import { createTypist } from './typist.ts';

/** An installation in which situations are made: two workers, `till-1` and `till-7`, and a dashboard. */
export interface RunbookStand extends FaultStand {
  readonly servers: Servers;
  readonly tills: readonly [one: RunningProcess, seven: RunningProcess];
  /** Into the files of both workers, or of the one. */
  writeKey(key: string, till?: 'till-7'): void;
  sell(count: number): Promise<unknown>;
  /** One of store-7, whose job is `store-7-<transaction>`. */
  sellAtSeven(transaction: string, timestamp?: number): Promise<void>;
  /** Until the circuit is closed and nothing is left to do. */
  untilOver(): Promise<void>;
  /** Makes the situation, block by block, types what the README says, and expects what it shows. */
  expectTrue(situation: Situation, made: Made): Promise<void>;
}

/** Of the stand's own, where it is about them. */
interface Servers {
  readonly redis?: PrivateServer;
  readonly postgres?: PrivateServer;
}

/** What happens in a situation beside the commands, once before each block of them. */
export type Made = readonly ((stand: RunbookStand) => Promise<unknown>)[];

export const KEY = 'the-first-key-0123456789';
const HAS_CURL = isHere('curl');
const TILLS = ['till-1', 'till-7'] as const;

export async function startRunbookStand(servers: Servers = {}): Promise<RunbookStand> {
  const folder = mkdtempSync(join(tmpdir(), 'conexxus-sync-runbook-'));
  const writeKey = (key: string, only?: 'till-7') => {
    for (const till of only === undefined ? TILLS : [only]) writeFileSync(join(folder, till), key);
  };
  writeKey(KEY);
  const [page, health] = [await freePort(), await freePort()];
  const env = {
    CIRCUIT_OPEN: '60000',
    CIRCUIT_OPEN_MAX: '600000',
    CONEXXUS_TIMEOUT: '10000',
    EVENT_BACKLOG_MAX: '100',
    DASHBOARD_PORT: String(page),
  };
  const { redis, postgres } = servers;
  const stand = await startFaultStand({
    simulator: { apiKey: KEY },
    env,
    ...(redis && { redisUrl: redis.url }),
    ...(postgres && { databaseUrl: postgres.url }),
  });
  const startTill = (name: (typeof TILLS)[number], more: Readonly<Record<string, string>>) =>
    stand.startWorker({
      WORKER_NAME: name,
      CONEXXUS_API_KEY: '',
      CONEXXUS_API_KEY_FILE: join(folder, name),
      ...more,
    });
  const tills = await Promise.all([
    startTill('till-1', {}),
    startTill('till-7', { WORKER_HEALTH_PORT: String(health) }),
  ]);
  const dashboard = startProcess('dist/dashboard.js', stand.env);
  await dashboard.waitForLog('dashboard is up');
  const pages = [page, health].map((port) => `http://127.0.0.1:${port}`);
  const typist = createTypist(stand.env, {
    'http://127.0.0.1:3000': `http://127.0.0.1:${page}`,
    'http://till-7:9100': `http://127.0.0.1:${health}`,
  });
  let batch = 0;

  /** Until all that a situation left behind is delivered, or gone. */
  async function calm(): Promise<void> {
    writeKey(KEY);
    await stand.simulator.setSettings({ apiKey: KEY, latency: null });
    await stand.calm();
    await eventually(() => expectNothingLeft(stand), 20_000);
  }

  const runbookStand: RunbookStand = {
    ...stand,
    servers,
    tills,
    writeKey,
    sell(count) {
      batch += 1;
      return stand.enqueue(makeSales(count, `batch-${batch}`));
    },
    async sellAtSeven(transaction, timestamp = Date.now()) {
      const [sale] = makeSales(1, transaction);
      const transactions = sale?.transactions?.map((each) => ({ ...each, id: transaction }));
      const data = { ...sale, date: '2026-11-28', locationId: 'store-7', transactions };
      await stand.queue.add('push_sales', data, { jobId: `store-7-${transaction}`, timestamp });
    },
    async untilOver() {
      await stand.simulator.setSettings({ latency: null });
      await eventually(async () => {
        expect((await stand.circuit.status()).state).toBe('closed');
        const { waiting, active } = await stand.queue.getJobCounts('waiting', 'active');
        expect({ waiting, active }).toEqual({ waiting: 0, active: 0 });
      }, 20_000);
    },
    async expectTrue(situation, made) {
      const since = tills.map(({ logs }) => logs.length);
      for (const [index, block] of situation.blocks.entries()) {
        await made[index]?.(runbookStand);
        for (const typed of block) {
          if (HAS_CURL || !typed.command.startsWith('curl ')) await typist.expectTyped(typed);
        }
        if (index === 0) await expectMetrics(situation, pages);
      }
      await untilLogged(tills, since, situation.quoted);
      await typist.stop();
      await calm();
    },
    async close() {
      await typist.stop();
      await dashboard.stop();
      await stand.close();
      rmSync(folder, { recursive: true });
    },
  };
  return runbookStand;
}

function isHere(program: string): boolean {
  try {
    execFileSync(program, ['--version'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

async function expectNothingLeft({ queue }: FaultStand): Promise<void> {
  await queue.promoteJobs();
  const left = await queue.getJobCounts('waiting', 'active', 'delayed');
  expect(left).toEqual({ waiting: 0, active: 0, delayed: 0 });
}

async function expectMetrics({ compared }: Situation, pages: readonly string[]): Promise<void> {
  for (const { series, holds } of compared) {
    await eventually(async () => {
      const texts = await Promise.all(pages.map(metricsOf));
      const lines = texts.flatMap((text) => text.split('\n')).filter((line) => line.startsWith(`${series} `));
      expect(lines.filter((line) => holds(Number(line.slice(series.length))))).not.toEqual([]);
    }, 15_000);
  }
}

/** Nothing of a process that has ended. */
async function metricsOf(page: string): Promise<string> {
  try {
    const answer = await fetch(`${page}/metrics`);
    return await answer.text();
  } catch {
    return '';
  }
}
