import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { Queue } from 'bullmq';
import { Redis } from 'ioredis';
import { startPrivateRedis } from '../../scripts/services.ts';
import { testRedisUrl, uniqueNamespace } from '../support/redis.ts';
import { sales } from '../sync/sales.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'enqueue-'));
let namespace: string;
let redis: Redis;

beforeAll(() => {
  redis = new Redis(testRedisUrl());
});

beforeEach(() => {
  namespace = uniqueNamespace();
});

afterAll(() => {
  redis.disconnect();
  rmSync(folder, { recursive: true });
});

interface Ended {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

interface Given {
  readonly input?: string | Buffer;
  readonly env?: NodeJS.ProcessEnv;
}

/** The real command line in a process of its own, with nothing in its environment but what it needs. */
function start(args: string[], env: NodeJS.ProcessEnv = {}) {
  const child = spawn(process.execPath, ['dist/cli.js', 'enqueue', ...args], {
    cwd: ROOT,
    env: { PATH: process.env['PATH'], REDIS_URL: testRedisUrl(), SYNC_NAMESPACE: namespace, ...env },
  });
  // It may end without reading all.
  child.stdin.on('error', () => undefined);
  const ended = Promise.all([once(child, 'close'), text(child.stdout), text(child.stderr)]);
  return { stdin: child.stdin, ended: ended.then(([[code], out, err]): Ended => ({ code, out, err })) };
}

async function enqueue(args: string[], { input = '', env = {} }: Given = {}): Promise<Ended> {
  const { stdin, ended } = start(args, env);
  stdin.end(input);
  return ended;
}

function file(content: string): string {
  const path = join(folder, `${namespace}.json`);
  writeFileSync(path, content);
  return path;
}

function jsonLines(...payloads: unknown[]): string {
  return payloads.map((payload) => `${JSON.stringify(payload)}\n`).join('');
}

async function waiting(): Promise<unknown[]> {
  const queue = new Queue('sync', { prefix: `{${namespace}}`, connection: redis });
  const jobs = await queue.getWaiting();
  await queue.close();
  return jobs.map(({ data }) => data);
}

describe('enqueue push_sales', () => {
  it('takes JSON Lines from a file, and knows them all the second time', async () => {
    const list = Array.from({ length: 600 }, (_, n) => sales(n));
    const path = file(jsonLines(...list));
    expect(await enqueue(['push_sales', '--file', path])).toEqual({
      code: 0,
      out: 'push_sales: 600 accepted, 0 already known, 0 refused\n',
      err: '',
    });
    expect(await waiting()).toEqual(list);
    expect(await enqueue(['push_sales', '--file', path])).toEqual({
      code: 0,
      out: 'push_sales: 0 accepted, 600 already known, 0 refused (already known: 600 waiting)\n',
      err: '',
    });
  });

  it('takes a document from the standard input', async () => {
    const list = [sales('a'), sales('b')];
    expect(await enqueue(['push_sales', '-f', '-'], { input: JSON.stringify(list, null, 2) })).toEqual({
      code: 0,
      out: 'push_sales: 2 accepted, 0 already known, 0 refused\n',
      err: '',
    });
    expect(await waiting()).toEqual(list);
  });

  it('enqueues the good lines, names the refused ones with all their problems, and exits 1', async () => {
    const bad = { ...sales('b'), date: '2026-02-30', locationId: '' };
    const latin1 = Buffer.from(`${JSON.stringify(sales('c', { note: 'é' }))}\n`, 'latin1');
    const input = Buffer.concat([
      Buffer.from(`${jsonLines(sales('a'), bad)}\n{"date":\n`),
      latin1,
      Buffer.from(jsonLines(sales('d'), [sales('e')])),
    ]);
    const { code, out, err } = await enqueue(['push_sales', '-f', '-'], { input });
    expect([code, out]).toEqual([1, 'push_sales: 2 accepted, 0 already known, 4 refused\n']);
    expect(err.split('\n')).toEqual([
      'line 2 refused: date: must be a calendar date as YYYY-MM-DD; locationId: must not be empty',
      expect.stringMatching(/^line 4 refused: is not JSON: /),
      'line 5 refused: is not UTF-8 text',
      'line 7 refused: must be an object',
      '',
    ]);
    expect(await waiting()).toEqual([sales('a'), sales('d')]);
  });

  it('counts items where the input is one document', async () => {
    const input = JSON.stringify([sales('a'), { ...sales('b'), locationId: 7 }], null, 1);
    expect(await enqueue(['push_sales', '-f', '-'], { input })).toMatchObject({
      code: 1,
      err: 'item 2 refused: locationId: must be a string\n',
    });
  });

  it('reports as JSON on request, and says nothing else', async () => {
    const input = jsonLines(sales('a'), sales('a'), { ...sales('b'), date: 'today' });
    const { code, out, err } = await enqueue(['push_sales', '-f', '-', '--json'], { input });
    expect([code, err]).toEqual([1, '']);
    expect(JSON.parse(out)).toEqual({
      job: 'push_sales',
      accepted: 1,
      known: 1,
      knownByState: { waiting: 1 },
      refused: 1,
      refusals: [{ line: 3, problems: [{ path: 'date', message: 'must be a calendar date as YYYY-MM-DD' }] }],
      error: null,
      stopped: null,
    });
  });
});

describe('enqueue with the queue away', () => {
  const env = { REDIS_URL: 'redis://127.0.0.1:1' };

  it('says so, and that running it again is safe, and exits 1', async () => {
    const ended = await enqueue(['push_sales', '-f', '-'], { input: jsonLines(sales('a')), env });
    expect(ended).toEqual({
      code: 1,
      out: 'push_sales: 0 accepted, 0 already known, 0 refused\n',
      err:
        'The queue is not available: connect ECONNREFUSED 127.0.0.1:1. ' +
        'To run this again is safe: nothing is enqueued twice.\n',
    });
  });

  it('does not wait for the rest of its input', async () => {
    const { stdin, ended } = start(['push_sales', '-f', '-', '--json'], env);
    stdin.write(jsonLines(...Array.from({ length: 300 }, (_, n) => sales(n))));
    const { code, out } = await ended;
    expect(code).toBe(1);
    expect(JSON.parse(out)).toMatchObject({ accepted: 0, error: { code: 'QUEUE_UNAVAILABLE' } });
  });

  it('says how many were accepted before it went', async () => {
    const server = await startPrivateRedis();
    const { stdin, ended } = start(['push_sales', '-f', '-'], { REDIS_URL: server.url });
    stdin.write(jsonLines(...Array.from({ length: 250 }, (_, n) => sales(n))));
    await untilWaiting(server.url, 250);
    await server.stop();
    stdin.end(jsonLines(sales('late')));
    const { code, err } = await ended;
    expect(code).toBe(1);
    expect(err).toMatch(
      /^The queue is not available: .* At least 250 were accepted before\. To run this again is safe/,
    );
  });
});

async function untilWaiting(url: string, count: number): Promise<void> {
  const redis = new Redis(url);
  try {
    while ((await redis.llen(`{${namespace}}:sync:wait`)) < count) await sleep(20);
  } finally {
    redis.disconnect();
  }
}

describe('enqueue fetch_inventory', () => {
  it.each([
    ['for a location', ['--location', 'store-7'], 'store-7'],
    ['for the location of the environment', [], 'store-8'],
  ])('needs no file %s', async (_what, args, locationId) => {
    const ended = await enqueue(['fetch_inventory', ...args], { env: { LOCATION_ID: 'store-8' } });
    expect(ended).toMatchObject({
      code: 0,
      out: 'fetch_inventory: 1 accepted, 0 already known, 0 refused\n',
    });
    expect(await waiting()).toEqual([{ locationId }]);
  });

  it('takes a file too, and asks once per location', async () => {
    const path = file(jsonLines({ locationId: 'a' }, { locationId: 'b' }, { locationId: 'a' }));
    expect(await enqueue(['fetch_inventory', '-f', path])).toMatchObject({
      code: 0,
      out: 'fetch_inventory: 2 accepted, 1 already known, 0 refused (already known: 1 waiting)\n',
    });
  });
});

describe('enqueue, used wrongly', () => {
  it.each([
    ['an unknown job', ['pull_sales', '-f', '-'], /'pull_sales' is invalid.*push_sales, fetch_inventory/],
    ['no file', ['push_sales'], /^push_sales needs --file FILE/],
    [
      'a file that is not there',
      ['push_sales', '-f', '/nowhere/sales.jsonl'],
      /^Cannot read \/nowhere\/sales\.jsonl: ENOENT/,
    ],
    ['a file and a location', ['fetch_inventory', '-f', '-', '-l', 'a'], /^Give either --file or --location/],
  ])('exits 1 with one clear message: %s', async (_what, args, message) => {
    const { code, err } = await enqueue(args);
    expect(code).toBe(1);
    expect(err).toMatch(message);
    expect(err.trim().split('\n')).toHaveLength(1);
  });

  it('names what is wrong in the environment', async () => {
    const { code, err } = await enqueue(['push_sales', '-f', '-'], { env: { REDIS_URL: 'localhost' } });
    expect(code).toBe(1);
    expect(err).toContain('REDIS_URL');
  });
});
