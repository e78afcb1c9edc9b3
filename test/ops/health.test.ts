import { afterEach, describe, expect, it } from '@jest/globals';
import { type OpsHarness, startOps } from './harness.ts';

let ops: OpsHarness;
afterEach(() => ops.close());

const fine = async () => true;

describe('health', () => {
  it('is told to everybody, without a login', async () => {
    ops = await startOps({ checks: { redis: fine, postgres: fine, events: fine } });
    expect((await ops.call('GET', '/health/live')).json()).toEqual({ live: true });
    const ready = await ops.call('GET', '/health/ready');
    expect(ready.status).toBe(200);
    expect(ready.json()).toEqual({ ready: true, checks: { redis: 'ok', postgres: 'ok', events: 'ok' } });
  });

  it('not ready: says what fails, and nothing of the reason', async () => {
    const postgres = async (): Promise<boolean> => {
      throw new Error('connect ECONNREFUSED postgres://sync:hunter2@db.store-7.example');
    };
    ops = await startOps({ checks: { redis: fine, postgres, events: async () => false } });
    const answer = await ops.call('GET', '/health/ready');
    expect(answer.status).toBe(503);
    expect(answer.headers['content-type']).toBe('application/problem+json');
    expect(answer.json()).toMatchObject({
      ready: false,
      detail: 'Failing: postgres, events.',
      checks: { redis: 'ok', postgres: 'failed', events: 'failed' },
    });
    expect(answer.text).not.toMatch(/hunter2|db\.store-7/);
  });

  it('a check that hangs is a check that fails, and the process stays alive', async () => {
    ops = await startOps({ checks: { redis: fine, postgres: () => new Promise<boolean>(() => undefined) } });
    expect((await ops.call('GET', '/health/ready')).json()).toMatchObject({
      checks: { redis: 'ok', postgres: 'timeout' },
    });
    expect((await ops.call('GET', '/health/live')).status).toBe(200);
  });

  it('asked a hundred times at once, checks once a second', async () => {
    let checked = 0;
    const redis = async () => {
      checked += 1;
      return true;
    };
    const started = (ops = await startOps({ checks: { redis } }));
    const ask = () => started.call('GET', '/health/ready');
    const startedAt = performance.now();
    const answers = await Promise.all(Array.from({ length: 100 }, ask));
    const seconds = (performance.now() - startedAt) / 1_000;
    expect(answers.every(({ status }) => status === 200)).toBe(true);
    // A reading is kept for a second; a busy machine may take longer than that for a hundred answers.
    expect(checked).toBeLessThanOrEqual(1 + Math.floor(seconds));
  });
});
