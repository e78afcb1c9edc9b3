import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { VALID } from '../support/config.ts';
import { type FreshDatabase, freshDatabase } from '../support/postgres.ts';
import { startProcess } from '../support/process.ts';
import { testRedisUrl } from '../support/redis.ts';

const SHORT = 'CONEXXUS_API_KEY appears to be invalid (too short): it needs at least 10 characters';

let folder: string;
let fresh: FreshDatabase;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'conexxus-sync-words-'));
  fresh = await freshDatabase();
});

afterAll(async () => {
  await fresh.close();
  rmSync(folder, { recursive: true });
});

function keyFile(content: string): string {
  const path = join(folder, 'api-key');
  writeFileSync(path, content);
  return path;
}

function withPassword(url: string, password: string): string {
  const changed = new URL(url);
  changed.password = password;
  return changed.href;
}

/** What a process that does not start says of its configuration. */
async function refusal(entry: string, env: Record<string, string>): Promise<string[]> {
  const refused = startProcess(entry, { ...VALID, ...env });
  expect((await refused.exited).code).toBe(1);
  const [head, ...problems] = refused.stderr().trimEnd().split('\n');
  expect(head).toBe('The configuration is not valid:');
  return problems.map((problem) => problem.trim());
}

async function said(command: string[], env: Record<string, string>): Promise<string> {
  const spoken = startProcess('dist/cli.js', env, command);
  await spoken.exited;
  return spoken.stderr() + spoken.logs.map(({ msg = '' }) => `${msg}\n`).join('');
}

describe('a secret that is a word of the message about it', () => {
  it.each(['short', 'least', 'invalid', 'appears'])(
    '[78] the key %j: the message reads as written, at the start and by doctor',
    async (key) => {
      const { CONEXXUS_API_KEY: _, ...keyless } = VALID;
      expect(await refusal('dist/worker.js', { CONEXXUS_API_KEY: key })).toEqual([SHORT]);
      const file = { CONEXXUS_API_KEY: '', CONEXXUS_API_KEY_FILE: keyFile(`${key}\n`) };
      expect(await refusal('dist/worker.js', file)).toEqual([SHORT]);
      // Not whatever Redis may be at the default address.
      const REDIS_URL = 'redis://127.0.0.1:1';
      const doctor = await said(['doctor'], { ...keyless, REDIS_URL, CONEXXUS_API_KEY: key });
      expect(doctor).toContain(`FIX  Configuration  ${SHORT}\n`);
      expect(doctor).toMatch(/CONEXXUS_API_KEY +\[redacted\] +environment/);
    },
    30_000,
  );

  it('[78] a key that is no word of it, and what the system says of a file: redacted as ever', async () => {
    const CONEXXUS_CA_FILE = `/none/hush-hush/short.pem`;
    const env = { CONEXXUS_API_KEY: 'short', DASHBOARD_PASSWORD: 'hush-hush', CONEXXUS_CA_FILE };
    expect(await refusal('dist/worker.js', env)).toEqual([
      SHORT,
      "CONEXXUS_CA_FILE cannot be read: ENOENT: no such file or directory, open '/none/[redacted]/[redacted].pem'",
    ]);
    const doctor = await said(['doctor', '--json'], env);
    expect(doctor).toContain("open '/none/[redacted]/[redacted].pem'");
    expect(doctor).not.toContain('hush');
  });

  it('[78] a password of the dashboard: the same', async () => {
    const long = 'DASHBOARD_PASSWORD is too short: it needs at least 8 characters';
    expect(
      await refusal('dist/dashboard.js', { DASHBOARD_USER: 'boss', DASHBOARD_PASSWORD: 'short' }),
    ).toEqual([long]);
    const alone = { DASHBOARD_PASSWORD: 'configured' };
    expect(await refusal('dist/dashboard.js', alone)).toEqual([
      'DASHBOARD_USER is not configured: DASHBOARD_PASSWORD is, and needs it',
    ]);
  });

  it('[78] the passwords of Redis and Postgres, in what doctor and the other commands say of them: the same', async () => {
    const redis = (password: string) => ({ REDIS_URL: `redis://:${password}@127.0.0.1:1` });
    const postgres = (password: string) => ({ DATABASE_URL: `postgres://u:${password}@127.0.0.1:1/d` });
    const doctor = await said(['doctor'], { ...redis('password'), ...postgres('database') });
    expect(doctor).toContain('is it running at REDIS_URL, and the password right?\n');
    expect(doctor).toContain('is it running at DATABASE_URL, and are database, user and password right?\n');
    expect(await said(['circuit', 'status'], redis('running'))).toMatch(
      /^Redis does not answer \(.*\): is it running at REDIS_URL\?\n$/,
    );
    expect(await said(['migrate'], postgres('database'))).toMatch(
      /^The database could not be migrated: .*\n$/,
    );
  });

  it('[78] a password that is in our own name: the message still says what to type', async () => {
    const DATABASE_URL = withPassword(fresh.url, 'conexxus');
    const advice = 'run `node dist/cli.js migrate`';
    expect(await said(['doctor'], { DATABASE_URL })).toContain(advice);
    const worker = startProcess('dist/worker.js', { ...VALID, DATABASE_URL, REDIS_URL: testRedisUrl() });
    expect((await worker.exited).code).toBe(1);
    expect(worker.stderr()).toContain(advice);
  }, 30_000);
});
