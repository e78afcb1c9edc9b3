import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';

/** `up`: what the client sends; `down`: what the server sends. */
type Direction = 'up' | 'down';

/** A network that can be made bad, between a client and a server on loopback. */
export interface TcpProxy {
  readonly port: number;
  /** Connections that are open. */
  connections(): number;
  /** `url` by way of this proxy. */
  through(url: string): string;
  /** Every chunk comes so much later, both ways. */
  delayBy(ms: number): void;
  /** Closes new connections once nothing has passed on them for so long. */
  closeIdleAfter(ms: number): void;
  /** New connections go to another server; those that stand stay. */
  pointAt(target: Target): void;
  /** Ends all connections politely (FIN). */
  cut(): void;
  /** Breaks all connections (RST). */
  reset(): void;
  /**
   * From now on nothing passes in the direction given (both), and nobody is told: not on connections that
   * stand, nor on new ones. A connection that lost something so never recovers.
   */
  blackHole(direction?: Direction): void;
  /** New connections work again. */
  heal(): void;
  /** New connections are refused (`false`), or taken again. */
  listen(listening: boolean): Promise<void>;
  stop(): Promise<void>;
}

export interface Target {
  readonly host?: string;
  readonly port: number;
}

interface Pair {
  readonly client: Socket;
  readonly server: Socket;
  /** Directions in which something was lost. */
  readonly lost: Set<Direction>;
}

export async function startTcpProxy(first: Target): Promise<TcpProxy> {
  const pairs = new Set<Pair>();
  let target = first;
  let delayMs = 0;
  let idleMs = 0;
  let swallowed: readonly Direction[] = [];

  const listener = createServer({ allowHalfOpen: true }, (client) => {
    const server = connect({ allowHalfOpen: true, host: '127.0.0.1', ...target });
    const pair: Pair = { client, server, lost: new Set(swallowed) };
    pairs.add(pair);
    join(pair, 'up', client, server);
    join(pair, 'down', server, client);
    client.setTimeout(idleMs, () => {
      client.destroy();
      server.destroy();
    });
  });

  function join(pair: Pair, direction: Direction, from: Socket, to: Socket): void {
    const pass = (deliver: () => void) => {
      const late = () => {
        if (!pair.lost.has(direction) && !to.destroyed) deliver();
      };
      // Chunks of the same delay keep their order.
      if (delayMs === 0) late();
      else setTimeout(late, delayMs);
    };
    from.on('data', (chunk) => pass(() => to.write(chunk)));
    from.on('end', () => pass(() => to.end()));
    from.on('error', () => pass(() => breakOff(to)));
    from.on('close', () => {
      if (pair.client.destroyed && pair.server.destroyed) pairs.delete(pair);
    });
  }

  async function listenOn(port: number): Promise<void> {
    listener.listen(port, '127.0.0.1');
    await once(listener, 'listening');
  }

  await listenOn(0);
  // Port 0 on loopback: an address, never the name of a pipe.
  const port = portOf(listener);

  const endAll = (how: (socket: Socket) => void) => {
    for (const { client, server } of pairs) {
      how(client);
      how(server);
    }
  };

  return {
    port,
    connections: () => pairs.size,
    through(url) {
      const way = new URL(url);
      way.hostname = '127.0.0.1';
      way.port = String(port);
      return way.href;
    },
    delayBy(ms) {
      delayMs = ms;
    },
    closeIdleAfter(ms) {
      idleMs = ms;
    },
    pointAt(next) {
      target = next;
    },
    cut: () => endAll((socket) => socket.destroy()),
    reset: () => endAll(breakOff),
    blackHole(direction) {
      swallowed = direction === undefined ? ['up', 'down'] : [direction];
      for (const { lost } of pairs) for (const each of swallowed) lost.add(each);
    },
    heal() {
      swallowed = [];
    },
    async listen(listening) {
      if (listening === listener.listening) return;
      if (listening) await listenOn(port);
      else listener.close();
    },
    async stop() {
      endAll((socket) => socket.destroy());
      if (!listener.listening) return;
      const closed = once(listener, 'close');
      listener.close();
      await closed;
    },
  };
}

/**
 * With a reset. Not where it is ending politely already: Node then fails to, forgets the socket, and spins for
 * ever when its process exits.
 */
export function breakOff(socket: Socket): void {
  if (socket.writableEnded) socket.destroy();
  else socket.resetAndDestroy();
}

/** Of a server that listens on TCP. */
export function portOf(server: Server): number {
  const address = server.address();
  if (typeof address !== 'object' || address === null) throw new Error('not listening on a port');
  return address.port;
}
