import { once } from 'node:events';
import type { Server } from 'node:http';
import { checkCatalog, madeUpCatalog } from './catalog.ts';
import { connectSimulator, type SimulatorControl } from './client.ts';
import { createControlServer } from './control.ts';
import { createRuleBook } from './faults.ts';
import { createLedger } from './ledger.ts';
import { createModeSwitch } from './mode.ts';
import type { Settings } from './protocol.ts';
import { seededRandom } from './random.ts';
import type { World } from './routes.ts';
import { type ApiServerOptions, createApiServer, exchange, type TlsFiles } from './server.ts';

export interface SimulatorOptions extends Partial<Settings> {
  /** Loopback unless said otherwise. */
  readonly host?: string;
  /** A free one unless given. */
  readonly port?: number;
  /** `port` + 1 unless given. */
  readonly controlPort?: number;
  /** JSON text of an array; forty made-up items unless given. */
  readonly catalog?: string;
  /** Serves the API by https. The control API stays http. */
  readonly tls?: TlsFiles;
}

/** A simulator in this process. Steered by HTTP as from any other, so that there is one way to do it. */
export interface Simulator extends SimulatorControl {
  /** For `CONEXXUS_API_URL`. */
  readonly url: string;
  readonly controlUrl: string;
  readonly apiKey: string;
  /** Cuts all connections. */
  stop(): Promise<void>;
}

export const DEFAULT_API_KEY = 'demo-key-0123456789';

const DEFAULTS: Settings = {
  idempotency: 'replay',
  latency: null,
  apiKey: DEFAULT_API_KEY,
  otherApiKeys: [],
  seed: 1,
  keepBodies: false,
};

/** Rejects where a port is taken (`EADDRINUSE`) or the catalog is no JSON array. */
export async function startSimulator(options: SimulatorOptions = {}): Promise<Simulator> {
  const { port, ...rest } = options;
  if (port !== undefined) return startOn(port, rest);
  for (;;) {
    try {
      return await startOn(randomPort(), rest);
    } catch (error) {
      if (!isPortTaken(error)) throw error;
    }
  }
}

/**
 * Not port 0: the system would choose among the ports it gives to outgoing connections, and one of these
 * could take the port while the API is down. Even ones: the control port, which is never given up, then
 * keeps other simulators away from the API port.
 */
function randomPort(): number {
  return 20_000 + 2 * Math.floor(Math.random() * 5_000);
}

async function startOn(port: number, options: Omit<SimulatorOptions, 'port'>): Promise<Simulator> {
  const { host = '127.0.0.1', controlPort = port + 1, tls, catalog = madeUpCatalog(), ...given } = options;
  const settings = { ...DEFAULTS, ...given };
  const world: World = { ledger: createLedger(), settings, catalog: checkCatalog(catalog) };
  const { api, control, mode } = assemble(world, { host, port, tls });
  const stop = async () => {
    mode.stop();
    await Promise.all([closeServer(control), api.stop()]);
  };
  try {
    control.listen(controlPort, host);
    await once(control, 'listening');
    await api.listen(true);
  } catch (error) {
    await stop();
    throw error;
  }
  const reachable = host === '0.0.0.0' ? '127.0.0.1' : host;
  const controlUrl = `http://${reachable}:${controlPort}`;
  const url = `${tls ? 'https' : 'http'}://${reachable}:${port}`;
  return { ...connectSimulator(controlUrl), url, controlUrl, apiKey: settings.apiKey, stop };
}

function assemble(world: World, place: Pick<ApiServerOptions, 'host' | 'port' | 'tls'>) {
  let random = seededRandom(world.settings.seed);
  const rules = createRuleBook();
  const api = createApiServer({
    ...place,
    onRequest: (req, res) => {
      exchange({ world, rules, mode, random: () => random() }, req, res).catch((error: unknown) => {
        // A client that hung up is no error of ours.
        if (!res.closed && !req.destroyed) complain(error);
        res.destroy();
      });
    },
  });
  const mode = createModeSwitch((listening) => api.listen(listening), complain);
  const control = createControlServer({
    ledger: world.ledger,
    rules,
    mode,
    settings: () => world.settings,
    changeSettings: (next) => {
      world.settings = next;
      random = seededRandom(next.seed);
    },
    setCatalog: (jsonText) => {
      world.catalog = checkCatalog(jsonText);
    },
  });
  return { api, control, mode };
}

function complain(error: unknown): void {
  console.error('simulator:', error);
}

async function closeServer(server: Server): Promise<void> {
  const closed = new Promise((resolve) => server.close(resolve));
  server.closeAllConnections();
  await closed;
}

function isPortTaken(error: unknown): boolean {
  // Not `instanceof Error`: in a test Node's own errors are of another realm than the test's `Error`.
  return typeof error === 'object' && error !== null && 'code' in error && error.code === 'EADDRINUSE';
}
