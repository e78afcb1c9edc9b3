import http, { type IncomingHttpHeaders } from 'node:http';
import https from 'node:https';
import { text } from 'node:stream/consumers';

export interface RawAnswer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

export interface RawRequest {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  /** A connection of its own per request unless given. */
  readonly agent?: http.Agent | https.Agent;
  readonly ca?: string;
  readonly signal?: AbortSignal;
}

/** One request with nothing between the test and the wire. Rejects with the socket's error. */
export async function rawRequest(url: string, request: RawRequest = {}): Promise<RawAnswer> {
  const res = await openRequest(url, request);
  return { status: res.statusCode ?? 0, headers: res.headers, body: await text(res) };
}

/** Resolves when the headers are in; the body is the caller's to read or destroy. */
export function openRequest(
  url: string,
  { body, agent, ...rest }: RawRequest = {},
): Promise<http.IncomingMessage> {
  const { request } = url.startsWith('https:') ? https : http;
  return new Promise((resolve, reject) => {
    const req = request(url, { agent: agent ?? false, ...rest }, resolve);
    req.once('error', reject);
    req.end(body);
  });
}
