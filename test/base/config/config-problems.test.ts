import { describe, expect, it } from '@jest/globals';
import { loadConfig, type Part } from '../../../src/base/config/config.ts';
import { VARIABLES } from '../../../src/base/config/settings.ts';
import { problemsOf, VALID } from '../../support/config.ts';

describe('what is wrong with the configuration', () => {
  it('is listed all at once, in the order of the documentation, as one message', () => {
    const env = { LOG_LEVEL: 'loud', CIRCUIT_OPEN: '0', DATABASE_URL: 'mysql://db.shop.test/sync' };
    expect(problemsOf('worker', env)).toEqual([
      'CONEXXUS_API_URL is not configured: set it to the https:// address of your Conexxus back office',
      'CONEXXUS_API_KEY is not configured: set it, or CONEXXUS_API_KEY_FILE to a file that holds it',
      'DATABASE_URL must start with postgres:// or postgresql://',
      'CIRCUIT_OPEN must be a whole number of milliseconds from 100 to 86400000',
      'LOG_LEVEL must be one of trace, debug, info, warn, error, fatal, silent',
    ]);
    expect(() => loadConfig('worker', env)).toThrow(
      /^The configuration is not valid:\n {2}CONEXXUS_API_URL is not.*\n {2}CONEXXUS_API_KEY is not.*\n(.*\n)+.*$/,
    );
  });

  const apiUrl = (value: string) => ({ CONEXXUS_API_URL: value });
  const example =
    'CONEXXUS_API_URL points to example domain: set it to the address of your Conexxus back office';
  const scheme = 'CONEXXUS_API_URL must start with http:// or https://';
  const plain =
    'CONEXXUS_API_URL sends the key and the sales unencrypted: use https://, or set CONEXXUS_ALLOW_HTTP=true';
  const openHost =
    'DASHBOARD_HOST is reachable from other machines: set DASHBOARD_USER and DASHBOARD_PASSWORD, or use 127.0.0.1';
  const login = { DASHBOARD_USER: 'boss', DASHBOARD_PASSWORD: 'correct horse' };
  const wholeMs = 'CONEXXUS_TIMEOUT must be a whole number of milliseconds from 1 to 3600000';
  const namespace =
    'SYNC_NAMESPACE must begin with a letter or digit and have only letters, digits, "-", "_" and "." (at most 100)';
  const noNetworks =
    'TRUST_PROXY must be addresses or networks, like 10.0.0.7 or 10.0.0.0/8, with commas between them; not everybody (/0)';
  const whsec =
    'ALERT_WEBHOOK_SECRET must be whsec_ and 24 to 64 random bytes in Base64: printf whsec_ && openssl rand -base64 32';
  const encode = 'is not a valid URL: percent-encode special characters of its user name and password';

  it.each<[Part, NodeJS.ProcessEnv, string]>([
    ['worker', apiUrl('https://example.com'), example],
    ['worker', apiUrl('https://api.example.org/v1'), example],
    ['worker', apiUrl('https://EXAMPLE.net.'), example],
    ['worker', apiUrl('conexxus.shop.test'), scheme],
    ['worker', apiUrl('ftp://conexxus.shop.test'), scheme],
    ['worker', apiUrl('https://'), `CONEXXUS_API_URL ${encode}`],
    ['worker', apiUrl('http://conexxus.shop.test'), plain],
    [
      'worker',
      apiUrl('https://me:pw@conexxus.shop.test'),
      'CONEXXUS_API_URL must have no credentials in it: the key goes in CONEXXUS_API_KEY',
    ],
    [
      'worker',
      apiUrl('https://conexxus.shop.test/?a=b'),
      'CONEXXUS_API_URL must have no query or fragment: paths are appended to it',
    ],
    [
      'worker',
      { CONEXXUS_API_KEY: '123456789' },
      'CONEXXUS_API_KEY appears to be invalid (too short): it needs at least 10 characters',
    ],
    [
      'worker',
      { CONEXXUS_API_KEY: 'key with spaces' },
      'CONEXXUS_API_KEY appears to be invalid (has characters that no HTTP header carries)',
    ],
    ['worker', { CONEXXUS_TIMEOUT: '0' }, wholeMs],
    ['worker', { CONEXXUS_TIMEOUT: '30s' }, wholeMs],
    ['worker', { CONEXXUS_TIMEOUT: '1.5' }, wholeMs],
    ['worker', { CONEXXUS_TIMEOUT: '-1' }, wholeMs],
    ['worker', { CONEXXUS_TIMEOUT: '1e3' }, wholeMs],
    ['worker', { CONEXXUS_ENABLED: 'yes' }, 'CONEXXUS_ENABLED must be true or false'],
    ['worker', { WORKER_CONCURRENCY: '0' }, 'WORKER_CONCURRENCY must be a whole number from 1 to 10000'],
    [
      'worker',
      { CIRCUIT_FAILURE_THRESHOLD: '0' },
      'CIRCUIT_FAILURE_THRESHOLD must be a whole number from 1 to 100000',
    ],
    [
      'worker',
      { CIRCUIT_FAILURE_RATE: '0' },
      'CIRCUIT_FAILURE_RATE must be a number above 0 and at most 1, such as 0.5',
    ],
    [
      'worker',
      { CIRCUIT_FAILURE_RATE: '50%' },
      'CIRCUIT_FAILURE_RATE must be a number above 0 and at most 1, such as 0.5',
    ],
    ['worker', { CIRCUIT_OPEN_MAX: '59999' }, 'CIRCUIT_OPEN_MAX must be at least CIRCUIT_OPEN'],
    ['worker', { SYNC_NAMESPACE: 'a{b}' }, namespace],
    ['enqueue', { SYNC_NAMESPACE: 'a:b' }, namespace],
    ['enqueue', { SYNC_NAMESPACE: 'a b' }, namespace],
    ['enqueue', { REDIS_URL: 'http://127.0.0.1' }, 'REDIS_URL must start with redis:// or rediss://'],
    ['enqueue', { REDIS_URL: 'redis://:p#ss@127.0.0.1' }, `REDIS_URL ${encode}`],
    ['enqueue', { LOCATION_ID: 'a\nb' }, 'LOCATION_ID must have no control characters'],
    ['migrate', { DATABASE_URL: 'postgres://u:p/ss@db.shop.test/x' }, `DATABASE_URL ${encode}`],
    [
      'dashboard',
      { ALERT_WEBHOOK_URL: 'hooks.shop.test' },
      'ALERT_WEBHOOK_URL must start with http:// or https://',
    ],
    ['alerts', { ALERT_WEBHOOK_SECRET: 'secret' }, whsec],
    ['alerts', { ALERT_WEBHOOK_SECRET: 'whsec_c2hvcnQ=' }, whsec],
    [
      'alerts',
      { ALERT_BACKLOG_AGE: '999' },
      'ALERT_BACKLOG_AGE must be a whole number of milliseconds from 1000 to 604800000',
    ],
    ['dashboard', { DASHBOARD_HOST: '0.0.0.0' }, openHost],
    ['dashboard', { DASHBOARD_HOST: '::' }, openHost],
    [
      'dashboard',
      { DASHBOARD_HOST: 'http://x', ...login },
      'DASHBOARD_HOST must be a host name or an IP address',
    ],
    ['dashboard', { DASHBOARD_PORT: '65536' }, 'DASHBOARD_PORT must be a whole number from 0 to 65535'],
    [
      'dashboard',
      { DASHBOARD_USER: 'boss' },
      'DASHBOARD_PASSWORD is not configured: DASHBOARD_USER is, and needs it',
    ],
    [
      'dashboard',
      { DASHBOARD_PASSWORD: 'correct horse' },
      'DASHBOARD_USER is not configured: DASHBOARD_PASSWORD is, and needs it',
    ],
    [
      'dashboard',
      { ...login, DASHBOARD_PASSWORD: 'seven77' },
      'DASHBOARD_PASSWORD is too short: it needs at least 8 characters',
    ],
    ['dashboard', { ...login, DASHBOARD_USER: 'bo:ss' }, 'DASHBOARD_USER must have no ":" in it'],
    [
      'dashboard',
      { ...login, DASHBOARD_VIEWER_USER: 'guest' },
      'DASHBOARD_VIEWER_PASSWORD is not configured: DASHBOARD_VIEWER_USER is, and needs it',
    ],
    [
      'dashboard',
      { DASHBOARD_VIEWER_USER: 'guest', DASHBOARD_VIEWER_PASSWORD: 'just looking' },
      'DASHBOARD_USER is not configured: a viewer login needs an operator login beside it',
    ],
    [
      'dashboard',
      { ...login, DASHBOARD_VIEWER_USER: 'boss', DASHBOARD_VIEWER_PASSWORD: 'just looking' },
      'DASHBOARD_VIEWER_USER must differ from DASHBOARD_USER',
    ],
    ['dashboard', { TRUST_PROXY: '0.0.0.0/0' }, noNetworks],
    ['dashboard', { TRUST_PROXY: '10.0.0.7, my-proxy' }, noNetworks],
  ])('%s with %j: says so', (part, env, problem) => {
    expect(problemsOf(part, { ...VALID, ...env })).toEqual([problem]);
  });

  it.each<[Part, NodeJS.ProcessEnv]>([
    ['worker', apiUrl('http://localhost:8080')],
    ['worker', apiUrl('http://127.0.0.1:8080/conexxus')],
    ['worker', apiUrl('http://[::1]:8080')],
    ['worker', { ...apiUrl('http://conexxus.shop.test'), CONEXXUS_ALLOW_HTTP: 'true' }],
    ['worker', apiUrl('https://notexample.com')],
    ['enqueue', { REDIS_URL: 'rediss://user:p%23ss@redis.shop.test:6380/2' }],
    ['dashboard', { DASHBOARD_HOST: '0.0.0.0', ...login }],
    ['dashboard', { DASHBOARD_HOST: '::1' }],
  ])('%s with %j: nothing', (part, env) => {
    expect(problemsOf(part, { ...VALID, ...env })).toEqual([]);
  });

  it('is told without any value of the environment', () => {
    const canary = 'canary-7f3a';
    for (const { variable } of VARIABLES) {
      for (const value of [
        `\u0001${canary}`,
        `redis://:${canary}#@x`,
        `https://${canary}:pw@example.com/?x`,
      ]) {
        for (const part of ['worker', 'dashboard', 'enqueue', 'circuit', 'migrate'] as const) {
          const problems = problemsOf(part, { ...VALID, [variable.env]: value });
          if (variable.env.endsWith('_FILE')) continue; // A path is no secret, and the message needs it.
          expect(problems.join()).not.toContain(canary);
        }
      }
    }
  });
});
