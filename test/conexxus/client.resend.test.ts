import { createServer as createHttpServer } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import type { Socket } from 'node:net';
import { text } from 'node:stream/consumers';
import { describe, expect, it } from '@jest/globals';
import { hasOpenssl, selfSigned } from './certificates.ts';
import { answer, clientFor, closeAfterEach, type Handler, listen, onItem } from './local-server.ts';

const onClose = closeAfterEach();

/** What becomes of a request, and its connection. */
type Fate = 'answer' | 'hang' | ((socket: Socket) => unknown);

const reset = (socket: Socket) => socket.resetAndDestroy();
const end = (socket: Socket) => socket.end();
const destroy = (socket: Socket) => socket.destroy();

interface Setup {
  readonly secured?: boolean;
  readonly timeoutMs?: number;
}

/** An API whose requests meet these fates, in the order in which they come. */
async function apiOf(fates: readonly Fate[], { secured = false, timeoutMs = 2_000 }: Setup = {}) {
  const seen: { key: unknown; body: string; connection: number }[] = [];
  const connections: Socket[] = [];
  const handle: Handler = async (request, response) => {
    const { socket, headers } = request;
    if (!connections.includes(socket)) connections.push(socket);
    const fate = fates[seen.length] ?? 'answer';
    const connection = connections.indexOf(socket) + 1;
    seen.push({ key: headers['idempotency-key'], body: await text(request), connection });
    if (fate === 'answer') answer(response, []);
    else if (fate !== 'hang') fate(socket);
  };
  const onRequest = (...exchange: Parameters<Handler>) => void handle(...exchange);
  const certificate = secured ? selfSigned('localhost') : undefined;
  const server = await listen(
    certificate ? createHttpsServer(certificate, onRequest) : createHttpServer(onRequest),
  );
  onClose(() => server.close());
  const url = `${secured ? 'https' : 'http'}://localhost:${server.port}`;
  const client = clientFor(url, { timeoutMs, ca: certificate?.cert });
  onClose(() => client.close());
  return {
    client,
    seen,
    push: (key: string) => client.pushSales(JSON.stringify({ key }), { idempotencyKey: key }),
  };
}

const LOST = { kind: 'transient', error: { code: 'connection_reset' } };

describe('a connection that was idle and is closed as the request goes out', () => {
  it.each([
    ['reset', reset],
    ['ended', end],
    ['destroyed', destroy],
  ])('%s: the call is made once more at once, on a fresh one, under the same key', async (_how, fate) => {
    const { push, seen } = await apiOf(['answer', fate]);
    expect(await push('ps-1')).not.toHaveProperty('resent');
    expect(await push('ps-2')).toMatchObject({ kind: 'delivered', httpStatus: 200, resent: true });
    expect(seen).toEqual([
      { key: 'ps-1', body: '{"key":"ps-1"}', connection: 1 },
      { key: 'ps-2', body: '{"key":"ps-2"}', connection: 1 },
      { key: 'ps-2', body: '{"key":"ps-2"}', connection: 2 },
    ]);
  });

  it('is met by the fetch of the catalog too', async () => {
    const { client } = await apiOf(['answer', reset]);
    await client.fetchInventory({ onItem });
    expect(await client.fetchInventory({ onItem })).toMatchObject({
      kind: 'delivered',
      resent: true,
    });
  });

  it('is told of, where the second try fails in another way', async () => {
    const { push } = await apiOf(['answer', reset, 'hang'], { timeoutMs: 500 });
    await push('ps-1');
    const outcome = await push('ps-2');
    expect(outcome).toMatchObject({ kind: 'transient', error: { code: 'timeout' }, resent: true });
    expect(JSON.stringify(outcome)).toContain('within 500 ms');
  });
});

describe('a call is not made once more', () => {
  it('on a connection that was not used before', async () => {
    const { push, seen } = await apiOf([reset]);
    const outcome = await push('ps-1');
    expect(outcome).toMatchObject(LOST);
    expect(outcome).not.toHaveProperty('resent');
    expect(seen).toHaveLength(1);
  });

  it('a second time', async () => {
    const { push, seen } = await apiOf(['answer', reset, reset]);
    await push('ps-1');
    expect(await push('ps-2')).toMatchObject({ ...LOST, resent: true });
    expect(seen).toHaveLength(3);
  });

  it('where a byte of an answer came', async () => {
    const { push, seen } = await apiOf(['answer', (socket) => socket.end('HTTP/1.1 2')]);
    await push('ps-1');
    expect(await push('ps-2')).toMatchObject(LOST);
    expect(seen).toHaveLength(2);
  });

  it('where the server held the request for seconds: it was read', async () => {
    const later = (socket: Socket) => setTimeout(() => socket.destroy(), 3_100);
    const { push, seen } = await apiOf(['answer', later], { timeoutMs: 8_000 });
    await push('ps-1');
    expect(await push('ps-2')).toMatchObject(LOST);
    expect(seen).toHaveLength(2);
  });

  it('where our own signal cut it off', async () => {
    const stop = new AbortController();
    const { client, seen } = await apiOf(['answer', () => stop.abort()]);
    await client.pushSales('{}', { idempotencyKey: 'ps-1' });
    const outcome = await client.pushSales('{}', { idempotencyKey: 'ps-2', signal: stop.signal });
    expect(outcome).toMatchObject({ kind: 'aborted' });
    expect(seen).toHaveLength(2);
  });

  it('beyond the timeout, which both tries share', async () => {
    const later = (socket: Socket) => setTimeout(() => socket.destroy(), 600);
    const { push } = await apiOf(['answer', later, 'hang'], { timeoutMs: 1_000 });
    await push('ps-1');
    const outcome = await push('ps-2');
    expect(outcome).toMatchObject({ kind: 'transient', error: { code: 'timeout' }, resent: true });
    expect(outcome.durationMs).toBeGreaterThanOrEqual(990);
    expect(outcome.durationMs).toBeLessThan(1_400);
  });
});

const overTls = hasOpenssl() ? describe : describe.skip;

overTls('over TLS (skipped where there is no openssl to make a certificate with)', () => {
  it.each([
    ['ended', end],
    ['destroyed', destroy],
  ])(
    'an idle connection that is %s as the request goes out is made good the same way',
    async (_how, fate) => {
      const { push, seen } = await apiOf(['answer', fate], { secured: true });
      await push('ps-1');
      expect(await push('ps-2')).toMatchObject({ kind: 'delivered', resent: true });
      expect(seen.map(({ connection }) => connection)).toEqual([1, 1, 2]);
    },
  );

  it('no call is made once more where a byte of an answer came', async () => {
    const { push, seen } = await apiOf(['answer', (socket) => socket.end('HTTP/1.1 2')], { secured: true });
    await push('ps-1');
    expect(await push('ps-2')).toMatchObject(LOST);
    expect(seen).toHaveLength(2);
  });
});
