import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { openTestDatabase, type Proxy, startProxy, type TestDatabase } from '../events/harness.ts';
import { eventually } from '../support/eventually.ts';
import { runCommand } from './command.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const JOB = `ps-${'1'.repeat(64)}`;

let open: TestDatabase;
let proxy: Proxy;

beforeAll(async () => {
  open = await openTestDatabase();
  proxy = await startProxy(open.fresh.url);
});

afterEach(async () => {
  proxy.mode = 'pass';
  await open.database.sql`truncate event_log`;
});

afterAll(async () => {
  await proxy.close();
  await open.close();
});

const events = (args: readonly string[], env: NodeJS.ProcessEnv = {}) =>
  runCommand(['events', ...args], { DATABASE_URL: open.fresh.url, ...env });

interface Row {
  readonly type: string;
  readonly jobId?: string;
  readonly locationId?: string;
  readonly agoMs?: number;
  readonly payload?: Record<string, unknown>;
}

let written = 0;
async function append(...rows: readonly Row[]): Promise<void> {
  for (const { type, jobId = JOB, locationId = null, agoMs = 0, payload = {} } of rows) {
    written += 1;
    await open.database.sql`
      insert into event_log (event_type, aggregate_id, location_id, "timestamp", payload, dedupe_key)
      values (${`conexxus.${type}`}, ${jobId}, ${locationId}, now() - ${agoMs} * interval '1 ms',
        ${JSON.stringify(payload)}::text::jsonb, ${`row-${written}`})`;
  }
}

const FAILED = {
  type: 'sync.failed.push_sales',
  locationId: 'store-7',
  payload: {
    outcome: 'transient',
    attempt: 2,
    httpStatus: 503,
    error: { code: 'http_503', message: 'HTTP 503: \u001B[2Jtired canary-key-3' },
    worker: 'till-7',
  },
};

describe('events', () => {
  it('lists the newest rows, newest last, with their cause', async () => {
    await append(
      { type: 'sync.succeeded.push_sales', agoMs: 7_200_000, payload: { outcome: 'delivered', attempt: 1 } },
      { ...FAILED, agoMs: 3_000 },
      {
        type: 'circuit.opened',
        jobId: 'circuit',
        agoMs: 2_000,
        payload: { from: 'closed', cause: 'streak' },
      },
      {
        type: 'worker.benched',
        jobId: 'circuit',
        agoMs: 1_000,
        payload: { worker: 'w-1', cause: 'failures' },
      },
      { type: 'operator.hold', jobId: 'circuit', payload: { actor: 'olga', reason: 'stocktaking' } },
    );
    const { code, out, err } = await events(['--limit', '4'], { CONEXXUS_API_KEY: 'canary-key-3' });
    expect([code, err]).toEqual([0, '']);
    const TIME = String.raw`20\d\d-\d\d-\d\d \d\d:\d\d:\d\d UTC`;
    const job = new RegExp(`^${TIME} {2}sync\\.failed\\.push_sales +store-7 +${JOB} {2}(.*)$`).exec(
      out.split('\n')[0] ?? '',
    );
    expect(job?.[1]).toBe('transient, attempt 2, HTTP 503: \uFFFD[2Jtired [redacted], by till-7');
    expect(out.split('\n').slice(1)).toEqual([
      expect.stringMatching(/ {2}circuit\.opened +- +circuit +several calls in a row failed$/),
      expect.stringMatching(/ {2}worker\.benched +- +circuit +w-1: its calls fail, one after the other$/),
      expect.stringMatching(/ {2}operator\.hold +- +circuit +olga: stocktaking$/),
      '',
    ]);
  });

  it.each([
    ['an exact type', ['--type', 'conexxus.circuit.opened'], ['circuit.opened']],
    ['the beginning of several', ['--type', 'circuit.*'], ['circuit.opened', 'circuit.closed']],
    ['a beginning that would be a pattern', ['--type', 'circuit_*'], []],
    ['a location', ['--location', 'store-7'], ['sync.failed.push_sales']],
    ['a job', ['--job', JOB], ['sync.failed.push_sales']],
    ['a time', ['--since', '1h'], ['circuit.closed']],
  ])('of %s alone', async (_what, args, types) => {
    await append(
      { ...FAILED, agoMs: 7_200_000 },
      { type: 'circuit.opened', jobId: 'circuit', agoMs: 7_100_000 },
      { type: 'circuit.closed', jobId: 'circuit' },
    );
    const { code, out } = await events([...args, '--json']);
    expect(code).toBe(0);
    const found = out.split('\n').filter(Boolean);
    expect(found.map((line) => JSON.parse(line).type)).toEqual(types.map((type) => `conexxus.${type}`));
  });

  it('gives a row as JSON, without secrets', async () => {
    await append(FAILED);
    const { out } = await events(['--json'], { CONEXXUS_API_KEY: 'canary-key-3' });
    expect(JSON.parse(out)).toEqual({
      id: expect.stringMatching(/^[0-9a-f-]{36}$/),
      type: 'conexxus.sync.failed.push_sales',
      jobId: JOB,
      locationId: 'store-7',
      at: expect.stringMatching(/^20.*Z$/),
      payload: {
        ...FAILED.payload,
        error: { code: 'http_503', message: 'HTTP 503: \u001B[2Jtired [redacted]' },
      },
      transactionIds: [],
    });
  });

  it('pages through more than it holds at a time', async () => {
    await open.database.sql`
      insert into event_log (event_type, aggregate_id, "timestamp", payload, dedupe_key)
      select 'conexxus.sync.failed.push_sales', 'row-' || n, now() - n / 3 * interval '1 second', '{}', 'many-' || n
      from generate_series(1, 1700) n`;
    const { out } = await events(['--limit', '1600', '--json']);
    const found = out.split('\n').filter(Boolean);
    expect(found).toHaveLength(1_600);
    expect(new Set(found).size).toBe(1_600);
    const times = found.map((line): string => JSON.parse(line).at);
    expect(times).toEqual(times.toSorted());
  });

  it.each([
    ['a * in the middle', ['--type', 'sync.*.push_sales'], /--type has its \* at the end/],
    ['no time', ['--since', 'yesterday'], /neither a time/],
  ])('refuses %s', async (_what, args, message) => {
    const { code, err } = await events(args);
    expect(code).toBe(1);
    expect(err).toMatch(message);
  });

  it('says what is missing, and how to mend it', async () => {
    expect((await events([], { DATABASE_URL: '' })).err).toContain('DATABASE_URL is not configured');
    const away = await events([], { DATABASE_URL: 'postgres://x:secret-3@127.0.0.1:1/x' });
    expect(away.code).toBe(1);
    expect(away.err).toMatch(
      /^The event log cannot be read \(.*ECONNREFUSED.*\): is it running at DATABASE_URL/,
    );
    expect(away.err).not.toContain('secret-3');
  });
});

describe('events --follow', () => {
  it('goes on with new rows, through an outage of Postgres, until Ctrl-C', async () => {
    await append({ type: 'circuit.opened', jobId: 'circuit' });
    const child = spawn(process.execPath, ['dist/cli.js', 'events', '--follow', '--json'], {
      cwd: ROOT,
      env: { PATH: process.env['PATH'], DATABASE_URL: proxy.url },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const errors = text(child.stderr);
    const types: string[] = [];
    createInterface({ input: child.stdout }).on('line', (line) => types.push(JSON.parse(line).type));
    const expectGiven = (...expected: string[]) =>
      eventually(() => expect(types).toEqual(expected.map((type) => `conexxus.${type}`)), 30_000);
    await expectGiven('circuit.opened');
    await append({ type: 'circuit.half_opened', jobId: 'circuit' });
    await expectGiven('circuit.opened', 'circuit.half_opened');

    const before = proxy.connections();
    proxy.mode = 'cut';
    proxy.drop();
    await append({ type: 'circuit.closed', jobId: 'circuit', agoMs: 60_000 });
    await eventually(() => expect(proxy.connections()).toBeGreaterThan(before), 30_000);
    proxy.mode = 'pass';
    await expectGiven('circuit.opened', 'circuit.half_opened', 'circuit.closed');

    child.kill('SIGINT');
    const [code] = await once(child, 'close');
    expect(code).toBe(0);
    expect(await errors).toMatch(
      /^Postgres does not answer \(.*\): trying again …\nPostgres answers again\.\n$/,
    );
  });
});
