import { type ChildProcess, spawn } from 'node:child_process';
import { EventEmitter } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

/** A line that a process logged. */
interface LogLine {
  readonly msg?: string;
  readonly level?: number;
  readonly [field: string]: unknown;
}

interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** A real process under test. */
export interface RunningProcess {
  readonly pid: number;
  readonly logs: readonly LogLine[];
  /** All that it wrote to stderr. */
  stderr(): string;
  /** The first line, logged already or yet to come, for which `matches` holds or whose `msg` it is. */
  waitForLog(matches: string | ((line: LogLine) => boolean), timeoutMs?: number): Promise<LogLine>;
  /** From now on what it logs is thrown away unread. */
  stopListening(): void;
  signal(signal: NodeJS.Signals): void;
  readonly exited: Promise<Exit>;
  /** SIGTERM and the exit, or SIGKILL where it takes too long. */
  stop(): Promise<Exit>;
}

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const STOP_TIMEOUT_MS = 15_000;
const running = new Set<ChildProcess>();

// A test run that dies must leave nothing running behind it.
process.once('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

/**
 * Starts `node <entry>` from the project's root. Of the environment it gets `env` and what any process
 * needs. An entry in TypeScript goes through tsx.
 */
export function startProcess(
  entry: string,
  env: Readonly<Record<string, string>>,
  args: readonly string[] = [],
): RunningProcess {
  const loader = entry.endsWith('.ts') ? ['--import', 'tsx'] : [];
  return startCommand(process.execPath, [...loader, entry, ...args], env);
}

/** The same for any command, `npm` for one; the signals go to that process alone. */
export function startCommand(
  command: string,
  args: readonly string[],
  env: Readonly<Record<string, string>>,
): RunningProcess {
  const { PATH = '', HOME = '', TZ = 'UTC' } = process.env;
  const child = spawn(command, args, {
    cwd: ROOT,
    env: { PATH, HOME, TZ, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  running.add(child);
  return watch(child, [command, ...args].join(' '));
}

function watch(child: ChildProcess, entry: string): RunningProcess {
  const logs: LogLine[] = [];
  const news = new EventEmitter().setMaxListeners(0);
  let stderr = '';
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  const lines = child.stdout && createInterface({ input: child.stdout });
  lines?.on('line', (text) => {
    logs.push(parseLine(text));
    news.emit('line');
  });
  const exited = new Promise<Exit>((resolve) => {
    child.once('close', (code, signal) => {
      running.delete(child);
      resolve({ code, signal });
      news.emit('line');
    });
  });

  return {
    pid: child.pid ?? 0,
    logs,
    stderr: () => stderr,
    exited,
    stopListening() {
      lines?.removeAllListeners().close();
      child.stdout?.resume();
    },
    signal: (signal) => void child.kill(signal),
    waitForLog(matches, timeoutMs = 15_000) {
      const test = typeof matches === 'string' ? (line: LogLine) => line.msg === matches : matches;
      return new Promise((resolve, reject) => {
        const give = (settle: () => void) => {
          clearTimeout(timer);
          news.off('line', look);
          settle();
        };
        const tail = () =>
          `${stderr}\n${logs
            .slice(-5)
            .map((line) => JSON.stringify(line))
            .join('\n')}`;
        const fail = (why: string) => give(() => reject(new Error(`${entry}: ${why}\n${tail()}`)));
        const look = () => {
          const line = logs.find(test);
          if (line) give(() => resolve(line));
          else if (!running.has(child)) fail('ended before it logged what was waited for');
        };
        const timer = setTimeout(() => fail(`nothing of that kind logged in ${timeoutMs} ms`), timeoutMs);
        news.on('line', look);
        look();
      });
    },
    async stop() {
      const killer = setTimeout(() => child.kill('SIGKILL'), STOP_TIMEOUT_MS);
      child.kill('SIGTERM');
      // A frozen process hears SIGTERM only when it goes on.
      child.kill('SIGCONT');
      const exit = await exited;
      clearTimeout(killer);
      return exit;
    },
  };
}

function parseLine(text: string): LogLine {
  try {
    const line: LogLine = JSON.parse(text);
    return line;
  } catch {
    return { msg: text };
  }
}
