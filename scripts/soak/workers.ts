import { type ChildProcess, spawn } from 'node:child_process';
import { appendFileSync, closeSync, mkdtempSync, openSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';

/** What a worker told of itself. */
export interface Sample {
  /** Milliseconds since the soak began. */
  readonly at: number;
  readonly rssBytes: number;
  /** The usual delay of its event loop in the last two seconds, and the longest. */
  readonly typicalMs: number;
  readonly delayMs: number;
}

/** One of the workers: a process, and the next when that has ended. */
export interface SoakWorker {
  readonly name: string;
  readonly samples: readonly Sample[];
  /** Processes started so far. */
  readonly starts: number;
  /** Of these: killed. */
  readonly kills: number;
  start(): void;
  signal(signal: NodeJS.Signals): void;
  /** Ends the process and resolves when it is gone; `code` is null where a signal ended it. */
  end(signal: 'SIGKILL' | 'SIGTERM'): Promise<{ readonly code: number | null }>;
}

export interface Crew {
  readonly workers: readonly SoakWorker[];
  /** What they wrote, each into a file of its name, and `faults.log`. */
  readonly logFolder: string;
  /** A line of `faults.log`, with the time. */
  note(line: string): void;
  /** Ends whatever runs; without `keepLogs` nothing is left of it. */
  stop(keepLogs: boolean): Promise<void>;
}

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const PROBE = new URL('./probe.mjs', import.meta.url).href;
const STOP_TIMEOUT_MS = 45_000;
const report = z.object({ rss: z.number(), typicalMs: z.number(), delayMs: z.number() });

/** `onLost` hears of a worker that ended without being told to; it is started again. */
export function startCrew(
  count: number,
  env: Readonly<Record<string, string>>,
  onLost: (what: string) => void,
): Crew {
  const logFolder = mkdtempSync(join(tmpdir(), 'conexxus-sync-soak-'));
  const startedAt = performance.now();
  const workers = Array.from({ length: count }, (_, index) => {
    const name = `worker-${index + 1}`;
    return createWorker({ name, env, log: join(logFolder, `${name}.log`), startedAt, onLost });
  });
  for (const worker of workers) worker.start();
  return {
    workers,
    logFolder,
    note: (line) => appendFileSync(join(logFolder, 'faults.log'), `${new Date().toISOString()} ${line}\n`),
    async stop(keepLogs) {
      await Promise.all(workers.map((worker) => worker.end('SIGTERM')));
      if (!keepLogs) rmSync(logFolder, { recursive: true, force: true });
    },
  };
}

interface WorkerPlan {
  readonly name: string;
  readonly env: Readonly<Record<string, string>>;
  readonly log: string;
  readonly startedAt: number;
  readonly onLost: (what: string) => void;
}

function createWorker({ name, env, log, startedAt, onLost }: WorkerPlan): SoakWorker {
  const samples: Sample[] = [];
  let child: ChildProcess | undefined;
  let starts = 0;
  let kills = 0;
  // A frozen process finds its event loop late; that is our doing.
  let thawed = false;

  function start(): void {
    const started = spawnWorker(env, log);
    child = started;
    starts += 1;
    started.on('message', (message) => {
      const { rss, ...delays } = report.parse(message);
      if (!thawed) samples.push({ at: performance.now() - startedAt, rssBytes: rss, ...delays });
      thawed = false;
    });
    started.once('exit', (code, signal) => {
      if (child !== started) return;
      onLost(`${name} ended by itself (${signal ?? `exit code ${code}`})`);
      start();
    });
  }

  return {
    name,
    samples,
    get starts() {
      return starts;
    },
    get kills() {
      return kills;
    },
    start,
    signal(signal) {
      if (signal === 'SIGCONT') thawed = true;
      child?.kill(signal);
    },
    async end(signal) {
      const ending = child;
      child = undefined;
      if (ending === undefined) return { code: 0 };
      if (signal === 'SIGKILL') kills += 1;
      return endOf(ending, signal);
    },
  };
}

function spawnWorker(env: Readonly<Record<string, string>>, log: string): ChildProcess {
  const { PATH = '', HOME = '', TZ = 'UTC' } = process.env;
  const output = openSync(log, 'a');
  const child = spawn(process.execPath, ['--import', PROBE, 'dist/worker.js'], {
    cwd: ROOT,
    env: { PATH, HOME, TZ, ...env },
    // Ctrl-C in the terminal is for the soak, which needs them for its last check.
    detached: true,
    stdio: ['ignore', output, output, 'ipc'],
  });
  closeSync(output);
  return child;
}

async function endOf(child: ChildProcess, signal: NodeJS.Signals): Promise<{ code: number | null }> {
  const ended = new Promise<number | null>((resolve) => {
    if (child.exitCode !== null || child.signalCode !== null) resolve(child.exitCode);
    else child.once('exit', resolve);
  });
  const killer = setTimeout(() => child.kill('SIGKILL'), STOP_TIMEOUT_MS);
  child.kill(signal);
  const code = await ended;
  clearTimeout(killer);
  return { code };
}
