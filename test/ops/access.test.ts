import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { Hono } from 'hono';
import { pino } from 'pino';
import { createActing } from '../../src/ops/acting.ts';
import { createRuns } from '../../src/ops/actions/runs.ts';
import { createOpsApp } from '../../src/ops/app.ts';
import { DashboardUnprotectedError } from '../../src/ops/auth.ts';
import {
  type Answer,
  AWAY,
  type CallOptions,
  CLOSED,
  METRICS,
  OPERATOR,
  type OpsHarness,
  startOps,
  VIEWER,
} from './harness.ts';

const PAUSE = '/queues/api/queues/sync/pause';

/** What is wrong, as a client sees it. */
function refusal(answer: Answer) {
  return { status: answer.status, contentType: answer.headers['content-type'], problem: answer.json() };
}

function problem(status: number, kind: string) {
  return {
    status,
    contentType: 'application/problem+json',
    problem: expect.objectContaining({ type: `urn:conexxus-sync:problem:${kind}`, status }),
  };
}

describe('who may do what', () => {
  let ops: OpsHarness;
  beforeAll(async () => {
    ops = await startOps();
  });
  afterAll(() => ops.close());

  it.each([
    '/',
    '/queues',
    '/queues/api/queues',
    '/queues/static/favicon.ico',
    '/api/circuit',
    '/metrics',
    '/nowhere',
  ])('asks for a login at %s', async (path) => {
    const answer = await ops.call('GET', path);
    expect(refusal(answer)).toEqual(problem(401, 'unauthorized'));
    expect(answer.headers['www-authenticate']).toContain('Basic realm=');
  });

  it.each([
    ['a wrong password', { ...OPERATOR, password: 'guessed' }],
    ['the password of another', { ...OPERATOR, password: VIEWER.password }],
    ['an unknown user', { ...OPERATOR, user: 'mallory' }],
    ['nothing in it', { user: '', password: '' }],
  ])('refuses a login with %s', async (_what, as) => {
    expect(refusal(await ops.call('GET', '/api/circuit', { as }))).toEqual(problem(401, 'unauthorized'));
  });

  it.each([
    ['operator', OPERATOR],
    ['viewer', VIEWER],
  ])('shows everything to the %s', async (_role, as) => {
    for (const path of [
      '/',
      '/queues',
      '/queues/',
      '/queues/queue/sync',
      '/queues/api/queues',
      '/api/circuit',
    ]) {
      expect((await ops.call('GET', path, { as })).status).toBe(200);
    }
  });

  it('refuses every write of a viewer', async () => {
    for (const [method, path] of [
      ['PUT', PAUSE],
      ['PUT', '/queues/api/queues/resume'],
      ['POST', '/queues/api/queues/sync/add'],
      ['POST', '/api/circuit'],
      ['DELETE', '/nowhere'],
    ] as const) {
      expect(refusal(await ops.call(method, path, { as: VIEWER }))).toEqual(problem(403, 'viewer'));
    }
    expect(await ops.queue.isPaused()).toBe(false);
    expect(await ops.audited()).toEqual([]);
  });

  it('gives the viewer a board without buttons', async () => {
    const board = await ops.call('GET', '/queues/api/queues', { as: VIEWER });
    expect(board.json()).toMatchObject({
      queues: [{ name: 'sync', readOnlyMode: true, allowRetries: false }],
    });
  });
});

describe('where a request comes from', () => {
  let ops: OpsHarness;
  beforeAll(async () => {
    ops = await startOps();
  });
  afterAll(() => ops.close());

  const put = (headers: CallOptions['headers'] = {}) => ops.call('PUT', PAUSE, { as: OPERATOR, headers });

  it.each<[string, Record<string, string>]>([
    ['of another origin', { origin: 'https://evil.example' }],
    ['of another port of this machine', { origin: 'http://127.0.0.1:1' }],
    ['of a sandboxed page', { origin: 'null' }],
    ['of another site', { 'sec-fetch-site': 'cross-site' }],
    ['of a sibling site', { 'sec-fetch-site': 'same-site' }],
  ])('refuses a write %s, with the right password', async (_what, headers) => {
    expect(refusal(await put(headers))).toEqual(problem(403, 'cross-site'));
    expect(await ops.queue.isPaused()).toBe(false);
  });

  it('takes a write of its own page, and of a script', async () => {
    const host = `127.0.0.1:${ops.port}`;
    const own = await put({ host, origin: `http://${host}`, 'sec-fetch-site': 'same-origin' });
    expect(own.status).toBe(200);
    expect((await put()).status).toBe(200);
  });

  it.each(['evil.example', 'localhost.evil.example', '127.0.0.1.evil.example', '10.0.0.7:3000'])(
    'bound to loopback, does not answer to the name %s',
    async (host) => {
      for (const path of ['/', '/health/live', '/api/circuit']) {
        expect(refusal(await ops.call('GET', path, { as: OPERATOR, headers: { host } }))).toEqual(
          problem(403, 'unknown-host'),
        );
      }
    },
  );

  it.each(['localhost', 'localhost:8080', '127.0.0.1', '[::1]:3000'])('answers to %s', async (host) => {
    expect((await ops.call('GET', '/', { as: OPERATOR, headers: { host } })).status).toBe(200);
  });

  it('bound wider, answers to any name', async () => {
    const wide = await startOps({ access: { host: '0.0.0.0', operator: OPERATOR } });
    try {
      const headers = { host: 'ops.store-7.example' };
      expect((await wide.call('GET', '/', { as: OPERATOR, headers })).status).toBe(200);
      const foreign = { ...headers, origin: 'https://evil.example' };
      expect(refusal(await wide.call('PUT', PAUSE, { as: OPERATOR, headers: foreign }))).toEqual(
        problem(403, 'cross-site'),
      );
    } finally {
      await wide.close();
    }
  });
});

describe('without credentials', () => {
  let ops: OpsHarness | undefined;
  afterEach(() => ops?.close());

  it('bound to loopback, everybody on this machine is the operator', async () => {
    ops = await startOps({ access: { host: '127.0.0.1' } });
    expect((await ops.call('PUT', PAUSE)).status).toBe(200);
    expect(await ops.audited()).toMatchObject([{ payload: { actor: 'local', action: 'pause' } }]);
  });

  it('with a viewer alone, nobody is the operator', async () => {
    ops = await startOps({ access: { host: '127.0.0.1', viewer: VIEWER } });
    expect((await ops.call('GET', '/')).status).toBe(401);
    expect(refusal(await ops.call('PUT', PAUSE, { as: VIEWER }))).toEqual(problem(403, 'viewer'));
  });

  it.each(['0.0.0.0', '::', '192.168.1.20', 'ops.store-7.example'])(
    'does not start bound to %s',
    async (host) => {
      const { queue, redis } = (ops = await startOps());
      const logger = pino({ level: 'silent' });
      const audit = { append: async () => undefined };
      const acting = createActing({
        queue,
        redis,
        namespace: 'none',
        redact: String,
        fleet: { operate: async () => undefined },
        database: AWAY,
        outboxDatabase: AWAY,
      });
      const create = () =>
        createOpsApp({
          access: { host },
          queue,
          redis,
          fleet: { look: async () => ({ report: CLOSED, workers: [], now: 1 }) },
          audit,
          acting,
          runs: createRuns({ deadLetters: acting.deadLetters, audit, logger }),
          page: { routes: new Hono() },
          health: { checks: {}, stuck: () => null },
          metrics: { text: async () => METRICS },
          redact: String,
          logger,
        });
      expect(create).toThrow(DashboardUnprotectedError);
    },
  );
});

describe('every answer', () => {
  let ops: OpsHarness;
  beforeAll(async () => {
    ops = await startOps();
  });
  afterAll(() => ops.close());

  it.each<[string, string, number, string]>([
    ['GET', '/nowhere', 404, 'not-found'],
    ['GET', '/queues/nowhere', 404, 'not-found'],
    ['GET', '/queues/static/nowhere.js', 404, 'not-found'],
    ['GET', '/queues/api/queues/sync/no-such-id', 404, 'board'],
    ['POST', '/', 404, 'not-found'],
  ])('to %s %s is a problem document', async (method, path, status, kind) => {
    expect(refusal(await ops.call(method, path, { as: OPERATOR }))).toEqual(problem(status, kind));
  });

  it('to a body that is too large is a problem document', async () => {
    const body = 'x'.repeat(100_000);
    expect(refusal(await ops.call('PUT', PAUSE, { as: OPERATOR, body }))).toEqual(problem(413, 'too-large'));
  });

  it('lets no other site frame it, and loads nothing from elsewhere', async () => {
    for (const path of ['/', '/queues', '/queues/api/queues', '/nowhere', '/health/live']) {
      const { headers } = await ops.call('GET', path, { as: OPERATOR });
      expect(headers['content-security-policy']).toMatch(/default-src '(self|none)'/);
      expect(headers['content-security-policy']).not.toMatch(/https?:|unsafe-eval|\*/);
      expect(headers).toMatchObject({ 'x-content-type-options': 'nosniff', 'x-frame-options': 'DENY' });
      expect(headers['cache-control']).toBe('no-store');
      expect(headers['set-cookie']).toBeUndefined();
      expect(headers['access-control-allow-origin']).toBeUndefined();
    }
  });
});
