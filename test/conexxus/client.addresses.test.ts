import dns from 'node:dns';
import { afterEach, describe, expect, it, jest } from '@jest/globals';
import { hasSlowDoors, type SlowDoor, startSlowDoor } from '../support/slow-door.ts';
import { answer, clientFor, closeAfterEach, type Listening, listenHttp } from './local-server.ts';

const onClose = closeAfterEach();

afterEach(() => {
  jest.restoreAllMocks();
});

/** The name has these addresses, in this order. */
function resolveTo(...addresses: string[]): void {
  const found = addresses.map((address) => ({ address, family: address.includes(':') ? 6 : 4 }));
  jest.spyOn(dns, 'lookup').mockImplementation((...args: unknown[]) => {
    const callback = args.at(-1);
    if (typeof callback === 'function') setImmediate(() => callback(null, found));
  });
}

function open(port: number, timeoutMs = 2_000) {
  const client = clientFor(`http://conexxus.test:${port}`, { timeoutMs });
  onClose(() => client.close());
  const push = () => client.pushSales('{}', { idempotencyKey: 'ps-1' });
  return { client, push };
}

async function api(): Promise<Listening> {
  const server = await listenHttp((_request, response) => answer(response, {}));
  onClose(() => server.close());
  return server;
}

async function door(host: string, leadsTo: number, port?: number): Promise<SlowDoor> {
  const slow = await startSlowDoor({ host, leadsTo, ...(port === undefined ? {} : { port }) });
  onClose(() => slow.close());
  return slow;
}

describe('a host with several addresses', () => {
  it('is refused by all of them: each is named with its code', async () => {
    const server = await listenHttp(() => {});
    await server.close();
    resolveTo('::1', '127.0.0.1');
    const { port } = server;
    expect(await open(port).push()).toMatchObject({
      kind: 'transient',
      error: {
        code: 'connection_refused',
        message: `conexxus.test:${port}: connection refused ([::1]:${port} ECONNREFUSED, 127.0.0.1:${port} ECONNREFUSED)`,
      },
    });
  });

  it('is refused by the first: the second is asked', async () => {
    const { port } = await api();
    resolveTo('::1', '127.0.0.1');
    expect(await open(port).push()).toMatchObject({ kind: 'delivered' });
  });
});

const slowDoors = hasSlowDoors ? describe : describe.skip;

slowDoors('a slow line (skipped where a full queue of connections is no black hole)', () => {
  // It takes TCP's second to connect, where Node by itself gives an address 250 ms, if it is not the last.
  it.each([
    { where: 'first', addresses: ['127.0.0.1', '::1'], askedAfterMs: 0 },
    { where: 'last', addresses: ['::1', '127.0.0.1'], askedAfterMs: 1_500 },
    { where: 'between', addresses: ['::1', '127.0.0.1', '::1'], askedAfterMs: 1_500 },
  ])('IPv6 is a black hole, and IPv4, $where, is slow: connects', async ({ addresses, askedAfterMs }) => {
    const { port: apiPort } = await api();
    const slow = await door('127.0.0.1', apiPort);
    await door('::1', apiPort, slow.port);
    resolveTo(...addresses);
    const opening = setTimeout(() => slow.open(), askedAfterMs + 400);
    onClose(() => clearTimeout(opening));
    const outcome = await open(slow.port, 6_000).push();
    expect(outcome).toMatchObject({ kind: 'delivered' });
    expect(outcome.durationMs).toBeGreaterThan(askedAfterMs + 900);
    expect(outcome.durationMs).toBeLessThan(askedAfterMs + 2_500);
  });

  it('the address that answered goes first from then on', async () => {
    const { port } = await api();
    await door('::1', port, port);
    resolveTo('::1', '127.0.0.1');
    const { push, client } = open(port, 2_000);
    const first = await push();
    expect(first.durationMs).toBeGreaterThanOrEqual(490);
    // On a connection of its own.
    const { durationMs } = await client.health({ timeoutMs: 2_000 });
    expect(first.kind).toBe('delivered');
    expect(durationMs).toBeLessThan(400);
  });

  it('no address answers: cut at the timeout, with all that were tried', async () => {
    const { port: apiPort } = await api();
    const slow = await door('127.0.0.1', apiPort);
    await door('::1', apiPort, slow.port);
    resolveTo('::1', '127.0.0.1');
    const outcome = await open(slow.port, 800).push();
    expect(outcome).toMatchObject({ kind: 'transient', error: { code: 'timeout' } });
    expect(JSON.stringify(outcome)).toContain(`no connection ([::1]:${slow.port}, 127.0.0.1:${slow.port})`);
    expect(outcome.durationMs).toBeLessThan(1_500);
  });
});
