import { constants } from 'node:os';
import { ConexxusSyncError, errorMessage } from './errors.ts';
import type { Logger } from './logger.ts';
import type { Redactor } from './redaction.ts';

type Release = () => Promise<void> | void;

/** What a process acquired, and the way back: last in, first out. */
export interface Lifecycle {
  /**
   * `release` gives back what was just acquired; one that takes longer than `timeoutMs` is left behind.
   * What is acquired after `close` began is released at once.
   */
  acquire(name: string, release: Release, timeoutMs?: number): void;
  /** Never rejects: an error of one releaser is logged and stops no other. */
  close(): Promise<void>;
}

const RELEASE_TIMEOUT_MS = 30_000;
/** npm passes a Ctrl-C on to a child that the terminal told already: so soon it is the same one. */
const SAME_SIGNAL_MS = 1_000;
/** Longest that a leaked handle may keep a process whose work is done. */
const LINGER_MS = 3_000;

export function createLifecycle(logger: Logger): Lifecycle {
  const acquired: (() => Promise<void>)[] = [];
  let closing: Promise<void> | undefined;

  async function releaseAll(): Promise<void> {
    for (let release = acquired.pop(); release; release = acquired.pop()) await release();
  }

  return {
    acquire(name, release, timeoutMs = RELEASE_TIMEOUT_MS) {
      acquired.push(async () => {
        try {
          await within(timeoutMs, release);
        } catch (err) {
          logger.error({ err, resource: name }, 'could not release');
        }
      });
      if (closing) closing = closing.then(releaseAll);
    },
    close() {
      closing ??= releaseAll();
      return closing;
    },
  };
}

/**
 * Resolves with the first SIGTERM or SIGINT. A Ctrl-C a second or more later ends the process at once, with
 * 130: the person at the keyboard has waited long enough. A SIGTERM does not: supervisors repeat it, and have
 * their SIGKILL for what takes too long.
 */
export function untilSignal(): Promise<NodeJS.Signals> {
  return new Promise((resolve) => {
    let firstAt: number | undefined;
    const onSignal = (signal: NodeJS.Signals) => {
      const isLater = firstAt !== undefined && performance.now() - firstAt >= SAME_SIGNAL_MS;
      if (isLater && signal === 'SIGINT') process.exit(128 + constants.signals[signal]);
      firstAt ??= performance.now();
      resolve(signal);
    };
    process.on('SIGTERM', onSignal);
    process.on('SIGINT', onSignal);
  });
}

/**
 * Starts what a process does, and resolves when it is told to stop; rejects where starting fails, or where `fail` is
 * called later. It does not wait for `start`, which may wait for Redis for ever: the jobs go on until the process is told.
 */
export async function runUntilTold(
  logger: Logger,
  start: (fail: (error: Error) => void) => Promise<void>,
): Promise<void> {
  const told = untilSignal();
  await new Promise<void>((resolve, reject) => {
    told.then((signal) => {
      logger.info({ signal }, 'stopping');
      resolve();
    }, reject);
    start(reject).catch(reject);
  });
}

/**
 * Runs the main function of a process file. What it throws goes to stderr (our own errors as their
 * message, others with their stack) and the exit code is 1. The process ends by itself once its
 * streams are written; where a forgotten handle keeps it, it is ended after 3 seconds.
 */
export async function runProcess(main: () => Promise<void>, redact: Redactor): Promise<void> {
  const fail = (thrown: unknown) => {
    process.stderr.write(`${isClean(thrown) ? errorMessage(thrown) : redact(describe(thrown))}\n`);
    process.exitCode = 1;
  };
  // Node's own report of these would pass no redaction.
  process.once('uncaughtException', (error) => {
    fail(error);
    process.exit();
  });
  try {
    await main();
  } catch (error) {
    fail(error);
  }
  setTimeout(() => process.exit(), LINGER_MS).unref();
}

function isClean(thrown: unknown): boolean {
  return thrown instanceof ConexxusSyncError && thrown.isClean;
}

function describe(thrown: unknown): string {
  if (thrown instanceof ConexxusSyncError || !(thrown instanceof Error)) return errorMessage(thrown);
  return thrown.stack ?? errorMessage(thrown);
}

async function within(timeoutMs: number, release: Release): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const deadline = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error(`not done after ${timeoutMs} ms`)), timeoutMs);
  });
  try {
    await Promise.race([release(), deadline]);
  } finally {
    clearTimeout(timer);
  }
}
