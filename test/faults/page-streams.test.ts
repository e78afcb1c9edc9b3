import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Hono } from 'hono';
import type { OpsEnv } from '../../src/ops/auth.ts';
import { createLive } from '../../src/ops/page/live.ts';
import { listen } from '../../src/ops/server.ts';
import { AWAY, OPERATOR, type OpsHarness, startOps } from '../ops/harness.ts';
import { eventually } from '../support/eventually.ts';

const FOLLOWERS = 500;
const LOGIN = `Basic ${Buffer.from(`${OPERATOR.user}:${OPERATOR.password}`).toString('base64')}`;

let ops: OpsHarness;
let sent: number;
let reads: number;
beforeEach(async () => {
  reads = 0;
  const database: typeof AWAY = {
    ...AWAY,
    read: (work) => {
      reads += 1;
      return AWAY.read(work);
    },
  };
  ops = await startOps({ database });
  sent = 0;
  const { redis } = ops;
  const send = redis.sendCommand.bind(redis);
  redis.sendCommand = (...args) => {
    // Its own pulse, of every ten seconds.
    if (args[0].name !== 'ping') sent += 1;
    return send(...args);
  };
});
afterEach(() => ops.close());

/** Resolves once the stream has begun. What comes is read by nobody unless somebody reads it. */
async function follow(browser: string, port = ops.port): Promise<Socket> {
  const socket = connect(port, '127.0.0.1');
  socket.on('error', () => undefined);
  await once(socket, 'connect');
  socket.write(`GET /live?browser=${browser} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: ${LOGIN}\r\n\r\n`);
  const [first] = await once(socket, 'data');
  if (!String(first).startsWith('HTTP/1.1 200')) throw new Error(String(first).slice(0, 80));
  return socket;
}

function timers(): number {
  return process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length;
}

/** On what lasts longer than a stream. */
function listeners(): number {
  return [process, ops.redis].reduce(
    (total, emitter) =>
      total + emitter.eventNames().reduce((count, name) => count + emitter.listenerCount(name), 0),
    0,
  );
}

describe('the streams of the page', () => {
  it(`[90] ${FOLLOWERS} that follow cost as much as one, and leave nothing behind when they are cut off at once`, async () => {
    const [timersBefore, listenersBefore] = [timers(), listeners()];
    const sockets: Socket[] = [];
    for (let from = 0; from < FOLLOWERS; from += 50) {
      const places = Array.from({ length: 50 }, (_, place) => `browser-${from + place}`);
      sockets.push(...(await Promise.all(places.map((name) => follow(name)))));
    }
    for (const socket of sockets) socket.resume();
    expect(ops.page.followers()).toBe(FOLLOWERS);
    const sentBefore = sent;
    const begun = performance.now();
    await delay(5_000);
    expect((sent - sentBefore) / ((performance.now() - begun) / 1_000)).toBeLessThanOrEqual(20);

    for (const socket of sockets) socket.resetAndDestroy();
    await eventually(() => expect(ops.page.followers()).toBe(0));
    await delay(2_500);
    const last = [sent, reads];
    await delay(2_500);
    expect([sent, reads]).toEqual(last);
    expect(reads).toBeGreaterThan(0);
    expect(timers()).toBeLessThanOrEqual(timersBefore);
    expect(listeners()).toBeLessThanOrEqual(listenersBefore);
  });

  it('[90] one that never reads is cut off, and no other; memory stays flat', async () => {
    let looks = 0;
    const live = createLive({
      look: async () => {
        looks += 1;
        return { title: '', kind: '', sections: { a: String(looks).repeat(1_000_000) } };
      },
    });
    const app = new Hono<OpsEnv>();
    app.get('/live', (c) => {
      const cut = () => c.env.outgoing.destroy();
      const stream = live.follow({ role: 'viewer', browser: c.req.query('browser') ?? '', cut });
      return stream === null ? c.body(null, 204) : c.body(stream, 200);
    });
    const server = await listen(app, { host: '127.0.0.1', port: 0 });
    const deaf = await follow('never-reads', server.port);
    deaf.pause();
    const reader = await follow('reads', server.port);
    reader.resume();
    const before = process.memoryUsage().rss;
    await eventually(() => expect(live.size()).toBe(1), 40_000);
    expect(process.memoryUsage().rss - before).toBeLessThan(96 * 1024 * 1024);
    expect(reader.closed).toBe(false);
    reader.destroy();
    await eventually(() => expect(live.size()).toBe(0));
    deaf.destroy();
    await server.close();
  });
});
