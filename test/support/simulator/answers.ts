import type { ServerResponse } from 'node:http';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { TLSSocket } from 'node:tls';
import type { Fault } from './protocol.ts';
import type { Random } from './random.ts';
import { type Answer, failure, json } from './routes.ts';

/** Puts an answer, or what a fault makes of it, on the wire. The signal: the client is gone. */
export type Sender = (res: ServerResponse, signal: AbortSignal) => Promise<void> | void;

const GIB = 2 ** 30;
const CHUNK = Buffer.alloc(64 * 1024, 'x');
const PAGE = '<!doctype html><html><body><h1>Sign in to the store network</h1></body></html>';

/** Carries the request out where the fault lets it (`right`), and says how it is answered. */
export function answerWith(fault: Fault | null, right: () => Answer, random: Random): Sender {
  if (fault === null) return whole(right());
  if ('apply' in fault && fault.apply) right();
  switch (fault.kind) {
    case 'status':
      return whole(statusAnswer(fault));
    case 'html':
      return whole({ status: 200, headers: { 'content-type': 'text/html' }, body: PAGE });
    case 'successFalse':
      return whole({ ...failure(200, fault.error ?? 'Refused by the back office'), status: 200 });
    case 'flap':
      return whole(random() < (fault.probability ?? 0.5) ? failed(fault.status ?? 503) : right());
    case 'hang':
      return () => {};
    case 'resetBefore':
      return reset;
    default:
      return answerAfterwards(fault, right());
  }
}

type CarriedOut =
  | 'slow'
  | 'resetAfterApply'
  | 'truncated'
  | 'wrongContentType'
  | 'wrongShape'
  | 'hugeBody'
  | 'drip';

function answerAfterwards(fault: Extract<Fault, { kind: CarriedOut }>, right: Answer): Sender {
  switch (fault.kind) {
    case 'slow':
      return whole(right);
    case 'resetAfterApply':
      return reset;
    case 'truncated':
      return half(right);
    case 'wrongContentType':
      return whole({ ...right, headers: { 'content-type': 'text/plain' } });
    case 'wrongShape':
      return whole(json(200, { result: 'stored' }));
    case 'hugeBody':
      return flood(fault.bytes ?? GIB);
    default:
      return drip(right, fault.intervalMs ?? 1_000);
  }
}

function statusAnswer(fault: Extract<Fault, { kind: 'status' }>): Answer {
  const { status, headers = {}, body } = fault;
  if (typeof body === 'string')
    return { status, headers: { 'content-type': 'text/plain', ...headers }, body };
  const answer = body === undefined ? failed(status) : json(status, body);
  return { ...answer, headers: { ...answer.headers, ...headers } };
}

function failed(status: number): Answer {
  return failure(status, `Injected status ${status}`);
}

function whole({ status, headers, body }: Answer): Sender {
  return (res) => {
    res.writeHead(status, headers).end(body);
  };
}

function half({ status, headers, body }: Answer): Sender {
  return (res) => {
    const bytes = Buffer.from(body);
    res.writeHead(status, { ...headers, 'content-length': bytes.length });
    res.write(bytes.subarray(0, bytes.length / 2), () => res.destroy());
  };
}

function drip({ status, headers, body }: Answer, intervalMs: number): Sender {
  return async (res, signal) => {
    res.writeHead(status, headers);
    await pipeline(Readable.from(drops(Buffer.from(body), intervalMs, signal)), res);
  };
}

async function* drops(bytes: Buffer, intervalMs: number, signal: AbortSignal) {
  for (let at = 0; at < bytes.length; at += 1) {
    yield bytes.subarray(at, at + 1);
    await delay(intervalMs, undefined, { signal });
  }
}

/** Chunked, without a length to be refused by: only a reader that counts is safe. */
function flood(bytes: number): Sender {
  return async (res) => {
    res.writeHead(200, { 'content-type': 'application/json' });
    await pipeline(Readable.from(waves(bytes)), res);
  };
}

function* waves(bytes: number) {
  yield Buffer.from('{"success":true,"data":"');
  for (let left = bytes; left > 0; left -= CHUNK.length)
    yield CHUNK.subarray(0, Math.min(left, CHUNK.length));
  yield Buffer.from(`","timestamp":"${new Date().toISOString()}"}`);
}

function reset(res: ServerResponse): void {
  // Node cannot send RST on a TLS socket; there it is cut off without a close_notify.
  if (res.socket instanceof TLSSocket) res.socket.destroy();
  else res.socket?.resetAndDestroy();
}
