import { type ClientRequest, request as requestByHttp } from 'node:http';
import { request as requestByHttps } from 'node:https';
import { urlToHttpOptions } from 'node:url';
import { type Got, got, type Request, type RequestFunction } from 'got';
import type { Agents } from './connections.ts';

export interface RequestOptions {
  readonly baseUrl: string;
  readonly userAgent: string;
  /** Of a request that has no way of its own. */
  readonly agents: Agents;
  readonly timeoutMs: number;
}

export interface SentRequest {
  readonly path: string;
  readonly apiKey: string;
  /** Present: a POST of this JSON text. */
  readonly post?: { readonly json: string; readonly idempotencyKey: string };
}

/** Where and for how long one request goes otherwise than the others. */
interface OwnWay {
  readonly agents: Agents;
  readonly timeoutMs: number;
}

/** Begins a request, and shows it once it goes out; the stream that it gives is the answer's body. */
export type BeginRequest = (
  request: SentRequest,
  onSent: (sent: ClientRequest) => void,
  own?: OwnWay,
) => Request;

/**
 * got merges and checks the options of each call, which is half of what a call costs. So each path has an instance with
 * all that stays the same, and what changes is written into its defaults (`mutableDefaults`) just before it is asked: it
 * takes them over before it returns.
 */
export function createRequests(options: RequestOptions): BeginRequest {
  const base = new URL(options.baseUrl).href.replace(/\/+$/, '');
  const client = clientOf(options);
  const instances = new Map<string, Got>();

  function instanceOf(path: string, method: 'GET' | 'POST'): Got {
    const known = instances.get(path);
    if (known !== undefined) return known;
    const headers = method === 'POST' ? { 'content-type': 'application/json' } : {};
    const url = `${base}${path}`;
    const instance = client.extend({ method, headers, request: requestTo(url), mutableDefaults: true });
    instance.defaults.options.url = url;
    instances.set(path, instance);
    return instance;
  }

  return ({ path, apiKey, post }, onSent, own) => {
    const instance = instanceOf(path, post === undefined ? 'GET' : 'POST');
    const { options: defaults } = instance.defaults;
    defaults.headers['x-api-key'] = apiKey;
    defaults.headers['idempotency-key'] = post?.idempotencyKey;
    const merged = own && { agent: { ...own.agents }, timeout: { request: own.timeoutMs } };
    const stream = instance.stream(undefined, merged);
    stream.once('request', (sent: ClientRequest) => {
      // The whole body at once, which Node sends with the headers; got, given it, would make a stream of it.
      if (post !== undefined) sent.end(post.json);
      onSent(sent);
    });
    return stream;
  };
}

/** As got would ask Node for it, but with the address taken apart once. */
function requestTo(url: string): RequestFunction {
  const { protocol, hostname, port, path } = urlToHttpOptions(new URL(url));
  const request = protocol === 'https:' ? requestByHttps : requestByHttp;
  return (_url, { method, headers, agent }) => {
    const sent = request({ protocol, hostname, port, path, method, headers, agent });
    return Object.assign(sent, { timings: NOT_TAKEN });
  };
}

/** got takes no timings of a request that has some, and listens to a dozen events of any other for them. */
const NOT_TAKEN = {};

function clientOf({ userAgent, agents, timeoutMs }: RequestOptions): Got {
  return got.extend({
    headers: { 'user-agent': userAgent, accept: 'application/json', 'accept-encoding': 'identity' },
    // Retries belong to the queue; a redirect would carry the key and the sale to another host.
    retry: { limit: 0 },
    followRedirect: false,
    throwHttpErrors: false,
    decompress: false,
    agent: { ...agents },
    timeout: { request: timeoutMs },
    handlers: [
      (options, next) => {
        // In place of thirty members, all of them undefined, that Node would copy three times. TLS is the agent's.
        const { method, headers, agent, url } = options;
        const chosen = url instanceof URL && url.protocol === 'https:' ? agent.https : agent.http;
        const createNativeRequestOptions = () => ({ method, headers, agent: chosen });
        return next(Object.assign(options, { createNativeRequestOptions }));
      },
    ],
    mutableDefaults: true,
  });
}
