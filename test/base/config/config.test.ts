import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from '@jest/globals';
import { loadConfig, type Part, secretsOf } from '../../../src/base/config/config.ts';
import { VARIABLES } from '../../../src/base/config/settings.ts';
import { problemsOf, VALID } from '../../support/config.ts';

const scratch = join(tmpdir(), `conexxus-sync-config-${process.pid}`);
const scratchFile = (name: string, content: string) => {
  writeFileSync(`${scratch}-${name}`, content);
  return `${scratch}-${name}`;
};
afterAll(() =>
  ['key', 'empty', 'two', 'short', 'ca', 'nota-ca'].forEach((name) =>
    rmSync(`${scratch}-${name}`, { force: true }),
  ),
);

describe('the configuration of a worker', () => {
  it('has the documented default for everything that is not required', () => {
    expect(loadConfig('worker', VALID)).toEqual({
      conexxus: {
        apiUrl: 'https://conexxus.shop.test',
        allowHttp: false,
        timeoutMs: 30_000,
        quickRetries: 3,
        retryDelayMs: 1_000,
        maxAttempts: 300,
        enabled: true,
      },
      access: { apiKey: 'key-0123456789' },
      locationId: 'default',
      namespace: 'conexxus',
      redisUrl: 'redis://127.0.0.1:6379',
      databaseUrl: 'postgres://sync:dbpassword@db.shop.test/sync',
      worker: {
        concurrency: 10,
        fleetConcurrency: 0,
        completedMax: 10_000,
        healthPort: 0,
        shutdownTimeoutMs: 25_000,
      },
      circuit: {
        failureThreshold: 5,
        failureRate: 0.5,
        minimumCalls: 20,
        windowMs: 60_000,
        slowCallMs: 0,
        rejections: 50,
        openMs: 60_000,
        openMaxMs: 600_000,
        successThreshold: 2,
        rampStepMs: 1_000,
        deliveredRetentionDays: 7,
      },
      events: { retentionDays: 90, backlogMax: 100_000 },
      alertWebhookUrl: undefined,
      logLevel: 'info',
    });
  });

  it('reads numbers, shares and flags as what they are', () => {
    const env = { ...VALID, CONEXXUS_TIMEOUT: '500', CIRCUIT_FAILURE_RATE: '1', CONEXXUS_ENABLED: '0' };
    const { conexxus, circuit } = loadConfig('worker', env);
    expect([conexxus.timeoutMs, circuit.failureRate, conexxus.enabled]).toEqual([500, 1, false]);
  });

  it('takes an empty variable, and one of spaces, as an unset one', () => {
    const env = { ...VALID, CONEXXUS_TIMEOUT: '', REDIS_URL: ' \t', CONEXXUS_CA_FILE: '' };
    expect(loadConfig('worker', env)).toEqual(loadConfig('worker', VALID));
    expect(problemsOf('worker', { ...VALID, CONEXXUS_API_URL: '' })).toHaveLength(1);
  });

  it('takes the line ends of an env file written on Windows off a value', () => {
    expect(loadConfig('worker', { ...VALID, CONEXXUS_API_KEY: 'key-0123456789\r' }).access.apiKey).toBe(
      'key-0123456789',
    );
  });

  it('reads nothing from the command line of its process', () => {
    process.argv.push('--namespace=hijacked', '--logLevel=trace');
    try {
      expect(loadConfig('worker', VALID).namespace).toBe('conexxus');
    } finally {
      process.argv.splice(-2);
    }
  });
});

describe('each command', () => {
  it.each<[Part, NodeJS.ProcessEnv]>([
    ['enqueue', {}],
    ['circuit', {}],
    ['migrate', { DATABASE_URL: VALID.DATABASE_URL }],
    ['dashboard', { DATABASE_URL: VALID.DATABASE_URL, CONEXXUS_API_URL: VALID.CONEXXUS_API_URL }],
  ])('%s is content with %j', (part, env) => {
    expect(problemsOf(part, env)).toEqual([]);
  });

  it('minds no variable that it does not read', () => {
    const broken = { CONEXXUS_API_URL: 'nonsense', REDIS_URL: 'nonsense', CIRCUIT_OPEN: 'nonsense' };
    expect(problemsOf('migrate', { ...VALID, ...broken })).toEqual([]);
    expect(problemsOf('dashboard', { ...VALID, CONEXXUS_API_KEY: 'short' })).toEqual([]);
    expect(problemsOf('worker', { ...VALID, DASHBOARD_HOST: '0.0.0.0' })).toEqual([]);
  });

  it('gives the dashboard its logins', () => {
    const env = {
      ...VALID,
      DASHBOARD_USER: 'boss',
      DASHBOARD_PASSWORD: 'correct horse',
      DASHBOARD_VIEWER_USER: 'guest',
      DASHBOARD_VIEWER_PASSWORD: 'just looking',
      TRUST_PROXY: '10.0.0.7, fd00::/8',
    };
    expect(loadConfig('dashboard', env).dashboard).toEqual({
      host: '127.0.0.1',
      port: 3000,
      proxies: [
        { address: '10.0.0.7', family: 'ipv4', prefix: 32 },
        { address: 'fd00::', family: 'ipv6', prefix: 8 },
      ],
      operator: { user: 'boss', password: 'correct horse' },
      viewer: { user: 'guest', password: 'just looking' },
    });
    expect(loadConfig('dashboard', VALID).dashboard.proxies).toEqual([]);
  });
});

describe('files named by the configuration', () => {
  const { CONEXXUS_API_KEY: _, ...keyless } = VALID;

  it('give the API key, without the line end, and where it may change', () => {
    const CONEXXUS_API_KEY_FILE = scratchFile('key', 'key-from-a-file\n');
    expect(loadConfig('worker', { ...keyless, CONEXXUS_API_KEY_FILE }).access).toEqual({
      apiKey: 'key-from-a-file',
      apiKeyFile: CONEXXUS_API_KEY_FILE,
    });
  });

  it('give the private certificate authority', () => {
    const pem = '-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----';
    expect(loadConfig('worker', { ...VALID, CONEXXUS_CA_FILE: scratchFile('ca', pem) }).access.ca).toBe(pem);
  });

  it.each<[string, NodeJS.ProcessEnv, RegExp]>([
    [
      'the key and its file',
      { ...VALID, CONEXXUS_API_KEY_FILE: scratchFile('key', 'key-from-a-file') },
      /^CONEXXUS_API_KEY_FILE and CONEXXUS_API_KEY are both set: keep one$/,
    ],
    [
      'a key file that is not there',
      { ...keyless, CONEXXUS_API_KEY_FILE: '/nowhere/key' },
      /^CONEXXUS_API_KEY_FILE cannot be read: .*ENOENT.*'\/nowhere\/key'$/,
    ],
    [
      'a key file with nothing in it',
      { ...keyless, CONEXXUS_API_KEY_FILE: scratchFile('empty', '\n') },
      /^CONEXXUS_API_KEY_FILE is empty: put the key into it$/,
    ],
    [
      'a key file with more than a key in it',
      { ...keyless, CONEXXUS_API_KEY_FILE: scratchFile('two', 'key-from-a-file\nkey-from-a-file\n') },
      /^CONEXXUS_API_KEY appears to be invalid \(has characters that no HTTP header carries\)$/,
    ],
    [
      'a key file with too little in it',
      { ...keyless, CONEXXUS_API_KEY_FILE: scratchFile('short', 'short') },
      /^CONEXXUS_API_KEY appears to be invalid \(too short\)/,
    ],
    [
      'an authority file that is not there',
      { ...VALID, CONEXXUS_CA_FILE: '/nowhere/ca.pem' },
      /^CONEXXUS_CA_FILE cannot be read: .*ENOENT/,
    ],
    [
      'an authority file that is none',
      { ...VALID, CONEXXUS_CA_FILE: scratchFile('nota-ca', 'hello') },
      /^CONEXXUS_CA_FILE has no certificate in it: it must be in PEM format$/,
    ],
  ])('%s: one problem', (_what, env, message) => {
    expect(problemsOf('worker', env)).toEqual([expect.stringMatching(message)]);
  });
});

describe('the secrets of an environment', () => {
  it('are the key, the passwords raw and decoded, and addresses that hold one', () => {
    const secrets = secretsOf({
      CONEXXUS_API_KEY: 'the-api-key',
      CONEXXUS_API_KEY_FILE: scratchFile('key', 'the-other-key\n'),
      REDIS_URL: 'redis://:redis%21pw@redis.shop.test',
      DATABASE_URL: 'postgres://sync:db@pw@db.shop.test/sync?password=query%20pw',
      DASHBOARD_PASSWORD: 'operator pw',
      DASHBOARD_VIEWER_PASSWORD: 'viewer pw',
      ALERT_WEBHOOK_URL: 'https://hooks.shop.test/services/T0K3N?a=b',
      ALERT_WEBHOOK_SECRET: 'whsec_c2VjcmV0',
      ALERT_HEARTBEAT_URL: 'https://beats.shop.test/B3A7',
    });
    const expected = ['the-api-key', 'the-other-key', 'redis%21pw', 'redis!pw', 'db@pw', 'query pw'];
    expect(secrets).toEqual(expect.arrayContaining(expected));
    expect(secrets).toEqual(expect.arrayContaining(['operator pw', 'viewer pw', '/services/T0K3N?a=b']));
    expect(secrets).toEqual(expect.arrayContaining(['whsec_c2VjcmV0', '/B3A7']));
  });

  it('are a key and a password also where they look like an address', () => {
    const look = 'amqp://pw';
    expect(
      secretsOf({ CONEXXUS_API_KEY: look, CONEXXUS_API_KEY_FILE: scratchFile('key', 'abc://def') }),
    ).toEqual([look, 'abc://def']);
    expect(secretsOf({ DASHBOARD_PASSWORD: look })).toEqual([look]);
  });

  it('leave the address of a Redis without a password readable', () => {
    expect(secretsOf({ REDIS_URL: 'redis://redis.shop.test:6379' })).toEqual([]);
  });
});

describe('.env.example', () => {
  const lines = readFileSync(new URL('../../../.env.example', import.meta.url), 'utf8').split('\n');
  const example = lines.flatMap((line) => {
    const found = /^#?([A-Z][A-Z_]+)=(.*)$/.exec(line);
    return found ? [{ name: found[1], value: found[2] }] : [];
  });

  it('names every variable once, in the order of the schema', () => {
    expect(example.map(({ name }) => name)).toEqual(VARIABLES.map(({ variable }) => variable.env));
  });

  it('shows the defaults, and nothing where there is none', () => {
    const defaults = VARIABLES.map(({ variable }) => String(variable.default ?? ''));
    expect(example.map(({ value }) => value)).toEqual(defaults);
  });
});
