import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { Server, Socket } from 'node:net';
import { afterEach } from '@jest/globals';
import {
  type ApiKey,
  type ConexxusClient,
  type ConexxusClientOptions,
  createConexxusClient,
} from '../../src/conexxus/client.ts';

export interface Listening {
  readonly port: number;
  /** Sockets accepted so far. */
  readonly sockets: readonly Socket[];
  close(): Promise<void>;
}

/** Starts a server on a free loopback port; closing it cuts whatever is still open. */
export async function listen(server: Server): Promise<Listening> {
  const sockets: Socket[] = [];
  server.on('connection', (socket: Socket) => {
    sockets.push(socket);
    socket.on('error', () => {});
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('not a TCP server');
  return {
    port: address.port,
    sockets,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of sockets) socket.destroy();
      }),
  };
}

/** For calls whose items do not matter. */
export const onItem = (): void => undefined;

export type Handler = (request: IncomingMessage, response: ServerResponse) => unknown;

export function listenHttp(handler: Handler): Promise<Listening> {
  return listen(createServer((request, response) => void handler(request, response)));
}

/** What is handed to the returned function runs after the test, last first. */
export function closeAfterEach(): (close: () => Promise<void> | void) => void {
  const closers: (() => Promise<void> | void)[] = [];
  afterEach(async () => {
    for (const close of closers.splice(0).toReversed()) await close();
  });
  return (close) => void closers.push(close);
}

export const API_KEY = 'canary-key-0123456789';

/** One that never changes. */
export function fixedKey(key: string): ApiKey {
  return { current: () => key, reread: () => Promise.resolve() };
}

export function clientFor(baseUrl: string, options: Partial<ConexxusClientOptions> = {}): ConexxusClient {
  return createConexxusClient({
    baseUrl,
    apiKey: fixedKey(API_KEY),
    timeoutMs: 2_000,
    concurrency: 2,
    userAgent: 'conexxus-sync/0.0.0-test',
    redact: (text) => text.replaceAll(API_KEY, '[redacted]'),
    ...options,
  });
}

/** An answer of the API as the wire has it. */
export function envelope(data: unknown): string {
  return JSON.stringify({ success: true, data, timestamp: '2025-01-01T00:00:00.000Z' });
}

export function answer(response: ServerResponse, data: unknown): void {
  response.writeHead(200, { 'content-type': 'application/json' }).end(envelope(data));
}
