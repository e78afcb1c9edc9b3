import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse, request as sendRequest } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import { portOf } from '../../support/tcp-proxy.ts';

/** What the proxy does with one request. */
type Treatment =
  | { readonly kind: 'pass'; readonly afterMs?: number }
  /** An answer of its own; the API never hears of the request. */
  | {
      readonly kind: 'answer';
      readonly status: number;
      readonly headers?: Readonly<Record<string, string>>;
      readonly body?: string;
    }
  /** RST instead of an answer, once `when` (at once) has resolved. */
  | { readonly kind: 'reset'; readonly when?: Promise<void> }
  /** It is taken and lost: nobody is told. */
  | { readonly kind: 'swallow' };

interface SeenRequest {
  readonly method: string;
  readonly path: string;
}

/** Chosen per request; `count` tells how many came before it since `become`. */
type Sickness = (request: SeenRequest, count: number) => Treatment;

/** An HTTP proxy between one worker and the API, as a store's network has them: well, or sick. */
export interface SickProxy {
  /** For `CONEXXUS_API_URL`. */
  readonly url: string;
  become(sickness: Sickness): void;
  /** All that came since `become`. */
  seen(): readonly SeenRequest[];
  stop(): Promise<void>;
}

export const WELL: Sickness = () => ({ kind: 'pass' });

/** Every request is answered like this, or refused: which makes no difference to the sales. */
export const answers =
  (status: number, headers: Readonly<Record<string, string>> = {}, body = 'proxy'): Sickness =>
  () => ({ kind: 'answer', status, headers, body });

export async function startSickProxy(target: string): Promise<SickProxy> {
  let sickness = WELL;
  let seen: SeenRequest[] = [];

  async function treat(req: IncomingMessage, res: ServerResponse): Promise<void> {
    const request = { method: req.method ?? 'GET', path: req.url ?? '/' };
    const treatment = sickness(request, seen.length);
    seen.push(request);
    switch (treatment.kind) {
      case 'pass':
        if (treatment.afterMs !== undefined) await delay(treatment.afterMs);
        pass(target, req, res);
        break;
      case 'answer':
        req.resume();
        res.writeHead(treatment.status, treatment.headers).end(treatment.body);
        break;
      case 'reset':
        req.resume();
        await treatment.when;
        res.socket?.resetAndDestroy();
        break;
      case 'swallow':
        req.resume();
    }
  }

  const server = createServer((req, res) => {
    treat(req, res).catch(() => res.destroy());
  });
  // A close that races with a request would be a fault nobody asked for.
  server.keepAliveTimeout = 600_000;
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${portOf(server)}`,
    become(next) {
      sickness = next;
      seen = [];
    },
    seen: () => seen,
    async stop() {
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}

function pass(target: string, req: IncomingMessage, res: ServerResponse): void {
  const { method, headers } = req;
  const onward = sendRequest(new URL(req.url ?? '/', target), { method, headers }, (answer) => {
    res.writeHead(answer.statusCode ?? 502, answer.headers);
    answer.pipe(res);
  });
  onward.on('error', () => res.destroy());
  res.on('close', () => onward.destroy());
  req.pipe(onward);
}
