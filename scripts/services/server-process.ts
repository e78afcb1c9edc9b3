import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { errorMessage } from '../../src/base/errors.ts';
import type { GuardedFolder } from './guarded-folder.ts';
import type { Identity } from './machine.ts';
import { type OnEnded, type PrivateServer, ServiceEndedError, ServiceStartError } from './service.ts';

const START_TIMEOUT_MS = 60_000;
const STOP_TIMEOUT_MS = 10_000;

export interface ServerPlan {
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
  readonly env?: NodeJS.ProcessEnv;
  readonly identity?: Identity | undefined;
  /** Rejects until the server takes commands. */
  readonly answers: () => Promise<void>;
  /** The signal that ends it as a crash would. */
  readonly crashSignal: NodeJS.Signals;
  /** Told when it ends though nobody halted it. */
  readonly onEnded?: OnEnded | undefined;
}

type ServerProcess = Pick<PrivateServer, 'pid' | 'start' | 'halt' | 'stop'>;

/** Starts a server in its folder and waits until it answers; the folder is removed if it does not. */
export async function launchServer(folder: GuardedFolder, plan: ServerPlan): Promise<ServerProcess> {
  let child: ChildProcess | undefined;
  let halting = false;

  const halt = async (mode: 'fast' | 'immediate') => {
    if (!child) return;
    halting = true;
    await end(child, mode === 'fast' ? 'SIGINT' : plan.crashSignal);
    halting = false;
    child = undefined;
    folder.guard(undefined);
  };
  const start = async () => {
    if (child) return;
    child = spawnServer(folder, plan);
    folder.guard(child.pid);
    try {
      await untilAnswering(child, plan);
    } catch (error) {
      await halt('immediate');
      throw new ServiceStartError(`${plan.name} did not start: ${errorMessage(error)}\n${logTail(folder)}`, {
        cause: error,
      });
    }
    const running = child;
    onceEnded(running, () => {
      if (halting) return;
      folder.guard(undefined);
      plan.onEnded?.(endedError(running, folder, plan));
    });
  };
  const stop = async () => {
    await halt('fast');
    await folder.remove();
  };

  try {
    await start();
  } catch (error) {
    await folder.remove();
    throw error;
  }
  return {
    get pid() {
      return child?.pid;
    },
    start,
    halt,
    stop,
  };
}

function spawnServer(folder: GuardedFolder, plan: ServerPlan): ChildProcess {
  const log = openSync(logFile(folder), 'a');
  const child = spawn(plan.command, plan.args, {
    cwd: folder.path,
    env: { ...process.env, ...plan.env },
    // A session of its own, for the same reason as its guardian's.
    detached: true,
    stdio: ['ignore', log, log],
    ...plan.identity,
  });
  closeSync(log);
  child.unref();
  child.on('error', () => {
    // Seen as a server without a process id.
  });
  return child;
}

async function untilAnswering(child: ChildProcess, plan: ServerPlan): Promise<void> {
  const deadline = Date.now() + START_TIMEOUT_MS;
  for (;;) {
    if (child.pid === undefined) throw new Error(`${plan.command} cannot be run`);
    if (hasEnded(child)) throw new Error(`it ended with ${ending(child)}`);
    try {
      await plan.answers();
      return;
    } catch (error) {
      if (Date.now() > deadline) throw error;
      await sleep(50);
    }
  }
}

async function end(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (child.pid === undefined || hasEnded(child)) return;
  // Held again, so that a process with nothing else to do waits for the end.
  child.ref();
  const ended = new Promise((resolve) => child.once('exit', resolve));
  child.kill(signal);
  const last = setTimeout(() => child.kill('SIGKILL'), STOP_TIMEOUT_MS);
  await ended;
  clearTimeout(last);
}

function onceEnded(child: ChildProcess, then: () => void): void {
  if (hasEnded(child)) then();
  else child.once('exit', then);
}

function hasEnded(child: ChildProcess): boolean {
  return child.exitCode !== null || child.signalCode !== null;
}

function endedError(child: ChildProcess, folder: GuardedFolder, { name }: ServerPlan): ServiceEndedError {
  return new ServiceEndedError(`${name} ended with ${ending(child)}:\n${logTail(folder)}`);
}

function ending({ signalCode, exitCode }: ChildProcess): string {
  return signalCode ?? `exit code ${exitCode}`;
}

function logFile(folder: GuardedFolder): string {
  return join(folder.path, 'server.log');
}

/** All that the server has printed. */
export function readLog(folder: GuardedFolder): string {
  return readFileSync(logFile(folder), 'utf8');
}

function logTail(folder: GuardedFolder): string {
  return readLog(folder).split('\n').slice(-15).join('\n');
}
