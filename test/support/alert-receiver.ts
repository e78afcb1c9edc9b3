import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders } from 'node:http';
import { text } from 'node:stream/consumers';
import { Webhook } from 'standardwebhooks';
import { portOf } from './tcp-proxy.ts';

/** A message as it came. */
interface ReceivedAlert {
  readonly headers: IncomingHttpHeaders;
  readonly raw: string;
  readonly text: string;
  readonly type: string;
  readonly data: Readonly<Record<string, unknown>>;
  /** Clock of this process, ms. */
  readonly at: number;
}

/** Who gets alerts in a test: a real HTTP server. */
export interface AlertReceiver {
  readonly url: string;
  readonly secret: string;
  /** Taken with a 2xx, in the order in which they came. */
  readonly taken: readonly ReceivedAlert[];
  /** Calls, taken or not. */
  calls(): number;
  /** How it answers from now on; `hang`: never. */
  answer(how: Answering): void;
  of(alert: string, phase?: 'begun' | 'ended'): readonly ReceivedAlert[];
  stop(): Promise<void>;
}

type Answering = { readonly status: number; readonly headers?: Record<string, string> } | 'hang';

export async function startAlertReceiver(): Promise<AlertReceiver> {
  const secret = `whsec_${Buffer.alloc(32, 7).toString('base64')}`;
  const signer = new Webhook(secret);
  const taken: ReceivedAlert[] = [];
  let answering: Answering = { status: 200 };
  let calls = 0;
  const server = createServer((request, response) => {
    void text(request).then((raw) => {
      calls += 1;
      if (answering === 'hang') return;
      const { status, headers = {} } = answering;
      response.writeHead(status, headers).end(status < 300 ? 'ok' : 'no');
      // A heartbeat.
      if (request.method === 'GET' || status >= 300) return;
      // Throws, and leaves the message out, where its signature is wrong.
      signer.verify(raw, flat(request.headers));
      const body: Pick<ReceivedAlert, 'text' | 'type' | 'data'> = JSON.parse(raw);
      taken.push({ ...body, headers: request.headers, raw, at: Date.now() });
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${portOf(server)}/hooks/canary-hook`,
    secret,
    taken,
    calls: () => calls,
    answer(how) {
      answering = how;
    },
    of: (alert, phase) =>
      taken.filter(({ data }) => data['alert'] === alert && (phase === undefined || data['phase'] === phase)),
    async stop() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

function flat(headers: IncomingHttpHeaders): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, String(value)]));
}
