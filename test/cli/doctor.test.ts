import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import postgres from 'postgres';
import { z } from 'zod';
import { connectRedis } from '../../src/base/redis.ts';
import { type FreshDatabase, freshDatabase } from '../support/postgres.ts';
import { testRedisUrl } from '../support/redis.ts';
import { type Simulator, startSimulator } from '../support/simulator/simulator.ts';
import { runCommand } from './command.ts';

const UNREACHABLE = {
  REDIS_URL: 'redis://:canary-redis@127.0.0.1:1',
  CONEXXUS_API_URL: 'http://127.0.0.1:1',
};

/** PGlite is one session, which would stay as it is. */
const itOnServer = process.env['TEST_DATABASE_URL'] ? it : it.skip;

interface Diagnosis {
  readonly ok: boolean;
  readonly variables: { name: string; source: string; value: string }[];
  readonly checks: { name: string; ok: boolean; message: string }[];
}

async function diagnose(env: NodeJS.ProcessEnv): Promise<Diagnosis & { code: number | null }> {
  const { code, out, err } = await runCommand(['doctor', '--json'], env);
  expect(err).toBe('');
  const diagnosis: Diagnosis = JSON.parse(out);
  return { ...diagnosis, code };
}

describe('doctor', () => {
  let database: FreshDatabase;
  let simulator: Simulator;
  let healthy: NodeJS.ProcessEnv;

  beforeAll(async () => {
    database = await freshDatabase();
    simulator = await startSimulator();
    healthy = {
      REDIS_URL: testRedisUrl(),
      DATABASE_URL: database.url,
      CONEXXUS_API_URL: simulator.url,
      CONEXXUS_API_KEY: simulator.apiKey,
    };
  });

  afterAll(async () => {
    await simulator.stop();
    await database.close();
  });

  it('asks for the migration, and is content once it is made', async () => {
    const before = await diagnose(healthy);
    expect(before.code).toBe(1);
    expect(before.checks).toContainEqual({
      name: 'Postgres schema',
      ok: false,
      message: expect.stringContaining('run `node dist/cli.js migrate`'),
    });

    const journal = await readFile('drizzle/meta/_journal.json', 'utf8');
    const { length } = z
      .object({ entries: z.array(z.object({ tag: z.string() })) })
      .parse(JSON.parse(journal)).entries;
    expect(await runCommand(['migrate'], healthy)).toMatchObject({
      code: 0,
      out: `Applied ${length} migrations.\n`,
    });
    expect(await runCommand(['migrate'], healthy)).toMatchObject({
      code: 0,
      out: 'The database is up to date.\n',
    });

    const redis = connectRedis(testRedisUrl(), 'patient', () => undefined);
    const keepsAppendOnlyFile = /aof_enabled:1/.test(await redis.info('persistence'));
    redis.disconnect();
    const after = await diagnose(healthy);
    const wrong = after.checks.filter(({ ok }) => !ok).map(({ name }) => name);
    expect(wrong).toEqual(keepsAppendOnlyFile ? [] : ['Redis persistence']);
    expect(after).toMatchObject(keepsAppendOnlyFile ? { ok: true, code: 0 } : { ok: false, code: 1 });
  });

  it('shows each variable with its source, and secrets masked', async () => {
    const { variables } = await diagnose({
      ...healthy,
      CONEXXUS_TIMEOUT: '5000',
      DASHBOARD_PASSWORD: 'amqp://pw',
      DASHBOARD_VIEWER_PASSWORD: 'default',
    });
    expect(variables).toEqual(
      expect.arrayContaining([
        { name: 'CONEXXUS_API_KEY', source: 'environment', value: '[redacted]' },
        { name: 'DATABASE_URL', source: 'environment', value: '[redacted]' },
        { name: 'CONEXXUS_TIMEOUT', source: 'environment', value: '5000' },
        { name: 'DASHBOARD_PASSWORD', source: 'environment', value: '[redacted]' },
        // Not the password "default", but ours.
        { name: 'LOCATION_ID', source: 'default', value: 'default' },
        { name: 'CIRCUIT_OPEN', source: 'default', value: '60000' },
        { name: 'ALERT_WEBHOOK_URL', source: 'unset', value: '' },
      ]),
    );
  });

  it('says that a secret of alerts alone tells nobody', async () => {
    const { checks } = await diagnose({ ...healthy, ALERT_WEBHOOK_SECRET: `whsec_${'c2VjcmV0'.repeat(4)}` });
    expect(checks).toContainEqual({
      name: 'Configuration',
      ok: false,
      message: 'ALERT_WEBHOOK_SECRET is set and ALERT_WEBHOOK_URL is not: nobody is told of an outage',
    });
  });

  itOnServer('tells a Postgres that takes no writes, with the fix, and one that does', async () => {
    const role = async () => (await diagnose(healthy)).checks.find(({ name }) => name === 'Postgres role');
    expect(await role()).toMatchObject({ ok: true, message: 'primary, takes writes' });
    const person = postgres(database.url, { max: 1 });
    const readOnly = (value: string) =>
      person.unsafe(`alter database ${person.options.database} set default_transaction_read_only = ${value}`);
    await readOnly('on');
    try {
      expect(await role()).toMatchObject({ ok: false, message: expect.stringMatching(/then turn it off$/) });
    } finally {
      await readOnly('off');
      await person.end();
    }
  });

  it.each([
    [401, /^refuses us .*check CONEXXUS_API_KEY/],
    [429, /^limits our rate now/],
    [503, /^is not healthy .*503/],
  ])('tells what an API that answers %d is about', async (status, message) => {
    await simulator.setMode(status);
    try {
      const { checks } = await diagnose(healthy);
      expect(checks).toContainEqual({ name: 'Conexxus', ok: false, message: expect.stringMatching(message) });
    } finally {
      await simulator.setMode('ok');
    }
  });

  it('says for each service that is away what to look at, in a table, without secrets', async () => {
    const startedAt = performance.now();
    const { code, out, err } = await runCommand(['doctor'], {
      ...UNREACHABLE,
      DATABASE_URL: 'postgres://sync:canary-postgres@127.0.0.1:1/sync',
      CONEXXUS_API_KEY: 'canary-api-key',
      DASHBOARD_USER: 'boss',
      DASHBOARD_PASSWORD: 'canary-dashboard',
      ALERT_WEBHOOK_URL: 'https://hooks.shop.test/canary-webhook',
    });
    expect(performance.now() - startedAt).toBeLessThan(15_000);
    expect({ code, err }).toEqual({ code: 1, err: '' });
    expect(out).toMatch(/^ {2}ok {3}Configuration {2}valid$/m);
    expect(out).toMatch(/^ {2}FIX {2}Redis {10}cannot be used \(.*ECONNREFUSED.*REDIS_URL/m);
    expect(out).toMatch(/^ {2}FIX {2}Postgres {7}cannot be used \(.*ECONNREFUSED.*DATABASE_URL/m);
    expect(out).toMatch(/^ {2}FIX {2}Conexxus {7}is not healthy \(.*CONEXXUS_API_URL/m);
    expect(out).toMatch(/\n3 of 5 checks need fixing\.\n$/);
    expect(out).not.toContain('canary');
  });

  it('lists what is wrong with the configuration, and checks the rest', async () => {
    const { checks, code } = await diagnose({
      ...healthy,
      CONEXXUS_API_URL: 'https://example.com',
      LOG_LEVEL: 'x',
    });
    expect(code).toBe(1);
    expect(checks.filter(({ ok }) => !ok).map(({ name, message }) => `${name}: ${message}`)).toEqual(
      expect.arrayContaining([
        expect.stringMatching(/^Configuration: CONEXXUS_API_URL points to example domain/),
        expect.stringMatching(/^Configuration: LOG_LEVEL must be one of/),
        expect.stringMatching(/^Conexxus: not checked/),
      ]),
    );
    expect(checks).toContainEqual({ name: 'Redis', ok: true, message: expect.any(String) });
    expect(checks).toContainEqual({ name: 'Postgres', ok: true, message: expect.any(String) });
  });
});

describe('migrate', () => {
  it('without a database says what is missing, and nothing else', async () => {
    expect(await runCommand(['migrate'], {})).toEqual({
      code: 1,
      out: '',
      err: 'The configuration is not valid:\n  DATABASE_URL is not configured: set it to the postgres:// address of its database\n',
    });
  });

  it('with a database that is away says so in one line', async () => {
    const { code, err } = await runCommand(['migrate'], {
      DATABASE_URL: 'postgres://sync:canary@127.0.0.1:1/sync',
    });
    expect(code).toBe(1);
    expect(err).toMatch(/^The database could not be migrated: .*ECONNREFUSED.*\n$/);
    expect(err).not.toContain('canary');
  });
});
