import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { VARIABLES } from '../src/base/config/settings.ts';
import { parseEntry } from '../src/events/entry.ts';
import { type Insertion, insertEvents } from '../src/events/insert.ts';
import { migrateDatabase } from '../src/events/migrate.ts';
import { attemptEvent, deadLetterEvent, verdictEvent } from '../src/sync/sync-event.ts';
import { aCircuit, type Bench, disconnectAll, START } from './circuit/harness.ts';
import { type FreshDatabase, freshDatabase, type OpenDatabase, openDatabase } from './support/postgres.ts';
import { startProcess } from './support/process.ts';
import { testRedisUrl, uniqueNamespace } from './support/redis.ts';
import { startScript } from './support/script.ts';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const readme = readFileSync(join(ROOT, 'README.md'), 'utf8');
const isThere = (path: string) => existsSync(join(ROOT, path));

function codeBlocks(language: string): string[] {
  const blocks = readme.matchAll(/^```(\w+)\n([\s\S]*?)^```$/gm);
  return [...blocks].flatMap(([, name, code]) => (name === language && code !== undefined ? [code] : []));
}

describe('the configuration table of the README', () => {
  it('has every variable with its default, in the order of the schema', () => {
    const rows = readme.matchAll(/^\| `([A-Z_]+)` \| `?([^|`]*?)`? \|/gm);
    const documented = [...rows].map(([, name, byDefault]) => [name, byDefault]);
    expect(documented).toEqual(VARIABLES.map(({ variable }) => [variable.env, defaultOf(variable)]));
  });

  function defaultOf({ default: byDefault }: (typeof VARIABLES)[number]['variable']): string {
    if (byDefault === null) return 'required';
    return byDefault === undefined ? 'none' : String(byDefault);
  }
});

describe('what the README names', () => {
  it('as a file or folder, is there', () => {
    const named = readme.matchAll(
      /(?<![\w/.*-])(?:(?:src|test|scripts|drizzle|dist|\.ci)\/[\w./-]*|[\w.-]+\.yml|\.env\.example)/g,
    );
    // What is built is there once its source is.
    const paths = [...named].map(([path]) => path.replace(/^dist\/(.*)\.js$/, 'src/$1.ts'));
    expect(paths).toEqual(expect.arrayContaining(['docker-compose.yml', 'src/worker.ts', 'src/circuit/']));
    expect(paths.filter((path) => !isThere(path))).toEqual([]);
  });

  it('as an npm script, is one', () => {
    const manifest: { scripts: object } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));
    const scripts = [...readme.matchAll(/npm (?:run ([\w:]+)|(test))/g)].map(
      ([, run, test]) => run ?? test ?? '',
    );
    expect(scripts).toEqual(expect.arrayContaining(['demo', 'test', 'worker']));
    expect(scripts.filter((name) => !Object.hasOwn(manifest.scripts, name))).toEqual([]);
  });

  it('as a command with its options, is one', async () => {
    const lines = readme.matchAll(/node dist\/cli\.js ([a-z][^#&`\n]*)/g);
    const words = new Map<string, string[]>();
    for (const [, line = ''] of lines) {
      const given = line
        .replaceAll(/'[^']*'/g, '')
        .trim()
        .split(/\s+/);
      const command = given.slice(0, 2).filter((word) => /^[a-z]+[a-z_-]*$/.test(word));
      words.set(command.join(' '), [...(words.get(command.join(' ')) ?? []), ...given]);
    }
    expect([...words.keys()]).toEqual(expect.arrayContaining(['migrate', 'doctor', 'enqueue push_sales']));
    const unknown = await Promise.all([...words].map(([command, given]) => unknownIn(command, given)));
    expect(unknown.flat()).toEqual([]);
  }, 60_000);

  /** What the command's own help does not know. */
  async function unknownIn(command: string, words: readonly string[]): Promise<string[]> {
    const cli = startProcess('dist/cli.js', {}, [...command.split(' '), '--help']);
    await cli.exited;
    const help = cli.logs.map(({ msg }) => msg).join('\n');
    // What is no command gets the help of the one above it, which asks for a command.
    if (!help.startsWith('Usage:') || help.includes('[command]')) return [command];
    const flags = words.filter((word) => word.startsWith('--') && !help.includes(`${word} `));
    return flags.map((flag) => `${command} ${flag}`);
  }
});

describe('the TypeScript of the README', () => {
  it('enqueues a sale', async () => {
    const [code = ''] = codeBlocks('ts');
    const here = code
      .replace("'conexxus-sync'", "'./src/index.ts'")
      .replace("'redis://127.0.0.1:6379'", JSON.stringify(testRedisUrl()))
      .replace("'conexxus'", JSON.stringify(uniqueNamespace()));
    const { stdout, stderr } = await startScript(here).ended;
    expect({ stdout, stderr }).toEqual({
      stdout: expect.stringMatching(/^ps-[0-9a-f]{64} accepted waiting\n$/),
      stderr: '',
    });
  });
});

describe('the queries of the README', () => {
  let fresh: FreshDatabase;
  let database: OpenDatabase;

  beforeAll(async () => {
    fresh = await freshDatabase();
    database = openDatabase(fresh.url, 1);
    await migrateDatabase(database);
    await insertEvents(database, [...salesRows(), ...(await circuitRows())]);
  });

  afterAll(async () => {
    await disconnectAll();
    await database.close();
    await fresh.close();
  });

  async function ask(title: string) {
    const query = codeBlocks('sql').find((code) => code.startsWith(`-- ${title}`));
    if (query === undefined) throw new Error(`The README has no query "${title}".`);
    return [...(await database.sql.unsafe(query))];
  }

  it('find the recent failures, newest first', async () => {
    const rows = await ask('Recent failures');
    expect(rows.map(({ job_id: id }) => id)).toEqual(['dead', 'replayed', 'sold-elsewhere', 'sold']);
    expect(rows[3]).toMatchObject({
      location_id: 'store-7',
      operation: 'push_sales',
      outcome: 'transient',
      http: '503',
      error: 'HTTP 503',
    });
  });

  it('count the failures of a day by operation', async () => {
    const rows = await ask('Failures by operation');
    expect(rows).toHaveLength(1);
    expect(rows[0]).toMatchObject({
      operation: 'push_sales',
      outcome: 'rejected',
      code: 'http_422',
      attempts: '2',
      jobs: '2',
    });
  });

  it('tell what became of one sale, and what was answered', async () => {
    expect(await ask('What became of one sale')).toMatchObject([
      { event_type: 'conexxus.sync.failed.push_sales', job_id: 'sold', error: 'HTTP 503', answer: 'down' },
      {
        event_type: 'conexxus.sync.succeeded.push_sales',
        job_id: 'sold',
        outcome: 'delivered',
        refused: null,
      },
    ]);
  });

  it('list the deliveries with refusals inside, and what they refuse', async () => {
    expect(await ask('Delivered, with refusals')).toMatchObject([
      { job_id: 'partly', location_id: 'store-8', http: '207', refused: ['T-6'], answer: PARTLY.answer },
    ]);
  });

  it("tell a store's day by its own clock", async () => {
    const rows = await ask("One store's day");
    expect(rows.map(({ job_id: id, attempt }) => `${id} ${attempt}`)).toEqual(['sold 1', 'sold 2', 'late 1']);
    expect(rows[0]).toMatchObject({ transactions: '1', ms: '40' });
  });

  it('tell how long each outage lasted, with all its trials', async () => {
    const rows = await ask('Outages');
    expect(rows.map(({ cause, lasted }) => [cause, lasted])).toEqual([
      ['misconfigured', null],
      ['streak', '00:00:04'],
    ]);
    expect(Date.parse(String(rows[1]?.['opened_at']))).toBe(START + 1_000);
  });

  it('list the dead letters that nothing has happened to since', async () => {
    expect(await ask('Dead letters')).toMatchObject([
      { job_id: 'dead', location_id: 'store-9', transaction_ids: ['T-2'], reason: 'no such item' },
    ]);
  });

  it('tell what people did, and why', async () => {
    expect(await ask('What people did')).toMatchObject([
      { event_type: 'conexxus.operator.trial', actor: 'Ana', reason: 'they say it is back' },
    ]);
  });
});

const HOUR_MS = 3_600_000;
const chicago = (time: string) => Date.parse(`${time}-06:00`);
const hoursAgo = (hours: number) => Date.now() - hours * HOUR_MS;

/** As a worker's events come out of the stream. */
function salesRows(): Insertion[] {
  const sold = sale('sold', 'store-7', 'T-1001');
  const elsewhere = sale('sold-elsewhere', 'store-8', 'T-1001');
  const dead = sale('dead', 'store-9', 'T-2');
  const replayed = sale('replayed', 'store-9', 'T-3');
  return [
    row(sold.failed(503, 1), chicago('2025-11-20T00:00:00')),
    row(sold.delivered(2), chicago('2025-11-20T09:16:00')),
    row(sale('late', 'store-7', 'T-4').delivered(1), chicago('2025-11-20T23:59:59')),
    row(sale('next-day', 'store-7', 'T-5').delivered(1), chicago('2025-11-21T00:00:00')),
    row(elsewhere.failed(503, 1), chicago('2025-11-20T10:00:00')),
    row(replayed.failed(422, 1), hoursAgo(4)),
    row(replayed.died(), hoursAgo(4)),
    row(replayed.replayed(), hoursAgo(3)),
    row(dead.failed(422, 1), hoursAgo(2)),
    row(dead.died(), hoursAgo(2)),
    row(sale('partly', 'store-8', 'T-6').delivered(1, PARTLY), hoursAgo(1)),
  ];
}

const PARTLY = {
  httpStatus: 207,
  flagged: true,
  refused: ['T-6'],
  answer: '{"success":true,"data":{"rejected":["T-6"]}}',
};

function sale(jobId: string, locationId: string, transactionId: string) {
  const subject = { jobId, name: 'push_sales', json: '{}', locationId, transactionIds: [transactionId] };
  const asIs = (text: string) => text;
  const rejection = { code: 'http_422', message: 'no such item' };
  const attempted = (attempt: number, more: object) => ({ attempt, durationMs: 40, ...more });
  return {
    delivered: (attempt: number, more: object = { httpStatus: 200 }) =>
      attemptEvent(
        subject,
        `${jobId}-${attempt}`,
        { outcome: 'delivered', ...attempted(attempt, more) },
        asIs,
      ),
    failed: (httpStatus: 422 | 503, attempt: number) => {
      const error = httpStatus === 422 ? rejection : { code: 'http_503', message: 'HTTP 503' };
      const outcome = httpStatus === 422 ? 'rejected' : 'transient';
      return attemptEvent(
        subject,
        `${jobId}-${attempt}`,
        { outcome, ...attempted(attempt, { httpStatus, error, answer: 'down' }) },
        asIs,
      );
    },
    replayed: () =>
      verdictEvent('replayed', subject, { actor: 'Ana', reason: 'item created' }, rejection.message, asIs),
    died: () => deadLetterEvent(subject, 0, { outcome: 'rejected', attempt: 1, error: rejection }, asIs),
  };
}

/** Of a real circuit: one outage of four seconds with a failed trial, and one that goes on. */
async function circuitRows(): Promise<Insertion[]> {
  const bench = await aCircuit({ openMs: 1_000, failureThreshold: 2 });
  await bench.clock.pass(1_000);
  await bench.fail(2);
  await bench.toTrials();
  await bench.call('failure');
  await bench.clock.set(START + 3_000);
  await bench.circuit.operate('trial', { actor: 'Ana', reason: 'they say it is back' });
  await bench.toTrials();
  await bench.clock.set(START + 5_000);
  await bench.call('success');
  await bench.call('success');
  await bench.clock.pass(60_000);
  await bench.call('misconfigured');
  return rowsOf(bench);
}

async function rowsOf({ entries }: Bench): Promise<Insertion[]> {
  const found = await entries();
  return found
    .filter(({ event }) => !event.type.startsWith('outcome.'))
    .map(({ event, at }) => row(event, at));
}

function row(event: object, at: number): Insertion {
  const parsed = parseEntry(['event', JSON.stringify(event), 'at', String(at), 'state', 'closed']);
  if (parsed.kind === 'malformed') throw new Error(parsed.reason);
  return { id: '0-1', row: parsed.row };
}
