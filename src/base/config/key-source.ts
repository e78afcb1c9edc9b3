import { errorMessage } from '../errors.ts';
import type { Logger } from '../logger.ts';
import { followKeyFile } from './key-file.ts';

/** Where the API key comes from while the process runs: it may change without a restart. */
export interface KeySource {
  /** The key to call with; costs nothing. */
  current(): string;
  /**
   * Looks into the file now, for whoever was refused with the key: afterwards `current` is what the file
   * holds. Never rejects, and gives up after a second on a file system that hangs.
   */
  reread(): Promise<void>;
  /** Called after each change, when `current` is the new key already; what it throws is logged. */
  onChange(listener: () => void): void;
  stop(): void;
}

export interface KeySourceOptions {
  /** As it was read at the start. */
  readonly apiKey: string;
  /** Undefined: the key is in a variable, and stays. */
  readonly apiKeyFile?: string | undefined;
  /** Told of a new key before anybody can call with it, so that no text shows it. */
  readonly learn: (key: string) => void;
  readonly logger: Logger;
}

const REREAD_MAX_MS = 1_000;

export function startKeySource({ apiKey, apiKeyFile, learn, logger }: KeySourceOptions): KeySource {
  const listeners = new Set<() => void>();
  let current = apiKey;
  let lastProblem: string | undefined;

  function onKey(key: string): void {
    if (lastProblem !== undefined) logger.info({ file: apiKeyFile }, 'the API key file is in order again');
    lastProblem = undefined;
    if (key === current) return;
    learn(key);
    current = key;
    for (const listener of listeners) notify(listener, logger);
  }

  // Once, not at each look: it may stay so for hours.
  function onProblem(problem: string): void {
    if (problem === lastProblem) return;
    lastProblem = problem;
    const text = 'the API key file holds no key that can be used: the one before stays in use';
    logger.warn({ file: apiKeyFile, problem }, text);
  }

  const file = apiKeyFile === undefined ? undefined : followKeyFile(apiKeyFile, { onKey, onProblem });
  return {
    current: () => current,
    reread: () => (file === undefined ? Promise.resolve() : within(REREAD_MAX_MS, file.look())),
    onChange: (listener) => void listeners.add(listener),
    stop: () => file?.stop(),
  };
}

function notify(listener: () => void, logger: Logger): void {
  try {
    listener();
  } catch (error) {
    logger.error({ error: errorMessage(error) }, 'what follows from a changed API key failed');
  }
}

async function within(timeoutMs: number, done: Promise<void>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const deadline = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, timeoutMs);
  });
  await Promise.race([done, deadline]);
  clearTimeout(timer);
}
