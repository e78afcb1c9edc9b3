import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createWriteStream, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { pipeline } from 'node:stream/promises';
import { fileURLToPath } from 'node:url';
import { createGzip, gzipSync } from 'node:zlib';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { Redis } from 'ioredis';
import { connectRedis } from '../../src/base/redis.ts';
import { eventually } from '../support/eventually.ts';
import { testRedisUrl, uniqueNamespace } from '../support/redis.ts';
import { makeSales } from '../support/sales.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'conexxus-enqueue-'));
/**
 * Prints what the process needed at most. By Linux' own account of its memory: what `resourceUsage` tells begins
 * with the peak of whoever started it, which is this test.
 */
const METER = `data:text/javascript,${encodeURIComponent(`
  import { existsSync, readFileSync } from 'node:fs';
  const status = () => readFileSync('/proc/self/status', 'utf8');
  const peak = () => /VmHWM:\\s*(\\d+)/.exec(status())[1];
  process.on('exit', () => {
    const kilobytes = existsSync('/proc/self/status') ? peak() : process.resourceUsage().maxRSS;
    process.stderr.write('peak ' + kilobytes + ' KB');
  });`)}`;
/** Beyond the size at which a heap that is left to itself has grown to its full size. */
const MANY = 40_000;
const RSS_MAX_KB = 120_000;

let redis: Redis;
let namespace: string;

beforeAll(() => {
  redis = connectRedis(testRedisUrl(), 'patient', () => undefined);
});

beforeEach(() => {
  namespace = uniqueNamespace();
});

afterEach(async () => {
  for await (const keys of redis.scanStream({ match: `{${namespace}}:*`, count: 1_000 })) {
    if (Array.isArray(keys) && keys.length > 0) await redis.unlink(keys);
  }
});

afterAll(() => {
  redis.disconnect();
  rmSync(folder, { recursive: true });
});

function command(file: string, ...more: string[]): string[] {
  return ['dist/cli.js', 'enqueue', 'push_sales', '--file', file, ...more];
}

const environment = () => ({
  PATH: process.env['PATH'],
  TERM: 'xterm',
  REDIS_URL: testRedisUrl(),
  SYNC_NAMESPACE: namespace,
});

function start(args: readonly string[], program = process.execPath) {
  const child = spawn(program, args, { cwd: ROOT, env: environment(), stdio: 'pipe' });
  child.stdin.on('error', () => undefined);
  return { child, stdin: child.stdin, ended: endOf(child, child.stdout, child.stderr) };
}

async function endOf(child: ChildProcess, stdout: Readable, stderr: Readable) {
  const [, out, err] = await Promise.all([once(child, 'close'), text(stdout), text(stderr)]);
  return { code: child.exitCode, out, err };
}

const waiting = () => redis.llen(`{${namespace}}:sync:wait`);
const lines = (list: readonly object[]) => list.map((payload) => `${JSON.stringify(payload)}\n`).join('');

describe('enqueue of a large file', () => {
  it.each([
    ['packed JSON Lines', 'sales.jsonl.gz', ['', ''], true],
    ['a JSON list', 'sales.json', ['[', ']'], false],
  ])(
    '%s: in memory that does not grow with it',
    async (_what, name, [begin, end], isPacked) => {
      const path = join(folder, name);
      const separator = begin === '' ? '\n' : ',\n';
      const sales = makeSales(MANY, namespace);
      const pieces = sales.map((sale, index) => `${index === 0 ? begin : separator}${JSON.stringify(sale)}`);
      const packers = isPacked ? [createGzip()] : [];
      await pipeline([Readable.from([...pieces, end]), ...packers, createWriteStream(path)]);
      const { ended } = start(['--import', METER, ...command(path)]);
      const { code, out, err } = await ended;
      expect({ code, out }).toEqual({
        code: 0,
        out: `push_sales: ${MANY} accepted, 0 already known, 0 refused\n`,
      });
      const [, peak] = /^peak (\d+) KB$/.exec(err) ?? [];
      expect(Number(peak)).toBeGreaterThan(0);
      expect(Number(peak)).toBeLessThan(RSS_MAX_KB);
      expect(await waiting()).toBe(MANY);
    },
    120_000,
  );

  it('reads the standard input packed, too', async () => {
    const { stdin, ended } = start(command('-'));
    stdin.end(gzipSync(lines(makeSales(3))));
    expect(await ended).toEqual({
      code: 0,
      out: 'push_sales: 3 accepted, 0 already known, 0 refused\n',
      err: '',
    });
  });

  it('says that a packed file is cut off, and enqueues what was whole', async () => {
    const path = join(folder, 'cut.gz');
    const packed = gzipSync(lines(makeSales(5_000)));
    writeFileSync(path, packed.subarray(0, packed.length / 2));
    const { code, err } = await start(command(path)).ended;
    expect(code).toBe(1);
    expect(err).toMatch(
      /^Cannot read .*cut\.gz: unexpected end of file\. At least \d+ were accepted before\. /,
    );
  });
});

describe('enqueue that a person stops', () => {
  const list = makeSales(1_000, 'stop');

  it('by Ctrl-C says where it was and how to go on; the same again skips what is known', async () => {
    const { child, stdin, ended } = start(command('-'));
    stdin.write(lines(list.slice(0, 600)));
    // Half a line: it is not refused for being cut off.
    stdin.write('{"date":');
    await eventually(async () => expect(await waiting()).toBe(500));
    child.kill('SIGINT');
    const { code, out, err } = await ended;
    expect(code).toBe(130);
    expect(err).toBe(
      'Stopped after line 600. Run the same again to go on: what is known is skipped, nothing is enqueued twice.\n',
    );
    expect(out).toBe('push_sales: 600 accepted, 0 already known, 0 refused\n');

    const again = start(command('-'));
    again.stdin.end(lines(list));
    expect((await again.ended).out).toBe(
      'push_sales: 400 accepted, 600 already known, 0 refused (already known: 600 waiting)\n',
    );
  });

  it('says so in JSON, to whoever asked for it', async () => {
    const { child, stdin, ended } = start(command('-', '--json'));
    stdin.write(lines(list.slice(0, 250)));
    await eventually(async () => expect(await waiting()).toBe(250));
    child.kill('SIGTERM');
    const { code, out, err } = await ended;
    expect([code, err]).toEqual([143, '']);
    expect(JSON.parse(out)).toMatchObject({ accepted: 250, error: null, stopped: { line: 250 } });
  });
});

describe('enqueue on a terminal', () => {
  const obstacle = terminalObstacle();
  const row = obstacle === undefined ? it : it.skip;
  const why = obstacle === undefined ? '' : ` (skipped: ${obstacle})`;

  /** `script` gives the command a terminal of its own, and prints what is shown there. */
  function onTerminal(args: readonly string[], redirection = ''): ReturnType<typeof start> {
    const quoted = [process.execPath, ...args].map((arg) => `'${arg}'`).join(' ');
    return start(['-qec', `${quoted} ${redirection}`, '/dev/null'], 'script');
  }

  row(`shows sum, rate and time left${why}`, async () => {
    const path = join(folder, 'shown.jsonl');
    writeFileSync(path, lines(makeSales(20_000, namespace)));
    const { out } = await onTerminal(command(path)).ended;
    const shown = out.split('\r\u001B[K');
    expect(shown[1]).toMatch(/^\d+ accepted, 0 already known, 0 refused(?:, [\d,]+ a second, \d+ s left)?$/);
    expect(shown.at(-2)).toMatch(/^\d+ accepted, .* [\d,]+ a second, \d+ s left$/);
    expect(shown.at(-1)).toBe('push_sales: 20000 accepted, 0 already known, 0 refused\r\n');
  });

  async function expectNothingShown(more: readonly string[], redirection: string): Promise<void> {
    const path = join(folder, 'not-shown.jsonl');
    writeFileSync(path, lines(makeSales(5_000, namespace)));
    const { out } = await onTerminal(command(path, ...more), redirection).ended;
    expect(out).not.toContain('\u001B');
    expect(await waiting()).toBe(5_000);
  }

  row(`shows nothing of it where its report is JSON${why}`, () => expectNothingShown(['--json'], ''));
  row(`shows nothing of it where its report goes to a file${why}`, () =>
    expectNothingShown([], '>/dev/null'),
  );
});

function terminalObstacle(): string | undefined {
  try {
    execFileSync('script', ['-qec', 'true', '/dev/null'], { stdio: 'ignore' });
    return undefined;
  } catch {
    return 'no `script` here to give it a terminal';
  }
}
