import { createAdaptorServer, type ServerType } from '@hono/node-server';
import { ConexxusSyncError, errorMessage } from '../base/errors.ts';

export interface HttpServer {
  readonly port: number;
  /** Takes no more, gives requests under way a moment, then cuts them off. The second caller awaits the same. */
  close(): Promise<void>;
}

class ListenError extends ConexxusSyncError {
  readonly code = 'LISTEN_FAILED';
}

/** What Hono's apps are. */
interface App {
  fetch: Parameters<typeof createAdaptorServer>[0]['fetch'];
}

const CLOSE_GRACE_MS = 2_000;

/** Resolves once it listens; rejects (`LISTEN_FAILED`) where it cannot. Port 0: any free one. */
export async function listen(app: App, { host, port }: { host: string; port: number }): Promise<HttpServer> {
  const server = createAdaptorServer({ fetch: app.fetch });
  await new Promise<void>((resolve, reject) => {
    server.once('error', (cause: Error) =>
      reject(new ListenError(`cannot listen on ${host}:${port}: ${errorMessage(cause)}`, { cause })),
    );
    server.listen(port, host, resolve);
  });
  const address = server.address();
  const bound = typeof address === 'object' && address !== null ? address.port : port;
  let closing: Promise<void> | undefined;
  return { port: bound, close: () => (closing ??= closeServer(server)) };
}

function closeServer(server: ServerType): Promise<void> {
  return new Promise((resolve) => {
    const cut = setTimeout(() => {
      if ('closeAllConnections' in server) server.closeAllConnections();
    }, CLOSE_GRACE_MS);
    server.close(() => {
      clearTimeout(cut);
      resolve();
    });
  });
}
