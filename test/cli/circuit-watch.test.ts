import { type ChildProcessWithoutNullStreams, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { Redis } from 'ioredis';
import { startPrivateRedis } from '../../scripts/services.ts';
import { loadConfig } from '../../src/base/config/config.ts';
import { connectRedis } from '../../src/base/redis.ts';
import { type Circuit, createCircuit } from '../../src/circuit/circuit.ts';
import { eventStreamKey } from '../../src/events/event.ts';
import { openQueue } from '../../src/sync/queue.ts';
import { onlookerOptionsOf } from '../../src/sync/settings.ts';
import { eventually } from '../support/eventually.ts';
import { testRedisUrl, uniqueNamespace } from '../support/redis.ts';
import { monitorRedis } from '../support/redis-monitor.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const WORD = { actor: 'olga', reason: 'stock \u001B[31mtaking' };

let redis: Redis;
let namespace: string;
let circuit: Circuit;
const children: ChildProcessWithoutNullStreams[] = [];

beforeEach(() => connect(testRedisUrl()));

afterEach(async () => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
  redis.disconnect();
});

function connect(url: string): void {
  redis = connectRedis(url, 'patient', () => undefined);
  namespace = uniqueNamespace();
  const { circuit: settings, events } = loadConfig('circuit', {});
  const { circuit: options } = onlookerOptionsOf(settings, events.backlogMax);
  circuit = createCircuit({ redis, namespace, eventStream: eventStreamKey(namespace), options });
}

const COMMAND = ['dist/cli.js', 'circuit', 'watch'];

function start(program: string, args: readonly string[], env: NodeJS.ProcessEnv = {}) {
  const child = spawn(program, args, {
    cwd: ROOT,
    env: {
      PATH: process.env['PATH'],
      TERM: 'xterm',
      REDIS_URL: testRedisUrl(),
      SYNC_NAMESPACE: namespace,
      ...env,
    },
    stdio: 'pipe',
  });
  children.push(child);
  return child;
}

function watch(child: ChildProcessWithoutNullStreams) {
  let out = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      out += text;
    });
  }
  return {
    out: () => out,
    shows: (text: string | RegExp) => eventually(() => expect(out).toMatch(text), 30_000),
  };
}

describe('circuit watch, in a log', () => {
  const TIME = String.raw`20\d\d-\d\d-\d\d \d\d:\d\d:\d\d UTC`;

  it('writes a line whenever something moves, and ends with 0 by Ctrl-C', async () => {
    const queue = openQueue(redis, namespace);
    await queue.add('push_sales', {}, { jobId: 'a', timestamp: Date.now() - 600_000 });
    await queue.add('push_sales', {}, { jobId: 'b', delay: 3_600_000 });
    const child = start(process.execPath, COMMAND);
    const { out, shows } = watch(child);
    await shows(/CLOSED/);
    expect(out()).toMatch(
      new RegExp(
        `^${TIME} {2}CLOSED {2}queue running; 1 waiting, 1 delayed, 0 under way, 0 dead-lettered; ` +
          'oldest due: enqueued 10 min ago; no worker is alive.*; event log: all is written\n$',
      ),
    );
    await circuit.operate('hold', WORD);
    await shows(
      /HELD {2}queue paused: olga holds the circuit: stock \uFFFD\[31mtaking; .* delivered, .* failed a second/,
    );
    // What moves all the time is no news.
    await queue.add('push_sales', {}, { jobId: 'c' });
    await circuit.operate('release', WORD);
    await shows(/\n.*CLOSED.*2 waiting/);
    expect(out().trim().split('\n')).toHaveLength(3);
    child.kill('SIGINT');
    expect(await once(child, 'close')).toEqual([0, null]);
    await queue.close();
  });

  it('costs Redis a handful of commands a second', async () => {
    const server = await startPrivateRedis();
    redis.disconnect();
    connect(server.url);
    const monitor = await monitorRedis(server.url, () => true);
    const { shows } = watch(start(process.execPath, COMMAND, { REDIS_URL: server.url }));
    await shows(/CLOSED/);
    // Three of them each time.
    const scripts = () => monitor.seen.filter(({ name }) => name === 'evalsha');
    await eventually(() => expect(scripts().length).toBeGreaterThan(15), 30_000);
    const [from = 0, to = 0] = [scripts()[3]?.at, scripts().at(-1)?.at];
    const steady = monitor.seen.filter(({ at }) => from <= at && at <= to);
    const asked = steady.filter(({ name }) => ['evalsha', 'hget', 'hmget', 'hgetall'].includes(name));
    expect(to - from).toBeGreaterThan(3_000);
    // What the scripts do by themselves included.
    expect(asked.length / ((to - from) / 1_000)).toBeLessThan(20);
    monitor.stop();
    await server.stop();
  });

  it('says that Redis is away, from the beginning, and goes on when it is there', async () => {
    const first = await startPrivateRedis();
    const { port } = new URL(first.url);
    await first.stop();
    const child = start(process.execPath, COMMAND, { REDIS_URL: `redis://127.0.0.1:${port}` });
    const { out, shows } = watch(child);
    await shows(/Redis does not answer: trying again \(connect ECONNREFUSED/);
    const again = await startPrivateRedis({ port: Number(port) });
    await shows(/CLOSED/);
    await again.stop();
    await shows(/CLOSED[^]*Redis does not answer/);
    child.kill('SIGTERM');
    expect(await once(child, 'close')).toEqual([0, null]);
    expect(out().trim().split('\n')).toHaveLength(3);
  });
});

describe('circuit watch, on a terminal', () => {
  const obstacle = terminalObstacle();
  const row = obstacle === undefined ? it : it.skip;
  const why = obstacle === undefined ? '' : ` (skipped: ${obstacle})`;

  /** `script` gives it a terminal of its own, of that size, and prints what is shown there. */
  function onTerminal(columns: number, rows: number, env: NodeJS.ProcessEnv = {}) {
    const command = `stty cols ${columns} rows ${rows}; exec '${process.execPath}' ${COMMAND.join(' ')}`;
    return start('script', ['-qec', command, '/dev/null'], env);
  }

  const framesIn = (out: string) => out.split('\u001B[?7l\u001B[H').slice(1);
  // What steers the terminal.
  // oxlint-disable-next-line no-control-regex
  const textOf = (frame: string) => frame.replaceAll(/\u001B\[[?\d;]*[A-Za-z]/g, '').split(/\r+\n/);

  row(`draws in place, gives the cursor back and leaves the last screen${why}`, async () => {
    await circuit.operate('hold', WORD);
    const child = onTerminal(100, 50);
    const { out, shows } = watch(child);
    await eventually(() => expect(framesIn(out()).length).toBeGreaterThan(2), 30_000);
    expect(out().startsWith('\u001B[?25l\u001B[2J\u001B[?7l')).toBe(true);
    expect(out()).toContain('\u001B[1;31mCircuit: HELD');
    const lines = textOf(framesIn(out())[1] ?? '');
    expect(lines[1]).toBe('olga stopped all calls: stock \uFFFD[31mtaking');
    expect(lines).toEqual(expect.arrayContaining([expect.stringMatching(/^ {2}oldest due {2}none is due$/)]));
    expect(lines).toEqual(
      expect.arrayContaining([expect.stringMatching(/^ {2}rate {8}0\.0 delivered, 0\.0 failed a second$/)]),
    );
    expect(lines).toContain('No worker is alive: sales wait until one is started.');
    expect(lines).toEqual(expect.arrayContaining([expect.stringMatching(/^ {2}last success +-$/)]));
    await circuit.operate('release', WORD);
    await shows(/\[1;32mCircuit: CLOSED/);
    child.stdin.write('\u0003');
    expect(await once(child, 'close')).toEqual([0, null]);
    expect(out().replace('^C', '').endsWith('\u001B[?7h\r\u001B[K\u001B[?25h')).toBe(true);
  });

  row(`fits a small window, without color where none is wanted${why}`, async () => {
    await circuit.operate('hold', { actor: 'olga', reason: `${'\u8CE3'.repeat(200)} counted` });
    const { out } = watch(onTerminal(40, 12, { NO_COLOR: '1' }));
    await eventually(() => expect(framesIn(out()).length).toBeGreaterThan(1), 30_000);
    expect(out()).not.toContain('\u001B[1;');
    const lines = textOf(framesIn(out())[0] ?? '');
    expect(lines).toHaveLength(12);
    expect(Math.max(...lines.map((line) => line.length))).toBe(40);
    expect(lines.filter((line) => line.endsWith('…')).length).toBeGreaterThan(0);
  });

  row(`keeps what it saw while Redis is away${why}`, async () => {
    const server = await startPrivateRedis();
    const { out, shows } = watch(onTerminal(120, 50, { REDIS_URL: server.url }));
    await shows(/Circuit: CLOSED/);
    await server.stop();
    await shows(/Redis does not answer since .* UTC: trying again \(/);
    const lines = textOf(framesIn(out()).at(-1) ?? '');
    expect(lines[1]).toMatch(/^What was there at 20/);
    expect(lines[3]).toMatch(/^Circuit: CLOSED/);
  });
});

function terminalObstacle(): string | undefined {
  try {
    execFileSync('script', ['-qec', 'true', '/dev/null'], { stdio: 'ignore' });
    return undefined;
  } catch {
    return 'no `script` here to give it a terminal';
  }
}
