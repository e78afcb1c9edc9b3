import dns, { type LookupAddress } from 'node:dns';
import { type AgentOptions, Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import type { LookupFunction } from 'node:net';

/**
 * Below the 5 s after which many servers drop an idle connection: a request that crosses that close on the
 * wire has to be made once more. Where a server names a shorter time (`Keep-Alive: timeout`), Node keeps to it.
 */
const IDLE_SOCKET_MS = 4_000;

/** Of a call's time, for one address of the host: three that are silent leave as much for the fourth. */
const SHARE_OF_AN_ADDRESS = 1 / 4;

export interface Agents {
  readonly http: HttpAgent;
  readonly https: HttpsAgent;
}

export interface ConnectionOptions {
  /** Most pooled sockets open at once. */
  readonly concurrency: number;
  /** Of a request on a pooled one. */
  readonly timeoutMs: number;
  /** PEM; takes the place of the public authorities. */
  readonly ca?: string | undefined;
}

/** How connections to one host are made and kept. */
export interface Connections {
  readonly pooled: Agents;
  /** A fresh one for a single request. */
  own(timeoutMs: number): Agents;
  /** An answer came from there: that address goes first from now on. */
  answeredFrom(address: string | undefined): void;
  /** Closes all pooled ones, also those of requests under way. */
  close(): void;
}

export function createConnections({ concurrency, timeoutMs, ca }: ConnectionOptions): Connections {
  let lastAnswered: string | undefined;
  const lookup: LookupFunction = (host, options, callback) => {
    dns.lookup(host, options, (error, found, family) =>
      callback(error, Array.isArray(found) ? withFirst(found, lastAnswered) : found, family),
    );
  };
  // Node tries the addresses one after the other, by itself 250 ms each: too short for a satellite line.
  const tryAll = (callMs: number) => ({
    lookup,
    autoSelectFamily: true,
    autoSelectFamilyAttemptTimeout: Math.ceil(callMs * SHARE_OF_AN_ADDRESS),
  });
  const pool = {
    keepAlive: true,
    maxSockets: concurrency,
    maxFreeSockets: concurrency,
    timeout: IDLE_SOCKET_MS,
    ...tryAll(timeoutMs),
  };
  // Explicit, so that NODE_TLS_REJECT_UNAUTHORIZED=0 can't switch it off.
  const trust = { rejectUnauthorized: true, ...(ca === undefined ? {} : { ca }) };
  const agentsOf = (options: AgentOptions) => ({
    http: new HttpAgent(options),
    https: new HttpsAgent({ ...options, ...trust }),
  });
  const pooled = agentsOf(pool);

  return {
    pooled,
    own: (callMs) => agentsOf(tryAll(callMs)),
    answeredFrom(address) {
      lastAnswered = address ?? lastAnswered;
    },
    close() {
      pooled.http.destroy();
      pooled.https.destroy();
    },
  };
}

/** Else a host whose IPv6 leads nowhere would cost each new connection the share of that address. */
function withFirst(found: readonly LookupAddress[], first: string | undefined): LookupAddress[] {
  return found.toSorted((a, b) => Number(b.address === first) - Number(a.address === first));
}
