import { hostname, userInfo } from 'node:os';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { Redis } from 'ioredis';
import { startPrivateRedis } from '../../scripts/services.ts';
import { loadConfig } from '../../src/base/config/config.ts';
import { connectRedis } from '../../src/base/redis.ts';
import { type Circuit, createCircuit } from '../../src/circuit/circuit.ts';
import { eventStreamKey, type SyncEvent } from '../../src/events/event.ts';
import { openQueue } from '../../src/sync/queue.ts';
import { onlookerOptionsOf } from '../../src/sync/settings.ts';
import { testRedisUrl, uniqueNamespace } from '../support/redis.ts';
import { runCommand } from './command.ts';

let redis: Redis;
let namespace: string;
let circuit: Circuit;

beforeAll(() => {
  redis = connectRedis(testRedisUrl(), 'patient', () => undefined);
});

beforeEach(() => {
  namespace = uniqueNamespace();
  const { circuit: settings, events } = loadConfig('circuit', {});
  circuit = createCircuit({
    redis,
    namespace,
    eventStream: eventStreamKey(namespace),
    options: onlookerOptionsOf(settings, events.backlogMax).circuit,
  });
});

afterAll(() => redis.disconnect());

const command = (args: string[], env: NodeJS.ProcessEnv = {}) =>
  runCommand(['circuit', ...args], { SYNC_NAMESPACE: namespace, ...env });

async function open(): Promise<void> {
  const subject = { jobId: 'job-1' };
  const acquired = await circuit.acquire(subject);
  if (acquired.kind !== 'permitted') throw new Error(acquired.kind);
  const report = { effect: 'misconfigured', durationMs: 1, delivered: false } as const;
  await circuit.record(subject, acquired.permission, { ...report, event: { dedupeKey: 'a', type: 't' } });
}

async function audited(): Promise<SyncEvent[]> {
  const entries = await redis.xrange(eventStreamKey(namespace), '-', '+');
  const events = entries.map(([, fields]): SyncEvent => JSON.parse(fields[1] ?? ''));
  return events.filter(({ type }) => type.startsWith('conexxus.operator.'));
}

/** What it says in the line of that name. */
function fact(out: string, name: string): string | undefined {
  return out
    .split('\n')
    .find((line) => line.startsWith(`  ${name}  `))
    ?.slice(name.length + 2)
    .trim();
}

describe('circuit status', () => {
  it('closed: exits 0, with the report as it is documented', async () => {
    const { code, out, err } = await command(['status', '--json']);
    expect([code, err]).toEqual([0, '']);
    expect(JSON.parse(out)).toEqual({
      state: 'closed',
      phase: null,
      epoch: expect.any(Number),
      since: expect.any(Number),
      cause: 'missing',
      retryAt: null,
      cooldownUntil: null,
      failures: 0,
      successes: 0,
      rejections: 0,
      hold: null,
      bypass: null,
      pausedBy: [],
      benched: [],
      suspect: null,
      window: { calls: 0, failures: 0, rate: 0 },
      outage: null,
      lastFailure: null,
      lastSuccess: null,
      totals: { calls: 0, successes: 0, failures: 0 },
      trialsInFlight: 0,
      healthCallUntil: null,
      isAnyoneAlive: false,
      options: expect.objectContaining({ failureThreshold: 5, openMs: 60_000 }),
    });
  });

  it('open: exits 11, and says why, until when, and that the queue waits', async () => {
    await open();
    const shown = await command(['status']);
    expect(shown.code).toBe(11);
    expect(shown.out).toMatch(/^Circuit: OPEN\nNothing is sent and sales wait\. Next trial in \d+ s\.\n/);
    expect(fact(shown.out, 'why')).toBe('Conexxus refuses our key, or lives at another address');
    expect(fact(shown.out, 'next trial')).toMatch(/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC \(in \d+ s\)$/);
    expect(fact(shown.out, 'queue')).toMatch(/^paused: the circuit is open/);

    const { out } = await command(['status', '--json']);
    expect(JSON.parse(out)).toMatchObject({ state: 'open', cause: 'misconfigured', pausedBy: ['open'] });
  });

  it('half-open: exits 10', async () => {
    await open();
    await circuit.operate('trial', { actor: 'olga', reason: 'is it back?' });
    const { code, out } = await command(['status', '--json']);
    expect(code).toBe(10);
    expect(JSON.parse(out)).toMatchObject({ state: 'half-open', phase: 'health', pausedBy: ['health'] });
  });

  it('rate limited: exits 13, and a trial ends the break', async () => {
    const subject = { jobId: `job-${namespace}` };
    const acquired = await circuit.acquire(subject);
    if (acquired.kind !== 'permitted') throw new Error(acquired.kind);
    const event = { dedupeKey: 'a', type: 't' };
    const limited = {
      effect: 'rate-limited',
      durationMs: 1,
      delivered: false,
      retryAfterMs: 60_000,
      event,
    } as const;
    await circuit.record(subject, acquired.permission, limited);
    expect((await command(['status'])).code).toBe(13);
    expect((await command(['trial', '--reason', 'they say it is over'])).code).toBe(0);
    expect((await command(['status'])).code).toBe(0);
  });

  it('bypassed: exits 14', async () => {
    await open();
    await circuit.operate('bypass', { actor: 'olga', reason: 'false alarm' });
    const { code, out } = await command(['status']);
    expect(code).toBe(14);
    expect(fact(out, 'next trial')).toBe('-');
  });

  it('held: exits 12, whatever the circuit is', async () => {
    await open();
    await circuit.operate('hold', { actor: 'olga', reason: 'stocktaking' });
    const { code, out } = await command(['status']);
    expect(code).toBe(12);
    expect(out).toMatch(/^Circuit: HELD\nolga stopped all calls: stocktaking\n/);
    expect(fact(out, 'hold')).toMatch(/^by olga (now|\d+ s ago), until somebody releases it: stocktaking$/);
    expect(fact(out, 'queue')).toBe('paused: olga holds the circuit: stocktaking');
  });

  it('names a pause that a person set, and counts the backlog', async () => {
    const queue = openQueue(redis, namespace);
    await queue.add('push_sales', {}, { jobId: 'a' });
    await queue.add('push_sales', {}, { jobId: 'b', delay: 3_600_000 });
    await queue.pause();
    await redis.hset(queue.toKey('meta'), 'pausedBy', 'vera');
    const { code, out } = await command(['status']);
    expect(code).toBe(0);
    expect(fact(out, 'queue')).toBe('paused: vera paused the queue');
    expect(fact(out, 'backlog')).toBe('1 waiting, 1 delayed, 0 under way, 0 dead-lettered');
    await queue.close();
  });

  it('shows what others wrote without letting it steer the terminal', async () => {
    await circuit.operate('hold', { actor: 'olga', reason: 'red \u001B[31m\nalert' });
    const { out } = await command(['status']);
    expect(out).not.toContain('\u001B');
    expect(fact(out, 'hold')).toContain('red \uFFFD[31m alert');
  });
});

describe('circuit hold, release, bypass, trial, reset', () => {
  it('a hold with its end, by the user of this machine; released by a person with a name', async () => {
    const held = await command(['hold', '--reason', 'stocktaking', '--until', '2h']);
    expect(held).toMatchObject({ code: 0, err: '' });
    expect(held.out).toMatch(/^Circuit: HELD\n/);
    const me = `${userInfo().username}@${hostname()}`;
    const { hold } = await circuit.status();
    expect(hold).toMatchObject({ actor: me, reason: 'stocktaking' });
    expect((hold?.until ?? 0) - (hold?.since ?? 0)).toBeGreaterThan(7_190_000);
    expect((hold?.until ?? 0) - (hold?.since ?? 0)).toBeLessThanOrEqual(7_200_000);

    const released = await command(['release', '--reason', 'counted', '--actor', 'olga', '--json']);
    expect(released.code).toBe(0);
    expect(JSON.parse(released.out)).toMatchObject({ state: 'closed', hold: null, pausedBy: [] });
    expect(await audited()).toMatchObject([
      { type: 'conexxus.operator.hold', payload: { actor: me, reason: 'stocktaking' } },
      { type: 'conexxus.operator.release', payload: { actor: 'olga', reason: 'counted' } },
    ]);
  });

  it('a bypass until a time', async () => {
    const end = new Date(Date.now() + 3_600_000).toISOString();
    expect((await command(['bypass', '--reason', 'they fixed it', '--until', end])).out).toMatch(
      /^Circuit: BYPASSED\n/,
    );
    expect((await circuit.status()).bypass).toMatchObject({ until: Date.parse(end) });
  });

  it('a trial of an open circuit, and a reset', async () => {
    await open();
    expect((await command(['trial', '--reason', 'they say it is back'])).out).toMatch(
      /^Circuit: HALF-OPEN\n/,
    );
    expect((await command(['reset', '--reason', 'enough'])).out).toMatch(/^Circuit: CLOSED\n/);
  });

  it('what makes no sense now is refused in one line, and changes nothing', async () => {
    const before = await circuit.status();
    expect(await command(['trial', '--reason', 'now'])).toEqual({
      code: 1,
      out: '',
      err: "Can't trial: the circuit is closed, neither open nor rate limited.\n",
    });
    expect(await command(['release', '--reason', 'now'])).toMatchObject({
      code: 1,
      err: "Can't release: there is neither a hold nor a bypass.\n",
    });
    expect({ ...(await circuit.status()), epoch: 0, since: 0 }).toEqual({ ...before, epoch: 0, since: 0 });
    expect(await audited()).toEqual([]);
  });

  it.each([
    ['an end in the past', ['hold', '--reason', 'r', '--until', '2020-01-01T00:00:00Z'], /in the past/],
    ['an end without offset', ['hold', '--reason', 'r', '--until', '2099-01-01T00:00:00'], /its offset/],
    [
      'a day off the calendar',
      ['bypass', '--reason', 'r', '--until', '2099-02-30T00:00:00Z'],
      /neither a time/,
    ],
    ['no duration at all', ['hold', '--reason', 'r', '--until', '0m'], /nor a duration, like 30m or 2h/],
    ['nonsense', ['bypass', '--reason', 'r', '--until', 'tomorrow'], /nor a duration/],
    ['no reason', ['hold', '--until', '1h'], /'--reason <text>' not specified/],
    ['an empty reason', ['reset', '--reason', ' '], /It is empty/],
    ['an end where there is none', ['reset', '--reason', 'r', '--until', '1h'], /unknown option '--until'/],
  ])('%s is refused in one line before anything is touched', async (_what, args, message) => {
    const { code, out, err } = await command(args);
    expect([code, out]).toEqual([1, '']);
    expect(err).toMatch(message);
    expect(err.trim().split('\n')).toHaveLength(1);
    expect(await redis.keys(`{${namespace}}*`)).toEqual([]);
  });

  it('a secret in a reason is taken out before others read it', async () => {
    const { out } = await command(['hold', '--reason', 'the key canary-key-1 is wrong'], {
      CONEXXUS_API_KEY: 'canary-key-1',
    });
    expect(out).toContain('the key [redacted] is wrong');
    expect((await circuit.status()).hold?.reason).toBe('the key [redacted] is wrong');
  });
});

describe('circuit, with Redis away', () => {
  it('says so where nobody listens', async () => {
    expect(await command(['status'], { REDIS_URL: 'redis://127.0.0.1:1' })).toEqual({
      code: 1,
      out: '',
      err: 'Redis does not answer (connect ECONNREFUSED 127.0.0.1:1): is it running at REDIS_URL?\n',
    });
  });

  it('says so where Redis takes the connection and is silent', async () => {
    const server = await startPrivateRedis();
    const pid = server.pid ?? Number.NaN;
    process.kill(pid, 'SIGSTOP');
    try {
      const { code, err } = await command(['hold', '--reason', 'r'], { REDIS_URL: server.url });
      expect(code).toBe(1);
      expect(err).toBe('Redis does not answer (no answer within 1200 ms): is it running at REDIS_URL?\n');
    } finally {
      process.kill(pid, 'SIGCONT');
      await server.stop();
    }
  });

  it('names what is wrong in the environment', async () => {
    const { code, err } = await command(['status'], { REDIS_URL: 'localhost', CIRCUIT_OPEN: 'soon' });
    expect(code).toBe(1);
    expect(err).toContain('REDIS_URL');
    expect(err).toContain('CIRCUIT_OPEN');
  });
});
