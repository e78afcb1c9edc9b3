import { type DestinationStream, type Logger, type LevelWithSilent as LogLevel, pino } from 'pino';
import { type Redactor, redactJson } from './redaction.ts';

export type { Logger, LogLevel };

export interface LoggerOptions {
  readonly level: LogLevel;
  readonly redact: Redactor;
  /** Which process speaks; a field of each line. */
  readonly name?: string;
  /** Name of the worker that speaks; a field of each line. */
  readonly worker?: string;
}

interface LoggedError {
  readonly type: string;
  readonly message: string;
  readonly code?: unknown;
  readonly stack?: string;
  readonly cause?: LoggedError;
  /** Of an AggregateError, which has no message of its own when a connection fails on IPv4 and IPv6. */
  readonly errors?: readonly LoggedError[];
}

const CAUSES_MAX = 5;

/** JSON lines on stdout. Every line passes the redactor as a whole, whatever field a secret is in. */
export function createLogger({ level, redact, name = 'conexxus-sync', worker }: LoggerOptions): Logger {
  return pino(
    {
      level,
      name,
      base: { pid: process.pid, ...(worker === undefined ? {} : { worker }) },
      serializers: { err: (thrown: unknown) => describeError(thrown, CAUSES_MAX) },
      hooks: { streamWrite: (line) => `${redactJson(line.trimEnd(), redact)}\n` },
    },
    turnwise,
  );
}

let stdout: DestinationStream | undefined;
let lines = '';

/** What is said in one turn of the event loop is written at its end, or at the process's: a system call costs more than a line. */
const turnwise: DestinationStream = {
  write(line) {
    if (stdout === undefined) {
      stdout = pino.destination({ sync: true });
      process.once('exit', flush);
    }
    if (lines === '') setImmediate(flush);
    lines += line;
  },
};

function flush(): void {
  if (lines !== '') stdout?.write(lines);
  lines = '';
}

// Only these fields: errors of HTTP clients carry the whole request, headers and body, as properties.
function describeError(thrown: unknown, depth: number): LoggedError {
  if (!(thrown instanceof Error)) return { type: typeof thrown, message: String(thrown) };
  const code = 'code' in thrown ? { code: thrown.code } : {};
  const inner = depth > 0 ? describeInner(thrown, depth - 1) : {};
  return {
    type: thrown.name,
    message: thrown.message,
    ...code,
    ...(thrown.stack === undefined ? {} : { stack: thrown.stack }),
    ...inner,
  };
}

function describeInner(error: Error, depth: number): Pick<LoggedError, 'cause' | 'errors'> {
  return {
    ...(error.cause === undefined ? {} : { cause: describeError(error.cause, depth) }),
    ...(error instanceof AggregateError
      ? { errors: error.errors.map((each) => describeError(each, depth)) }
      : {}),
  };
}
