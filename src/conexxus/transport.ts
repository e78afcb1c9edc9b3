import type { ClientRequest } from 'node:http';
import type { Socket } from 'node:net';
import { type Got, got, type Request } from 'got';
import type { Problem } from './call-error.ts';
import type { Answer } from './classify.ts';
import { type Agents, createConnections } from './connections.ts';
import { describeFailure } from './failure.ts';

/** The longest body that is read; memory stays flat however much is sent. */
export const MAX_RESPONSE_BYTES = 50 * 1024 * 1024;

export interface TransportOptions {
  readonly baseUrl: string;
  /** Most sockets open at once. */
  readonly concurrency: number;
  /** Of a request on a pooled connection. */
  readonly timeoutMs: number;
  readonly headers: Readonly<Record<string, string>>;
  /** PEM; takes the place of the public authorities. */
  readonly ca?: string | undefined;
}

export interface WireRequest {
  readonly path: string;
  /** Present: a POST of this JSON text. */
  readonly post?: { readonly json: string; readonly idempotencyKey: string };
  readonly timeoutMs: number;
  /** `own`: a fresh connection, which waits for no other call and tells whether one can be made. */
  readonly connection: 'pooled' | 'own';
  readonly signal?: AbortSignal | undefined;
}

export interface Transport {
  /** One request, one try. Never rejects. */
  exchange(request: WireRequest): Promise<Answer | Problem>;
  /** Closes all sockets, also those of calls under way. */
  close(): void;
}

export function createTransport(options: TransportOptions): Transport {
  const { baseUrl, concurrency, timeoutMs, headers, ca } = options;
  const base = new URL(baseUrl);
  const connections = createConnections({ concurrency, timeoutMs });
  const client = got.extend({
    headers: { ...headers, accept: 'application/json', 'accept-encoding': 'identity' },
    // Retries belong to the queue; a redirect would carry the key and the sale to another host.
    retry: { limit: 0 },
    followRedirect: false,
    throwHttpErrors: false,
    decompress: false,
    // Explicit, so that NODE_TLS_REJECT_UNAUTHORIZED=0 can't switch it off.
    https: { rejectUnauthorized: true, ...(ca === undefined ? {} : { certificateAuthority: ca }) },
  });

  return {
    async exchange(request) {
      const { signal, connection, timeoutMs } = request;
      if (signal?.aborted) return ABORTED;
      const agent = connection === 'pooled' ? connections.pooled : connections.own(timeoutMs);
      const wire: Wire = { socket: undefined, address: undefined };
      const describe = (thrown: unknown): Problem =>
        signal?.aborted
          ? ABORTED
          : describeFailure(thrown, { host: base.host, timeoutMs, tried: triedInVain(wire) });
      try {
        const stream = open(client, base, agent, request);
        watch(stream, wire);
        const reply = await receive(stream, describe);
        if (!('code' in reply)) connections.answeredFrom(wire.address);
        return reply;
      } catch (thrown) {
        return describe(thrown);
      }
    },
    close: () => connections.close(),
  };
}

const ABORTED: Problem = { code: 'aborted', message: 'cut off by our own shutdown' };

/** What the connection of a request tells of itself. */
interface Wire {
  socket: Socket | undefined;
  /** Once there is a connection. */
  address: string | undefined;
}

function watch(stream: Request, wire: Wire): void {
  stream.once('request', (request: ClientRequest) => {
    request.once('socket', (socket) => {
      wire.socket = socket;
      const connected = () => {
        wire.address = socket.remoteAddress;
      };
      if (socket.connecting) socket.once('connect', connected);
      else connected();
    });
  });
}

function triedInVain({ socket, address }: Wire): readonly string[] | undefined {
  // Undefined where there was but one.
  const tried: readonly string[] | undefined = socket?.autoSelectFamilyAttemptedAddresses;
  return address === undefined ? (tried ?? []) : undefined;
}

function open(client: Got, base: URL, agent: Agents, request: WireRequest): Request {
  const { path, post, timeoutMs, signal } = request;
  const stream = client.stream(`${base.href.replace(/\/+$/, '')}${path}`, {
    timeout: { request: timeoutMs },
    agent: { ...agent },
    ...(signal === undefined ? {} : { signal }),
    ...(post === undefined
      ? { method: 'GET' }
      : {
          method: 'POST',
          body: post.json,
          headers: { 'content-type': 'application/json', 'idempotency-key': post.idempotencyKey },
        }),
  });
  // An error after we have stopped listening must not end the process.
  stream.on('error', () => {});
  return stream;
}
async function receive(stream: Request, describe: (thrown: unknown) => Problem): Promise<Answer | Problem> {
  const body = await readBody(stream, describe);
  const { response } = stream;
  const problem = 'problem' in body ? body.problem : undefined;
  if (response === undefined || problem === ABORTED) return problem ?? describe(new Error('no answer'));
  return { status: response.statusCode, headers: response.headers, body };
}

async function readBody(stream: Request, describe: (thrown: unknown) => Problem): Promise<Answer['body']> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  try {
    for await (const chunk of stream as AsyncIterable<Uint8Array>) {
      size += chunk.byteLength;
      if (size > MAX_RESPONSE_BYTES || declaredBytes(stream) > MAX_RESPONSE_BYTES) return TOO_LARGE;
      chunks.push(chunk);
    }
    // Not Buffer's toString: the decoder drops a byte order mark, which JSON.parse refuses.
    return { text: new TextDecoder().decode(Buffer.concat(chunks)) };
  } catch (thrown) {
    return { problem: describe(thrown) };
  } finally {
    // Lets go of the signal's listener, and of the socket unless it went back to the pool.
    stream.destroy();
  }
}

const TOO_LARGE = {
  problem: {
    code: 'answer_too_large',
    message: `answer is larger than ${MAX_RESPONSE_BYTES / 1024 / 1024} MB`,
  },
} as const;

function declaredBytes(stream: Request): number {
  return Number(stream.response?.headers['content-length'] ?? 0);
}
