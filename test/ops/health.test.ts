import { afterEach, describe, expect, it } from '@jest/globals';
import type { Check, Finding } from '../../src/ops/readiness.ts';
import { deferred } from '../support/deferred.ts';
import { eventually } from '../support/eventually.ts';
import { type OpsHarness, startOps } from './harness.ts';

let ops: OpsHarness;
afterEach(() => ops.close());

const latencyMs = expect.any(Number);

function aCheck(look: Finding | Error | (() => Promise<Finding>), needed = true): Check {
  if (typeof look === 'function') return { needed, look };
  return { needed, look: () => (look instanceof Error ? Promise.reject(look) : Promise.resolve(look)) };
}

const fine = aCheck({ status: 'ok' });

describe('health', () => {
  it('is told to everybody, without a login', async () => {
    ops = await startOps({ health: { checks: { redis: fine, postgres: fine } } });
    expect((await ops.call('GET', '/health/live')).json()).toEqual({ live: true });
    const ready = await ops.call('GET', '/health/ready');
    expect(ready.status).toBe(200);
    const ok = { status: 'ok', latencyMs };
    expect(ready.json()).toEqual({ ready: true, status: 'ok', checks: { redis: ok, postgres: ok } });
  });

  it('down where something fails that is needed: says what, and nothing that names a host or a user', async () => {
    const error = new Error('connect ECONNREFUSED postgres://sync:hunter2@db.store-7.example');
    const postgres = aCheck(Object.assign(error, { code: 'ECONNREFUSED' }));
    const events = aCheck({ status: 'failed', reason: '9 rows wait' });
    ops = await startOps({ health: { checks: { redis: fine, postgres, events } } });
    const answer = await ops.call('GET', '/health/ready');
    expect(answer.status).toBe(503);
    expect(answer.json()).toEqual({
      ready: false,
      status: 'down',
      checks: {
        redis: { status: 'ok', latencyMs },
        postgres: { status: 'failed', latencyMs, reason: 'ECONNREFUSED' },
        events: { status: 'failed', latencyMs, reason: '9 rows wait' },
      },
    });
    expect(answer.text).not.toMatch(/hunter2|db\.store-7/);
  });

  it('says why Redis refuses', async () => {
    const redis = aCheck(new Error("OOM command not allowed when used memory > 'maxmemory'."));
    ops = await startOps({ health: { checks: { redis } } });
    expect((await ops.call('GET', '/health/ready')).json()).toMatchObject({
      checks: { redis: { status: 'failed', reason: expect.stringMatching(/maxmemory \(OOM\): raise it/) } },
    });
  });

  it('degraded, and ready, where what fails can be spared, or what is needed works worse than it should', async () => {
    const spared = { redis: fine, postgres: aCheck(new Error('away'), false) };
    ops = await startOps({ health: { checks: spared } });
    const first = await ops.call('GET', '/health/ready');
    expect([first.status, first.json()]).toMatchObject([200, { ready: true, status: 'degraded' }]);
    await ops.close();

    const slowed = aCheck({ status: 'degraded', reason: 'one job at a time' });
    ops = await startOps({ health: { checks: { redis: fine, worker: slowed } } });
    const second = await ops.call('GET', '/health/ready');
    expect([second.status, second.json()]).toMatchObject([
      200,
      { ready: true, status: 'degraded', checks: { worker: { status: 'degraded' } } },
    ]);
  });

  it('a check that hangs has failed; it is not begun again, and tells how long it has been hanging', async () => {
    let looks = 0;
    const hanging = deferred<Finding>();
    const postgres = aCheck(() => {
      looks += 1;
      return hanging.promise;
    });
    const started = (ops = await startOps({ health: { checks: { redis: fine, postgres } } }));
    const ask = async () => {
      const answer = await started.call('GET', '/health/ready');
      return { status: answer.status, postgres: Reflect.get(Object(answer.json()['checks']), 'postgres') };
    };
    const first = await ask();
    expect(first).toEqual({ status: 503, postgres: { status: 'timeout', latencyMs } });
    expect((await started.call('GET', '/health/live')).status).toBe(200);
    let next = await ask();
    while (next.postgres.latencyMs === first.postgres.latencyMs) next = await ask();
    expect(next.postgres.status).toBe('timeout');
    expect(next.postgres.latencyMs).toBeGreaterThan(first.postgres.latencyMs + 1_900);
    expect(looks).toBe(1);
    hanging.resolve({ status: 'ok' });
    await eventually(async () => expect((await ask()).status).toBe(200));
  });

  it('asked a hundred times at once, checks once a second', async () => {
    let checked = 0;
    const redis = aCheck(async () => {
      checked += 1;
      return { status: 'ok' };
    });
    const started = (ops = await startOps({ health: { checks: { redis } } }));
    const ask = () => started.call('GET', '/health/ready');
    const startedAt = performance.now();
    const answers = await Promise.all(Array.from({ length: 100 }, ask));
    const seconds = (performance.now() - startedAt) / 1_000;
    expect(answers.every(({ status }) => status === 200)).toBe(true);
    // A reading is kept for a second; a busy machine may take longer than that for a hundred answers.
    expect(checked).toBeLessThanOrEqual(1 + Math.floor(seconds));
  });

  it('alive whatever fails or hangs; not alive, and why, only where the process itself is stuck', async () => {
    const checks = {
      redis: aCheck(new Error('away')),
      postgres: aCheck(() => new Promise<Finding>(() => undefined)),
    };
    let reason: string | null = null;
    ops = await startOps({ health: { checks, stuck: () => reason } });
    expect((await ops.call('GET', '/health/live')).status).toBe(200);
    reason = 'the consumer has ended by itself';
    const answer = await ops.call('GET', '/health/live');
    expect([answer.status, answer.json()]).toEqual([503, { live: false, reason }]);
  });
});
