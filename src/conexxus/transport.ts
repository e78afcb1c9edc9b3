import { Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import { type Got, got, type Request } from 'got';
import type { Problem } from './call-error.ts';
import type { Answer } from './classify.ts';
import { describeFailure } from './failure.ts';

/** The longest body that is read; memory stays flat however much is sent. */
export const MAX_RESPONSE_BYTES = 50 * 1024 * 1024;

/**
 * Below the 5 s after which many servers drop an idle connection: a request that crosses that close on the
 * wire would look like a failure of the API.
 */
const IDLE_SOCKET_MS = 4_000;

export interface TransportOptions {
  readonly baseUrl: string;
  /** Most sockets open at once. */
  readonly concurrency: number;
  readonly userAgent: string;
  /** PEM; takes the place of the public authorities. */
  readonly ca?: string | undefined;
}

export interface WireRequest {
  readonly path: string;
  readonly apiKey: string;
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
  const { baseUrl, concurrency, userAgent, ca } = options;
  const base = new URL(baseUrl);
  const pool = {
    keepAlive: true,
    maxSockets: concurrency,
    maxFreeSockets: concurrency,
    timeout: IDLE_SOCKET_MS,
  };
  const agent = { http: new HttpAgent(pool), https: new HttpsAgent(pool) };
  const client = got.extend({
    headers: { 'user-agent': userAgent, accept: 'application/json', 'accept-encoding': 'identity' },
    agent,
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
      if (request.signal?.aborted) return ABORTED;
      const describe = (thrown: unknown): Problem =>
        request.signal?.aborted ? ABORTED : describeFailure(thrown, base.host, request.timeoutMs);
      try {
        return await receive(open(client, base, request), describe);
      } catch (thrown) {
        return describe(thrown);
      }
    },
    close() {
      agent.http.destroy();
      agent.https.destroy();
    },
  };
}

const ABORTED: Problem = { code: 'aborted', message: 'cut off by our own shutdown' };

function open(client: Got, base: URL, request: WireRequest): Request {
  const { path, apiKey, post, timeoutMs, connection, signal } = request;
  const headers = { 'x-api-key': apiKey };
  const stream = client.stream(`${base.href.replace(/\/+$/, '')}${path}`, {
    timeout: { request: timeoutMs },
    ...(connection === 'own' ? { agent: { http: false, https: false } } : {}),
    ...(signal === undefined ? {} : { signal }),
    ...(post === undefined
      ? { method: 'GET', headers }
      : {
          method: 'POST',
          body: post.json,
          headers: {
            ...headers,
            'content-type': 'application/json',
            'idempotency-key': post.idempotencyKey,
          },
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
