import { once } from 'node:events';
import http, { type IncomingMessage, type ServerResponse } from 'node:http';
import https from 'node:https';
import type { Socket } from 'node:net';
import { text } from 'node:stream/consumers';
import { setTimeout as delay } from 'node:timers/promises';
import { answerWith } from './answers.ts';
import type { ChosenFault, RuleBook } from './faults.ts';
import type { OpenEntry } from './ledger.ts';
import type { ModeSwitch } from './mode.ts';
import type { Fault } from './protocol.ts';
import { type Random, sampleLatency } from './random.ts';
import { carryOut, readSale, type World } from './routes.ts';

/** PEM texts. */
export interface TlsFiles {
  readonly key: string;
  readonly cert: string;
}

export interface ApiServer {
  /**
   * False: new connections are refused, idle ones closed, requests under way still answered.
   * Resolves when that is so. Rejects where the port cannot be had.
   */
  listen(listening: boolean): Promise<void>;
  stop(): Promise<void>;
}

export interface ApiServerOptions {
  readonly host: string;
  readonly port: number;
  readonly tls?: TlsFiles | undefined;
  readonly onRequest: (req: IncomingMessage, res: ServerResponse) => void;
}

export function createApiServer({ host, port, tls, onRequest }: ApiServerOptions): ApiServer {
  const idle = new Set<Socket>();
  const underWay = new Set<ServerResponse>();
  const server = tls ? https.createServer(tls) : http.createServer();
  // Longer than any client keeps them: a close that races with a request is a fault nobody asked for.
  server.keepAliveTimeout = 600_000;
  server.on(tls ? 'secureConnection' : 'connection', (socket: Socket) => {
    idle.add(socket);
    socket.once('close', () => idle.delete(socket));
  });
  server.on('request', (req: IncomingMessage, res: ServerResponse) => {
    const { socket } = req;
    idle.delete(socket);
    underWay.add(res);
    res.once('close', () => {
      underWay.delete(res);
      if (!server.listening) socket.end();
      else if (!socket.destroyed) idle.add(socket);
    });
    onRequest(req, res);
  });

  async function setListening(listening: boolean): Promise<void> {
    if (listening === server.listening) return;
    if (listening) {
      server.listen(port, host);
      await once(server, 'listening');
    } else {
      server.close();
      for (const socket of idle) socket.destroy();
      for (const res of underWay) res.shouldKeepAlive = false;
    }
  }

  let last: Promise<void> = Promise.resolve();
  return {
    listen: (listening) => {
      const next = last.then(() => setListening(listening));
      last = next.catch(() => undefined);
      return next;
    },
    stop: async () => {
      await last;
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeAllConnections();
      await closed;
    },
  };
}

export interface Exchange {
  readonly world: World;
  readonly rules: RuleBook;
  readonly mode: ModeSwitch;
  readonly random: Random;
}

/** One request from its arrival to its end. Settles when the answer is handed over, or there is none. */
export async function exchange(
  { world, rules, mode, random }: Exchange,
  req: IncomingMessage,
  res: ServerResponse,
): Promise<void> {
  const { pathname } = new URL(req.url ?? '/', 'http://simulator');
  const entry = world.ledger.open({
    method: req.method ?? 'GET',
    path: pathname,
    key: header(req, 'idempotency-key'),
    apiKey: header(req, 'x-api-key'),
  });
  const gone = endWith(res, () => world.ledger.end(entry, res.headersSent ? res.statusCode : null));

  const fromMode = mode.requestArrived();
  let body = fromMode === null && rules.looksIntoBody() ? await readBody(req, entry) : null;
  const chosen = fromMode ?? rules.choose(entry, random);
  entry.fault = chosen?.label ?? null;
  if (chosen?.fault.kind !== 'resetBefore') body ??= await readBody(req, entry);
  if (world.settings.keepBodies && body !== null) entry.body = body;

  const request = { body: body ?? '', entry };
  const send = answerWith(chosen?.fault ?? null, () => carryOut(world, request), random);
  const latency = latencyOf(chosen) ?? world.settings.latency;
  if (latency !== null) await delay(sampleLatency(latency, random), undefined, { signal: gone });
  await send(res, gone);
}

/** Runs `end` once, when the answer is out or the connection gone; the signal fires then. */
function endWith(res: ServerResponse, end: () => void): AbortSignal {
  const over = new AbortController();
  const close = () => {
    if (over.signal.aborted) return;
    end();
    over.abort();
  };
  // Not `close` alone: it comes after `finish`, and the next request may be in by then.
  res.once('finish', close).once('close', close);
  return over.signal;
}

async function readBody(req: IncomingMessage, entry: OpenEntry): Promise<string> {
  const body = await text(req);
  if (body !== '') Object.assign(entry, readSale(body));
  return body;
}

function latencyOf(chosen: ChosenFault | null) {
  const fault: Fault | undefined = chosen?.fault;
  return fault && 'latency' in fault ? fault.latency : undefined;
}

function header(req: IncomingMessage, name: string): string | null {
  const value = req.headers[name];
  return typeof value === 'string' ? value : null;
}
