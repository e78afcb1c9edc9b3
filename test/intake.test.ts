import { afterEach, describe, expect, it } from '@jest/globals';
import { hashOf } from '../src/tokens/tokens.ts';
import { runCommand } from './cli/command.ts';
import { type IntakeBench, intakeBench } from './intake/harness.ts';
import { eventually } from './support/eventually.ts';
import { healthPages } from './support/health-pages.ts';
import { aSale } from './support/outbox.ts';
import { startProcess } from './support/process.ts';
import { testRedisUrl } from './support/redis.ts';
import { startTcpProxy, type TcpProxy } from './support/tcp-proxy.ts';

const PUSH = '/v1/jobs/push_sales';
let bench: IntakeBench;
let proxy: TcpProxy | undefined;

afterEach(async () => {
  await bench.close();
  await proxy?.stop();
  proxy = undefined;
});

const post = (id: string, token: string) => bench.ask('POST', PUSH, { token, body: aSale(id) });

describe('an intake process', () => {
  it('says what it writes to, and ends by SIGTERM with what it was given', async () => {
    bench = await intakeBench();
    const token = await bench.token('till', 'store-1');
    const first = await post('T-0', token);
    const posting = Array.from({ length: 50 }, (_, n) => post(`T-${n}`, token));
    await bench.process.waitForLog(({ jobId, accepted }) => accepted === 1 && jobId !== first.body.jobId);
    bench.process.signal('SIGTERM');
    // Who was not let in any more heard nothing.
    const answers = (await Promise.allSettled(posting)).flatMap((one) =>
      one.status === 'fulfilled' ? [one.value] : [],
    );
    expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 202));
    expect(await bench.process.exited).toEqual({ code: 0, signal: null });
    expect(bench.process.stderr()).toBe('');
    expect(bench.process.logs).toContainEqual(
      expect.objectContaining({ msg: 'intake started', writesTo: 'queue', namespace: bench.namespace }),
    );
    const there = await bench.redis.lrange(`{${bench.namespace}}:sync:wait`, 0, -1);
    expect(there).toEqual(expect.arrayContaining(answers.map(({ body }) => body.jobId)));
    expect(answers.length).toBeGreaterThan(0);
  });

  it('has the token in no log line, and its name in all', async () => {
    bench = await intakeBench();
    const token = await bench.token('till-of-store-1', 'store-1');
    await post('T-1', token);
    await bench.ask('POST', PUSH, { token, body: {} });
    await bench.ask('POST', PUSH, { token: `${token}x`, body: {} });
    await bench.ask('GET', `/v1/jobs/${token}`, { token });
    await bench.process.waitForLog(({ problem }) => problem === 'bad-token');
    const told = bench.process.logs.filter(({ msg }) => msg === 'jobs taken in' || msg === 'request refused');
    expect(told).toMatchObject([
      {
        token: 'till-of-store-1',
        operation: 'push_sales',
        accepted: 1,
        jobId: expect.stringMatching(/^ps-/),
      },
      { token: 'till-of-store-1', status: 422, problem: 'invalid-payload' },
      { status: 401, problem: 'bad-token' },
    ]);
    const all = JSON.stringify(bench.process.logs) + bench.process.stderr();
    expect(all).not.toContain(token.slice(4));
    expect(all).not.toContain(hashOf(token));
  });

  it('takes a token at once when it was made, and refuses it within two seconds when it is revoked', async () => {
    bench = await intakeBench();
    const word = ['--reason', 'a test'];
    const made = await runCommand(['tokens', 'create', 'till', '--location', 'store-1', ...word], bench.env);
    const token = made.out.trim();
    expect(await post('T-1', token)).toMatchObject({ status: 202 });
    await runCommand(['tokens', 'revoke', 'till', ...word], bench.env);
    await eventually(async () => {
      expect(await post('T-2', token)).toMatchObject({
        status: 401,
        body: { type: 'urn:conexxus-sync:problem:bad-token' },
      });
    }, 5_000);
  });

  it('tells the rate of a token that is over it when to come again', async () => {
    bench = await intakeBench({ env: () => ({ INTAKE_RATE: '2' }) });
    const [token, other] = await Promise.all([bench.token('a', 'store-1'), bench.token('b', 'store-1')]);
    const answers = await Promise.all(['T-1', 'T-2', 'T-3', 'T-4', 'T-5'].map((id) => post(id, token)));
    const refused = answers.find(({ status }) => status === 429);
    expect(refused?.headers.get('retry-after')).toBe('1');
    expect(refused?.body).toMatchObject({ detail: expect.stringContaining('INTAKE_RATE') });
    expect(await post('T-6', other)).toMatchObject({ status: 202 });
    await eventually(async () => expect(await post('T-7', token)).toMatchObject({ status: 202 }));
  });

  it('answers from its first second on, and begins when Postgres is there', async () => {
    const pages = await healthPages();
    bench = await intakeBench({
      wait: false,
      env: await awayWith({ INTAKE_HEALTH_PORT: String(pages.port) }),
    });
    const token = await bench.token('till', 'store-1');
    await bench.process.waitForLog('Postgres does not tell whether there is an outbox; will try again');
    const early = await post('T-1', token);
    expect(early).toMatchObject({ status: 503, body: { type: 'urn:conexxus-sync:problem:not-ready' } });
    expect(early.headers.get('retry-after')).toBe('2');
    expect(await pages.live()).toEqual({ status: 200, body: { live: true } });
    expect(await pages.ready()).toMatchObject({
      status: 503,
      body: { status: 'down', checks: { way: { status: 'failed' }, tokens: { status: 'failed' } } },
    });
    await proxy?.listen(true);
    await bench.process.waitForLog('intake started');
    await eventually(async () => expect(await post('T-1', token)).toMatchObject({ status: 202 }));
    await eventually(async () =>
      expect(await pages.ready()).toMatchObject({ status: 200, body: { status: 'ok' } }),
    );
  });

  it('that writes to the queue goes on without Postgres, with the tokens that it knows', async () => {
    const pages = await healthPages();
    bench = await intakeBench({ env: await throughProxy({ INTAKE_HEALTH_PORT: String(pages.port) }) });
    const token = await bench.token('till', 'store-1');
    await post('T-1', token);
    await proxy?.listen(false);
    proxy?.cut();
    await bench.process.waitForLog(({ msg = '' }) => msg.startsWith('Postgres does not tell the tokens'));
    expect(await post('T-2', token)).toMatchObject({ status: 202 });
    await eventually(async () =>
      expect(await pages.ready()).toMatchObject({
        status: 200,
        body: { status: 'degraded', checks: { way: { status: 'ok' }, postgres: { status: 'failed' } } },
      }),
    );
    const asked = await bench.ask('GET', '/v1/sales/never-sold', { token });
    expect(asked).toMatchObject({
      status: 503,
      body: { type: 'urn:conexxus-sync:problem:store-unavailable' },
    });
    expect(await bench.ask('GET', '/v1/sales/T-2', { token })).toMatchObject({ status: 200 });
  });

  it('that writes to the outbox says 503 while Postgres is away, and needs no Redis', async () => {
    const pages = await healthPages();
    bench = await intakeBench({
      outbox: true,
      env: await throughProxy({
        INTAKE_HEALTH_PORT: String(pages.port),
        REDIS_URL: 'redis://127.0.0.1:1',
      }),
    });
    const token = await bench.token('till', 'store-1');
    expect(await post('T-1', token)).toMatchObject({ status: 202, body: { status: 'accepted' } });
    expect(await pages.ready()).toMatchObject({
      status: 200,
      body: { status: 'degraded', checks: { way: { status: 'ok' }, redis: { status: 'failed' } } },
    });
    await proxy?.listen(false);
    proxy?.cut();
    const away = await post('T-2', token);
    expect(away).toMatchObject({
      status: 503,
      body: { type: 'urn:conexxus-sync:problem:store-unavailable' },
    });
    expect(away.headers.get('retry-after')).toBe('5');
    expect(JSON.stringify(away.body)).not.toMatch(/127\.0\.0\.1|ECONN/);
    await eventually(async () => expect((await pages.ready()).status).toBe(503));
    await proxy?.listen(true);
    await eventually(async () =>
      expect(await post('T-2', token)).toMatchObject({ status: 202, body: { status: 'accepted' } }),
    );
    expect(await bench.database.sql`select from conexxus.outbox`).toHaveLength(2);
  });

  it('that writes to the queue says 503 within two seconds while Redis is away', async () => {
    const redis = await startTcpProxy({ port: Number(new URL(testRedisUrl()).port) });
    proxy = redis;
    bench = await intakeBench({ env: () => ({ REDIS_URL: redis.through(testRedisUrl()) }) });
    const token = await bench.token('till', 'store-1');
    expect(await post('T-1', token)).toMatchObject({ status: 202 });
    await redis.listen(false);
    redis.cut();
    const from = performance.now();
    const away = await post('T-2', token);
    expect(performance.now() - from).toBeLessThan(4_000);
    expect(away).toMatchObject({
      status: 503,
      body: { type: 'urn:conexxus-sync:problem:queue-unavailable' },
    });
    expect(away.headers.get('retry-after')).toBe('5');
    const batch = {
      token,
      headers: { 'content-type': 'application/jsonl' },
      body: JSON.stringify(aSale('T-2')),
    };
    expect(await bench.ask('POST', `${PUSH}/batch`, batch)).toMatchObject({
      status: 503,
      body: { accepted: 0, lines: [] },
    });
    expect(await bench.redis.llen(`{${bench.namespace}}:sync:wait`)).toBe(1);
    await redis.listen(true);
    await eventually(async () =>
      expect(await post('T-2', token)).toMatchObject({ status: 202, body: { status: 'accepted' } }),
    );
  });

  it('tells its metrics', async () => {
    const pages = await healthPages();
    bench = await intakeBench({ env: () => ({ INTAKE_HEALTH_PORT: String(pages.port) }) });
    const token = await bench.token('till', 'store-1');
    await post('T-1', token);
    await post('T-1', token);
    await bench.ask('POST', PUSH, { body: {} });
    const text = await (await fetch(`http://127.0.0.1:${pages.port}/metrics`)).text();
    for (const line of [
      'conexxus_sync_intake_requests_total{operation="push_sales",code="202"} 2',
      'conexxus_sync_intake_requests_total{operation="push_sales",code="401"} 1',
      'conexxus_sync_intake_jobs_total{status="accepted"} 1',
      'conexxus_sync_intake_jobs_total{status="known"} 1',
      'conexxus_sync_intake_request_duration_seconds_count{operation="push_sales"} 3',
      'conexxus_sync_up{dependency="redis"} 1',
    ]) {
      expect(text).toContain(line);
    }
  });
});

/** The way to Postgres is by the proxy. */
async function throughProxy(env: Readonly<Record<string, string>>) {
  const way = await startTcpProxy({ port: 1 });
  proxy = way;
  return (url: string) => {
    way.pointAt({ port: Number(new URL(url).port) });
    return { ...env, DATABASE_URL: way.through(url) };
  };
}

/** … which takes nobody yet. */
async function awayWith(env: Readonly<Record<string, string>>) {
  const way = await throughProxy(env);
  await proxy?.listen(false);
  return way;
}

describe('an intake that could do nothing right', () => {
  async function refused(change: string): Promise<string> {
    bench = await intakeBench({ outbox: true });
    await bench.process.stop();
    await bench.database.sql.unsafe(change);
    const intake = startProcess('dist/intake.js', bench.env);
    expect(await intake.exited).toEqual({ code: 1, signal: null });
    return intake.stderr();
  }

  it('refuses to work without the table of the tokens, and says what to do', async () => {
    expect(await refused('drop table intake_tokens')).toBe(
      'The database has no tokens yet: run `node dist/cli.js migrate`.\n',
    );
  });

  it('refuses an outbox of another version, and says what to do', async () => {
    const older = 'update conexxus.migrations set created_at = created_at - 1';
    expect(await refused(older)).toContain('run `node dist/cli.js migrate --outbox`');
  });

  it('lists what is wrong with its settings', async () => {
    bench = await intakeBench();
    const intake = startProcess('dist/intake.js', { ...bench.env, DATABASE_URL: '', INTAKE_PORT: 'x' });
    expect(await intake.exited).toEqual({ code: 1, signal: null });
    expect(intake.stderr()).toMatch(
      /DATABASE_URL is not configured[\s\S]*INTAKE_PORT must be a whole number/,
    );
  });
});
