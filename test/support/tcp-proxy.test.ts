import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { eventually } from './eventually.ts';
import { portOf, startTcpProxy, type TcpProxy } from './tcp-proxy.ts';

/** Long enough for what passes on loopback to have come. */
const SILENCE_MS = 150;

let echo: Server;
let heard: string;
let ended: string[];
let proxy: TcpProxy;
const clients: Socket[] = [];

async function startEcho(prefix: string): Promise<Server> {
  const server = createServer((socket) => {
    socket.on('data', (chunk: Buffer) => {
      heard += chunk;
      socket.write(`${prefix}${chunk.toString()}`);
    });
    socket.on('end', () => ended.push('FIN'));
    socket.on('error', () => ended.push('RST'));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return server;
}

/** A connection with what it has received, and how it ended. */
async function dial() {
  const socket = connect(proxy.port, '127.0.0.1');
  clients.push(socket);
  const line = { socket, text: '', end: '' };
  socket.on('data', (chunk) => {
    line.text += chunk;
  });
  socket.on('end', () => {
    line.end ||= 'FIN';
  });
  socket.on('error', () => {
    line.end = 'RST';
  });
  await once(socket, 'connect');
  return line;
}

async function talk(line: { socket: Socket; text: string }, text: string): Promise<void> {
  line.socket.write(text);
  await eventually(() => expect(line.text).toContain(text));
}

beforeEach(async () => {
  heard = '';
  ended = [];
  echo = await startEcho('');
  proxy = await startTcpProxy({ port: portOf(echo) });
});

afterEach(async () => {
  for (const client of clients.splice(0)) client.destroy();
  await proxy.stop();
  // Not before its connections have ended: what they say belongs to this test.
  const closed = once(echo, 'close');
  echo.close();
  await closed;
});

describe('the TCP proxy', () => {
  it('passes bytes and a polite end, both ways', async () => {
    const line = await dial();
    await talk(line, 'hello');
    line.socket.end();
    await eventually(() => expect(line.end).toBe('FIN'));
    expect(ended).toEqual(['FIN']);
    await eventually(() => expect(proxy.connections()).toBe(0));
  });

  it('delays, and keeps the order', async () => {
    const line = await dial();
    proxy.delayBy(100);
    const startedAt = performance.now();
    for (const letter of 'abcdef') line.socket.write(letter);
    await eventually(() => expect(line.text).toBe('abcdef'));
    expect(performance.now() - startedAt).toBeGreaterThanOrEqual(190);
  });

  it('cuts with a FIN, resets with an RST, and takes new connections after both', async () => {
    const polite = await dial();
    await talk(polite, 'a');
    proxy.cut();
    await eventually(() => expect(polite.end).toBe('FIN'));
    const rude = await dial();
    await talk(rude, 'b');
    proxy.reset();
    await eventually(() => expect(rude.end).toBe('RST'));
    await eventually(() => expect(ended).toEqual(['FIN', 'RST']));
    await talk(await dial(), 'c');
  });

  it('swallows everything and tells nobody; only new connections work after that', async () => {
    const line = await dial();
    await talk(line, 'before');
    proxy.blackHole();
    line.socket.write('during');
    const during = await dial();
    during.socket.write('new');
    await delay(SILENCE_MS);
    proxy.heal();
    line.socket.write('after');
    await delay(SILENCE_MS);
    line.socket.end();
    await delay(SILENCE_MS);
    expect([heard, line.text, line.end, during.text, ended]).toEqual(['before', 'before', '', '', []]);
    await talk(await dial(), 'healed');
  });

  it('swallows one direction only', async () => {
    const line = await dial();
    await talk(line, 'before');
    proxy.blackHole('down');
    line.socket.write('during');
    await eventually(() => expect(heard).toBe('beforeduring'));
    await delay(SILENCE_MS);
    expect(line.text).toBe('before');
  });

  it('refuses new connections while it does not listen', async () => {
    const line = await dial();
    await proxy.listen(false);
    await expect(dial()).rejects.toThrow('ECONNREFUSED');
    await talk(line, 'still there');
    await proxy.listen(true);
    await talk(await dial(), 'back');
  });

  it('leads new connections to another server', async () => {
    const line = await dial();
    const other = await startEcho('other:');
    proxy.pointAt({ port: portOf(other) });
    const moved = await dial();
    await talk(moved, 'x');
    await talk(line, 'y');
    expect([moved.text, line.text]).toEqual(['other:x', 'y']);
    other.close();
  });
});
