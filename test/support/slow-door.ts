import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';

/**
 * An address that nobody answers for, as beyond a black hole or a slow line: a process listens there and
 * stands still, its queue of connections full, so that the system drops every request for another one. Once
 * it is opened, what asked before has its connection a second after it first asked: that is when TCP repeats
 * its request.
 */
export interface SlowDoor {
  readonly port: number;
  open(): void;
  close(): Promise<void>;
}

/** Elsewhere a full queue refuses, or holds more than it is told to. */
export const hasSlowDoors = process.platform === 'linux';

export interface DoorPlan {
  readonly host: string;
  /** A free one unless given. */
  readonly port?: number;
  /** Where a port on 127.0.0.1 leads on to once it is open. */
  readonly leadsTo: number;
}

const SILENT_MS = 300;
const QUEUE_MAX = 50;

export async function startSlowDoor({ host, port = 0, leadsTo }: DoorPlan): Promise<SlowDoor> {
  const doorkeeper = spawn(process.execPath, ['--eval', DOORKEEPER, host, String(port), String(leadsTo)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const listening = await firstLine(doorkeeper);
  doorkeeper.kill('SIGSTOP');
  const queue = await fill(host, listening);
  return {
    port: listening,
    open() {
      for (const socket of queue) socket.destroy();
      doorkeeper.kill('SIGCONT');
    },
    async close() {
      for (const socket of queue) socket.destroy();
      if (doorkeeper.exitCode !== null || doorkeeper.signalCode !== null) return;
      const gone = once(doorkeeper, 'exit');
      doorkeeper.kill('SIGKILL');
      await gone;
    },
  };
}

const DOORKEEPER = `
const { connect, createServer } = require('node:net');
const [host, port, leadsTo] = process.argv.slice(1);
const server = createServer((from) => {
  const to = connect(Number(leadsTo), '127.0.0.1');
  from.pipe(to).pipe(from);
  for (const socket of [from, to]) socket.on('error', () => { from.destroy(); to.destroy(); });
});
server.listen({ host, port: Number(port), backlog: 1 }, () => console.log(server.address().port));`;

async function firstLine({ stdout }: ChildProcess): Promise<number> {
  if (stdout === null) throw new Error('the doorkeeper has no voice');
  const [line]: unknown[] = await once(stdout, 'data');
  return Number(String(line));
}

/** Connections that are made, and one that is not: the queue is full then. */
async function fill(host: string, port: number): Promise<Socket[]> {
  const queue: Socket[] = [];
  while (queue.length < QUEUE_MAX) {
    const socket = connect({ host, port });
    socket.on('error', () => {});
    queue.push(socket);
    const made = once(socket, 'connect').then(() => true);
    if (!(await Promise.race([made, delay(SILENT_MS, false)]))) return queue;
  }
  throw new Error(`${host}: the queue of connections does not fill`);
}
