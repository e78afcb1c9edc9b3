import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, describe, expect, it } from '@jest/globals';
import type { PrivateServer } from '../../scripts/services/service.ts';
import { startPrivateRedis } from '../../scripts/services.ts';
import { connectRedis } from '../../src/base/redis.ts';
import { eventually } from '../support/eventually.ts';
import { testRedisUrl, uniqueNamespace } from '../support/redis.ts';
import { makeSales } from '../support/sales.ts';
import { startTcpProxy, type TcpProxy } from '../support/tcp-proxy.ts';
import { type FaultStand, startFaultStand } from './fault-stand.ts';

const toClose: (() => Promise<unknown> | void)[] = [];
const NOTICED_MS = 30_000;

afterEach(async () => {
  for (const close of toClose.splice(0).toReversed()) await close();
});

async function privateRedis(...args: string[]): Promise<PrivateServer> {
  const server = await startPrivateRedis({ args });
  toClose.push(() => server.stop());
  return server;
}

async function proxyTo(url: string): Promise<TcpProxy> {
  const proxy = await startTcpProxy({ port: Number(new URL(url).port) });
  toClose.push(() => proxy.stop());
  return proxy;
}

async function standOn(...options: Parameters<typeof startFaultStand>): Promise<FaultStand> {
  const stand = await startFaultStand(...options);
  toClose.push(() => stand.close());
  return stand;
}

/** The three uses that a process makes of connections, and what it hears on them. */
function openConnections(url: string) {
  const channel = uniqueNamespace();
  const open = () => {
    const redis = connectRedis(url, 'patient', () => undefined);
    toClose.push(() => redis.disconnect());
    const line = { redis, closes: 0 };
    redis.on('close', () => {
      line.closes += 1;
    });
    return line;
  };
  const [commands, blocking, subscriber] = [open(), open(), open()];
  const heard: string[] = [];
  const read = async () => {
    // Ten seconds, as BullMQ's longest wait.
    for (;;) heard.push(String(await blocking.redis.blpop(`{${channel}}:list`, 10)));
  };
  read().catch(() => undefined);
  subscriber.redis.on('message', (_channel, message) => heard.push(message));
  return { channel, lines: [commands, blocking, subscriber], commands, subscriber, heard };
}

describe('connections to Redis', () => {
  it('[35] connections killed under load: transparent', async () => {
    const server = await privateRedis();
    const stand = await standOn({
      redisUrl: server.url,
      simulator: { latency: { kind: 'uniform', min: 5, max: 60 } },
    });
    await stand.startWorkers(2);
    await stand.enqueue(makeSales(300));
    const killed = { normal: 0, pubsub: 0 };
    for (let times = 0; times < 8; times += 1) {
      for (const type of ['normal', 'pubsub'] as const) {
        killed[type] += Number(await stand.redis.call('CLIENT', 'KILL', 'TYPE', type, 'SKIPME', 'yes'));
      }
      await delay(150);
    }
    expect(killed.normal).toBeGreaterThan(8);
    expect(killed.pubsub).toBeGreaterThan(2);
    expect(await stand.queue.getCompletedCount()).toBeLessThan(300);
    await stand.untilAtRest(40_000);
    expect(await stand.reconcile()).toMatchObject({ delivered: 300, failedRows: 0, problems: [] });
    expect((await stand.simulator.summary()).requests).toBe(300);
  });

  it('[37] a black hole under the whole fleet: noticed within 30 s, work goes on', async () => {
    const proxy = await proxyTo(testRedisUrl());
    const stand = await standOn({ env: { REDIS_URL: proxy.through(testRedisUrl()) } });
    await stand.startWorkers(2);
    await stand.enqueue(makeSales(20, 'before'));
    await stand.untilAtRest();
    proxy.blackHole();
    proxy.heal();
    await stand.enqueue(makeSales(20, 'after'));
    await stand.untilAtRest(NOTICED_MS);
    await stand.expectSums();
    await stand.circuit.operate('hold', { actor: 'test', reason: 'is it heard?' });
    await eventually(async () => expect(await stand.queue.isPaused()).toBe(true), 2_000);
  });

  it('[37] answers vanish: commands, blocking reads and subscriptions each notice within 30 s', async () => {
    const proxy = await proxyTo(testRedisUrl());
    const { channel, lines, commands, subscriber, heard } = openConnections(proxy.through(testRedisUrl()));
    const direct = connectRedis(testRedisUrl(), 'patient', () => undefined);
    toClose.push(() => direct.disconnect());
    await subscriber.redis.subscribe(channel);
    await commands.redis.set(`{${channel}}:key`, 'there');
    proxy.blackHole('down');
    proxy.heal();
    const startedAt = performance.now();
    expect(await commands.redis.get(`{${channel}}:key`)).toBe('there');
    await eventually(async () => {
      await direct.publish(channel, 'published');
      expect(heard).toContain('published');
    }, NOTICED_MS);
    await eventually(() => expect(lines.map(({ closes }) => closes)).toEqual([1, 1, 1]), NOTICED_MS);
    await direct.rpush(`{${channel}}:list`, 'pushed');
    await eventually(() => expect(heard).toContain(`{${channel}}:list,pushed`));
    expect(performance.now() - startedAt).toBeLessThan(NOTICED_MS);
    await direct.del(`{${channel}}:key`);
  });

  it('[37] connections with nothing to do are never taken for dead', async () => {
    const { channel, lines, subscriber } = openConnections(testRedisUrl());
    await subscriber.redis.subscribe(channel);
    await delay(NOTICED_MS + 5_000);
    expect(lines.map(({ closes, redis }) => [closes, redis.status])).toEqual([
      [0, 'ready'],
      [0, 'ready'],
      [0, 'ready'],
    ]);
  });

  it('[40] failover: the old primary says READONLY, all go on at the new one', async () => {
    const old = await privateRedis();
    const next = await privateRedis('--replicaof', '127.0.0.1', String(old.port));
    const proxy = await proxyTo(old.url);
    const stand = await standOn({
      redisUrl: proxy.through(old.url),
      simulator: { latency: { kind: 'uniform', min: 20, max: 200 } },
    });
    await stand.startWorkers(2);
    await stand.enqueue(makeSales(150, 'before'));
    const direct = connectRedis(old.url, 'patient', () => undefined);
    toClose.push(() => direct.disconnect());
    await eventually(async () => expect(await direct.info('replication')).toContain('state=online'));
    await eventually(async () => expect(await stand.queue.getCompletedCount()).toBeGreaterThan(20));

    // Connections that stand stay with the old primary; the service's name leads to the new one.
    proxy.pointAt({ port: next.port });
    await direct.call('FAILOVER', 'TO', '127.0.0.1', String(next.port), 'TIMEOUT', '10000');
    await eventually(async () => expect((await direct.role())[0]).toBe('slave'), 20_000);
    await eventually(async () => void (await stand.enqueue(makeSales(20, 'after'))));
    await eventually(async () => void (await stand.redis.del('whatever is written leads to the new one')));
    await stand.untilAtRest(40_000);
    expect(await stand.reconcile()).toMatchObject({ accepted: 170, delivered: 170, problems: [] });
    const successor = connectRedis(next.url, 'patient', () => undefined);
    toClose.push(() => successor.disconnect());
    expect((await successor.role())[0]).toBe('master');
  });
});
