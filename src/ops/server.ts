import { createAdaptorServer, type ServerType } from '@hono/node-server';
import type { Hono } from 'hono';
import { ConexxusSyncError, errorMessage } from '../base/errors.ts';
import type { OpsEnv } from './auth.ts';

export interface OpsServer {
  readonly port: number;
  /** Takes no more, gives requests under way a moment, then cuts them off. */
  close(): Promise<void>;
}

class DashboardListenError extends ConexxusSyncError {
  readonly code = 'DASHBOARD_LISTEN_FAILED';
}

const CLOSE_GRACE_MS = 2_000;

/** Resolves once it listens; rejects (`DASHBOARD_LISTEN_FAILED`) where it cannot. Port 0: any free one. */
export async function listen(
  app: Hono<OpsEnv>,
  { host, port }: { host: string; port: number },
): Promise<OpsServer> {
  const server = createAdaptorServer({ fetch: app.fetch });
  await new Promise<void>((resolve, reject) => {
    server.once('error', (cause: Error) =>
      reject(new DashboardListenError(`cannot listen on ${host}:${port}: ${errorMessage(cause)}`, { cause })),
    );
    server.listen(port, host, resolve);
  });
  const address = server.address();
  const bound = typeof address === 'object' && address !== null ? address.port : port;
  return { port: bound, close: () => closeServer(server) };
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
