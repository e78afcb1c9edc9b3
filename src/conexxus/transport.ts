import type { ClientRequest } from 'node:http';
import type { Socket } from 'node:net';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Request } from 'got';
import { onceAborted } from './abort.ts';
import { type Body, listBody, wholeBody } from './body.ts';
import type { Problem } from './call-error.ts';
import type { Answer, AnswerBody } from './classify.ts';
import { createConnections } from './connections.ts';
import { describeFailure } from './failure.ts';
import { createItemReader, type OnItem } from './item-reader.ts';
import { createRequests, type SentRequest } from './request.ts';

/** The longest body that is read; memory stays flat however much is sent. */
export const MAX_RESPONSE_BYTES = 50 * 1024 * 1024;

/**
 * The longest until we hear that the connection was closed before our request came: a round trip by satellite,
 * with a packet lost.
 */
const CLOSE_HEARD_MS = 3_000;

export interface TransportOptions {
  readonly baseUrl: string;
  /** Most sockets open at once. */
  readonly concurrency: number;
  /** Of a request on a pooled connection. */
  readonly timeoutMs: number;
  readonly userAgent: string;
  /** PEM; takes the place of the public authorities. */
  readonly ca?: string | undefined;
}

export interface WireRequest extends SentRequest {
  /** Of the whole exchange. */
  readonly timeoutMs: number;
  /** `own`: a fresh connection, which waits for no other call and tells whether one can be made. */
  readonly connection: 'pooled' | 'own';
  readonly signal?: AbortSignal | undefined;
  /** The answer to a 2xx is a list of any length: its items are given out as they come. */
  readonly onItem?: OnItem;
}

interface Exchange {
  readonly reply: Answer | Problem;
  /** The request went out twice: the connection it took was closed at the other end. */
  readonly resent: boolean;
}

export interface Transport {
  /** One request, one try; one more where the first met a connection that was idle and is closed. Never rejects. */
  exchange(request: WireRequest): Promise<Exchange>;
  /** Closes all sockets, also those of calls under way. */
  close(): void;
}

export function createTransport(options: TransportOptions): Transport {
  const { baseUrl, concurrency, timeoutMs, userAgent, ca } = options;
  const { host } = new URL(baseUrl);
  const connections = createConnections({ concurrency, timeoutMs, ca });
  const begin = createRequests({ baseUrl, userAgent, agents: connections.pooled, timeoutMs });

  function beginIn(request: WireRequest, leftMs: number, wire: Wire): Request {
    const onSent = (sent: ClientRequest) => watch(sent, wire);
    if (request.connection === 'own') {
      return begin(request, onSent, { agents: connections.own(leftMs), timeoutMs: leftMs });
    }
    return leftMs === timeoutMs
      ? begin(request, onSent)
      : begin(request, onSent, { agents: connections.pooled, timeoutMs: leftMs });
  }

  async function attempt(request: WireRequest, leftMs: number): Promise<Attempt> {
    const { signal } = request;
    const wire = newWire();
    if (signal?.aborted) return { reply: ABORTED, wire };
    const describe = (thrown: unknown): Problem =>
      signal?.aborted
        ? ABORTED
        : describeFailure(thrown, { host, timeoutMs: request.timeoutMs, tried: triedInVain(wire) });
    try {
      const stream = beginIn(request, leftMs, wire);
      const reply = await receive(stream, describe, request);
      if (!('code' in reply)) connections.answeredFrom(wire.address);
      return { reply, wire };
    } catch (thrown) {
      return { reply: describe(thrown), wire };
    }
  }

  return {
    async exchange(request) {
      const deadline = performance.now() + request.timeoutMs;
      const first = await attempt(request, request.timeoutMs);
      const leftMs = Math.floor(deadline - performance.now());
      if (leftMs <= 0 || !metClosedConnection(first)) return { reply: first.reply, resent: false };
      const { reply } = await attempt({ ...request, connection: 'own' }, leftMs);
      return { reply, resent: true };
    },
    close: () => connections.close(),
  };
}

interface Attempt {
  readonly reply: Answer | Problem;
  readonly wire: Wire;
}

/**
 * A server may close an idle connection just as the next request goes out: that request was never read, and
 * says nothing about the API. Where so much as a byte of an answer came, or the server held the request for
 * longer than such a close takes to be heard of, it was read.
 */
function metClosedConnection({ reply, wire }: Attempt): boolean {
  return (
    'code' in reply &&
    reply.code === 'connection_reset' &&
    wire.reused &&
    !hasHeard(wire) &&
    performance.now() - wire.startedAt < CLOSE_HEARD_MS
  );
}

const ABORTED: Problem = { code: 'aborted', message: 'cut off by our own shutdown' };

/** What the connection of a request tells of itself. */
interface Wire {
  socket: Socket | undefined;
  /** Once there is a connection. */
  address: string | undefined;
  /** It had served another request before. */
  reused: boolean;
  /** What it had read before. */
  bytesBefore: number;
  /** When the request went out on it. */
  startedAt: number;
}

function newWire(): Wire {
  return { socket: undefined, address: undefined, reused: false, bytesBefore: 0, startedAt: 0 };
}

/** A byte of an answer came. */
function hasHeard({ socket, bytesBefore }: Wire): boolean {
  return socket !== undefined && socket.bytesRead > bytesBefore;
}

function watch(sent: ClientRequest, wire: Wire): void {
  sent.once('socket', (socket) => {
    const connected = () => {
      wire.address = socket.remoteAddress;
    };
    wire.socket = socket;
    wire.reused = sent.reusedSocket;
    wire.bytesBefore = socket.bytesRead;
    wire.startedAt = performance.now();
    if (socket.connecting) socket.once('connect', connected);
    else connected();
  });
}

function triedInVain({ socket, address }: Wire): readonly string[] | undefined {
  // Undefined where there was but one.
  const tried: readonly string[] | undefined = socket?.autoSelectFamilyAttemptedAddresses;
  return address === undefined ? (tried ?? []) : undefined;
}

async function receive(
  stream: Request,
  describe: (thrown: unknown) => Problem,
  { signal, onItem }: WireRequest,
): Promise<Answer | Problem> {
  const cutOff = () => void stream.destroy(new Error('cut off'));
  const forget = signal === undefined ? () => {} : onceAborted(signal, cutOff);
  const body = await readBody(stream, describe, onItem);
  forget();
  const { response } = stream;
  const { problem } = body;
  if (response === undefined || problem === ABORTED) return problem ?? describe(new Error('no answer'));
  return { status: response.statusCode, headers: response.headers, body };
}

async function readBody(
  stream: Request,
  describe: (thrown: unknown) => Problem,
  onItem: OnItem | undefined,
): Promise<AnswerBody> {
  let body: Body | undefined;
  let size = 0;
  const take = (chunk: Uint8Array): void => {
    body ??= onItem !== undefined && isSuccess(stream) ? listBody(createItemReader(onItem)) : wholeBody();
    size += chunk.byteLength;
    if (size > MAX_RESPONSE_BYTES || declaredBytes(stream) > MAX_RESPONSE_BYTES) throw new TooLarge();
    body.add(chunk);
  };
  try {
    await (onItem === undefined ? flow(stream, take) : flowByTurns(stream, take));
    return body?.end() ?? { text: '' };
  } catch (thrown) {
    return {
      text: body?.beginning() ?? '',
      problem: thrown instanceof TooLarge ? TOO_LARGE : describe(thrown),
    };
  } finally {
    // Lets go of the socket, unless it went back to the pool.
    stream.destroy();
  }
}

/** Resolves at the stream's end. */
function flow(stream: Request, take: (chunk: Uint8Array) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    stream.on('data', (chunk: Uint8Array) => {
      try {
        take(chunk);
      } catch (error) {
        reject(error);
      }
    });
    stream.on('end', resolve);
    // It stays: an error after the end must not end the process.
    stream.on('error', reject);
    stream.on('close', () => {
      // An error's stack is dear, and after the end nobody hears it.
      if (!stream.readableEnded) reject(new Error('closed'));
    });
  });
}

/** Who sends faster than we read would have us read on and on, megabytes in one turn of the event loop. */
async function flowByTurns(stream: Request, take: (chunk: Uint8Array) => void): Promise<void> {
  // After we have stopped listening.
  stream.on('error', () => {});
  for await (const chunk of stream as AsyncIterable<Uint8Array>) {
    take(chunk);
    await nextTurn();
  }
}

function isSuccess({ response }: Request): boolean {
  return response !== undefined && response.statusCode >= 200 && response.statusCode <= 299;
}

class TooLarge extends Error {}

const TOO_LARGE: Problem = {
  code: 'answer_too_large',
  message: `answer is larger than ${MAX_RESPONSE_BYTES / 1024 / 1024} MB`,
};

function declaredBytes(stream: Request): number {
  return Number(stream.response?.headers['content-length'] ?? 0);
}
