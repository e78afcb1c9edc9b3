import { readdirSync, readFileSync } from 'node:fs';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { freePort } from '../../scripts/services/machine.ts';
import { createToken } from '../../src/tokens/tokens.ts';
import { openPos, type PosDatabase } from '../outbox/pos.ts';
import { eventually } from '../support/eventually.ts';
import { startProcess } from '../support/process.ts';
import { type Stand, startStand } from '../support/stand.ts';

const FOLDER = 'scripts/examples';

/** What it printed; it ended well and said nothing on stderr. */
async function runExample(
  file: string,
  env: Readonly<Record<string, string>>,
  ...args: string[]
): Promise<string[]> {
  const example = startProcess(`${FOLDER}/${file}`, env, args);
  const { code } = await example.exited;
  expect({ code, stderr: example.stderr() }).toEqual({ code: 0, stderr: '' });
  return example.logs.map(({ msg }) => String(msg));
}

describe('the examples', () => {
  it('are read at a glance: at most 60 lines each', () => {
    const files = readdirSync(FOLDER);
    expect(files.length).toBeGreaterThanOrEqual(5);
    const long = files.filter((file) => readFileSync(`${FOLDER}/${file}`, 'utf8').split('\n').length > 61);
    expect(long).toEqual([]);
  });
});

describe('the examples of a POS with Postgres', () => {
  let pos: PosDatabase;

  beforeAll(async () => {
    pos = await openPos();
    await pos.sql`alter table receipts add column total numeric not null`;
  });

  afterEach(async () => {
    await pos.empty();
  });

  afterAll(async () => {
    await pos.close();
  });

  /** A receipt and a row each, of the same sale. */
  async function expectTwins(count: number): Promise<void> {
    const receipts = await pos.receipts();
    const rows = await pos.sql`select data -> 'transactions' -> 0 ->> 'id' as id from conexxus.outbox`;
    expect(receipts).toHaveLength(count);
    expect(rows.map(({ id }) => String(id)).sort()).toEqual(receipts);
  }

  it('with Drizzle: rings up, and leaves no trace of what is not valid', async () => {
    const env = { DATABASE_URL: pos.fresh.url };
    const [first, second] = await runExample('pos-with-drizzle.ts', env, '3');
    expect(first).toBe('3 rung up');
    expect(second).toMatch(/^The payload is not valid: .*transactions\[0\]\.total/);
    await expectTwins(3);
  });

  it('with bare postgres: rings up, and leaves no trace of what is not paid', async () => {
    const lines = await runExample('pos-with-postgres.ts', { DATABASE_URL: pos.fresh.url }, '3');
    expect(lines).toEqual(['3 rung up; the last one was not paid']);
    await expectTwins(3);
  });
});

describe('the examples of a POS without Postgres', () => {
  let stand: Stand;

  beforeAll(async () => {
    stand = await startStand();
  });

  afterAll(async () => {
    await stand.close();
  });

  it('with the library: enqueues what a worker delivers', async () => {
    const lines = await runExample('pos-with-the-library.ts', stand.env);
    expect(lines).toHaveLength(2);
    for (const line of lines) {
      expect(line).toMatch(/^ps-[0-9a-f]{64} accepted$/);
      stand.accept(line.split(' ')[0] ?? '');
    }
  });

  it('with HTTP alone: tries again until the intake is there, and is told what is refused', async () => {
    const port = String(await freePort());
    const token = await stand.database.write((tx) =>
      createToken(tx, { name: 'till', locationIds: ['store-7'], actor: 'a test' }),
    );
    const env = { ...stand.env, INTAKE_URL: `http://127.0.0.1:${port}`, INTAKE_TOKEN: token };
    const lines = runExample('pos-with-http.ts', env);
    const intake = startProcess('dist/intake.js', { ...stand.env, INTAKE_PORT: port });
    const [first = '', second, third = '', last] = await lines;
    expect(await intake.stop()).toMatchObject({ code: 0 });
    expect([first, third]).toEqual(Array(2).fill(expect.stringMatching(/^ps-[0-9a-f]{64} accepted$/)));
    expect([second, last]).toEqual([
      'refused: transactions[0].total must be a finite number',
      'pending: 200',
    ]);
    for (const line of [first, third]) stand.accept(line.split(' ')[0] ?? '');
  });

  it("as BullMQ's Python client writes it: the worker delivers that sale", async () => {
    const [jobId = ''] = await runExample('python-client.ts', stand.env, '17');
    expect(jobId).toBe('store-7-R-17');
    const written = await stand.redis.hgetall(`{${stand.namespace}}:sync:${jobId}`);
    expect(written).toMatchObject({ name: 'push_sales', opts: expect.stringContaining('"attempts":0') });
    expect(written['data']).toContain('"total":21.0,');
    expect(written['data']).toContain('Caf\\u00e9 cr\\u00e8me \\ud83d\\ude00');
    stand.accept(jobId);

    await stand.startWorker();
    await eventually(async () => {
      expect(await stand.reconcile()).toMatchObject({ accepted: 5, delivered: 5, problems: [] });
    });
  });
});
