import { once } from 'node:events';
import { connect } from 'node:net';
import { createInterface } from 'node:readline';

/** A command as Redis carried it out, those inside scripts included. */
export interface SeenCommand {
  /** ms, Redis clock, with fractions. */
  readonly at: number;
  readonly name: string;
  readonly args: readonly string[];
}

export interface RedisMonitor {
  /** In the order of Redis. */
  readonly seen: readonly SeenCommand[];
  stop(): void;
}

/**
 * Watches all that Redis does and keeps what `wanted` picks. On a socket of its own: ioredis takes what
 * comes close behind the answer to MONITOR for the answer to a command it never sent.
 */
export async function monitorRedis(
  url: string,
  wanted: (name: string, args: readonly string[]) => boolean,
): Promise<RedisMonitor> {
  const { hostname, port } = new URL(url);
  const seen: SeenCommand[] = [];
  const socket = connect(Number(port), hostname);
  const lines = createInterface({ input: socket });
  socket.write('MONITOR\r\n');
  await once(lines, 'line');
  lines.on('line', (line) => {
    const command = parseLine(line);
    if (command && wanted(command.name, command.args)) seen.push(command);
  });
  return { seen, stop: () => void socket.destroy() };
}

/**
 * `+1795449537.739934 [0 lua] "SET" "key" "value"`; the escapes of a value stay as they are. Runs of what is none are one step, so
 * that a value of many megabytes is no deeper than a short one.
 */
function parseLine(line: string): SeenCommand | undefined {
  const at = /^\+(\d+\.\d+) /.exec(line)?.[1];
  const [name, ...args] = [...line.matchAll(/"([^"\\]*(?:\\.[^"\\]*)*)"/g)].map(([, text = '']) => text);
  if (at === undefined || name === undefined) return undefined;
  return { at: Number(at) * 1_000, name: name.toLowerCase(), args };
}
