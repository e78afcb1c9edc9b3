import { getEventListeners } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { text } from 'node:stream/consumers';
import { describe, expect, it } from '@jest/globals';
import { JsonNumber } from '../../src/base/json-number.ts';
import type { ConexxusClient, ConexxusClientOptions } from '../../src/conexxus/client.ts';
import { eventually } from '../support/eventually.ts';
import {
  API_KEY,
  answer,
  clientFor,
  closeAfterEach,
  envelope,
  fixedKey,
  type Handler,
  type Listening,
  listenHttp,
  onItem,
} from './local-server.ts';

const onClose = closeAfterEach();

interface Setup {
  readonly client: ConexxusClient;
  readonly server: Listening;
}

async function setup(
  handler: Handler,
  { path = '', ...options }: Partial<ConexxusClientOptions> & { path?: string } = {},
): Promise<Setup> {
  const server = await listenHttp(handler);
  onClose(() => server.close());
  const client = clientFor(`http://127.0.0.1:${server.port}${path}`, options);
  onClose(() => client.close());
  return { client, server };
}

const SALE = JSON.stringify({
  date: '2025-06-01',
  locationId: 'store-1',
  total: 19.99,
  tiny: 0.1,
  später: { ['__proto__x']: null },
});

describe('pushing sales', () => {
  it('sends the key, the idempotency key, the user agent and the data as they are', async () => {
    const seen: { request: IncomingMessage; body: string }[] = [];
    const { client } = await setup(async (request, response) => {
      seen.push({ request, body: await text(request) });
      answer(response, {});
    });
    const outcome = await client.pushSales(SALE, { idempotencyKey: 'ps-1' });
    expect(outcome).toEqual({
      kind: 'delivered',
      duplicate: false,
      httpStatus: 200,
      durationMs: expect.any(Number),
      answer: envelope({}),
    });
    expect(Number.isInteger(outcome.durationMs)).toBe(true);
    expect(seen).toHaveLength(1);
    expect(seen[0]?.request).toMatchObject({ method: 'POST', url: '/api/v1/sales/push' });
    expect(seen[0]?.request.headers).toMatchObject({
      'x-api-key': API_KEY,
      'idempotency-key': 'ps-1',
      'user-agent': 'conexxus-sync/0.0.0-test',
      'content-type': 'application/json',
      'content-length': String(Buffer.byteLength(SALE)),
      'accept-encoding': 'identity',
    });
    expect(seen[0]?.body).toBe(SALE);
  });

  it.each(['/shop/a', '/shop/a/'])('keeps the path %s of the address', async (path) => {
    const urls: (string | undefined)[] = [];
    const { client } = await setup(
      (request, response) => {
        urls.push(request.url);
        answer(response, []);
      },
      { path },
    );
    await client.pushSales(SALE, { idempotencyKey: 'ps-1' });
    await client.fetchInventory({ onItem });
    expect(urls).toEqual(['/shop/a/api/v1/sales/push', '/shop/a/api/v1/inventory/items']);
  });

  it('redacts what the API repeats of our key', async () => {
    const { client } = await setup((request, response) => {
      const error = `no such key: ${String(request.headers['x-api-key'])}`;
      response.writeHead(401).end(JSON.stringify({ success: false, error }));
    });
    const outcome = await client.pushSales(SALE, { idempotencyKey: 'ps-1' });
    expect(outcome).toMatchObject({ kind: 'misconfigured', error: { code: 'http_401' } });
    expect(JSON.stringify(outcome)).toContain('[redacted]');
    expect(JSON.stringify(outcome)).not.toContain(API_KEY);
  });

  it('rejects, uncalled, a key that no header can hold', async () => {
    let calls = 0;
    const { client } = await setup((_request, response) => {
      calls += 1;
      answer(response, {});
    });
    expect(await client.pushSales('{}', { idempotencyKey: 'ps\r\nX-Evil: 1' })).toMatchObject({
      kind: 'rejected',
      error: { code: 'invalid_request' },
    });
    expect(calls).toBe(0);
  });

  it('calls a key that no header can hold misconfigured, without repeating it', async () => {
    const { client } = await setup((_request, response) => answer(response, {}), {
      apiKey: fixedKey('two\nlines-of-key'),
    });
    const outcome = await client.pushSales('{}', { idempotencyKey: 'ps-1' });
    expect(outcome).toMatchObject({ kind: 'misconfigured', error: { code: 'invalid_header' } });
    expect(JSON.stringify(outcome)).not.toContain('lines-of-key');
  });
});

describe('fetching the inventory', () => {
  it('hands out the raw items, bad ones among them, with exact decimals', async () => {
    const seen: IncomingMessage[] = [];
    const { client } = await setup((request, response) => {
      seen.push(request);
      response.writeHead(200, { 'content-type': 'application/json' });
      response.end('\uFEFF{"success":true,"data":[{"sku":"a","price":1234567890.12},{"price":0.10},7,null]}');
    });
    const items: unknown[] = [];
    const outcome = await client.fetchInventory({ onItem: (item) => items.push(item) });
    expect(seen).toMatchObject([{ method: 'GET', url: '/api/v1/inventory/items' }]);
    expect(seen[0]?.headers).not.toHaveProperty('idempotency-key');
    expect(outcome).toMatchObject({ kind: 'delivered', duplicate: false });
    expect(items).toEqual([
      { sku: 'a', price: new JsonNumber('1234567890.12') },
      { price: new JsonNumber('0.10') },
      new JsonNumber('7'),
      null,
    ]);
  });

  it.each([
    ['an object', 200, envelope({ items: [] })],
    ['no data', 200, '{"success":true}'],
    ['a conflict', 409, envelope([])],
  ])('takes %s for an invalid answer', async (_name, status, body) => {
    const { client } = await setup((_request, response) => {
      response.writeHead(status, { 'content-type': 'application/json' }).end(body);
    });
    expect(await client.fetchInventory({ onItem })).toMatchObject({
      kind: 'transient',
      httpStatus: status,
      error: { code: 'invalid_answer' },
    });
  });
});

describe('sockets', () => {
  it('are used again by the next call', async () => {
    const { client, server } = await setup(async (request, response) => {
      await text(request);
      answer(response, []);
    });
    for (let call = 0; call < 5; call += 1) {
      await client.pushSales(JSON.stringify({ call }), { idempotencyKey: `ps-${call}` });
      await client.fetchInventory({ onItem });
    }
    expect(server.sockets).toHaveLength(1);
  });

  it('are given up a second after their use, where the server says that it keeps them no longer', async () => {
    const { client, server } = await setup(
      (_request, response) => {
        response.writeHead(200, { 'content-type': 'application/json', 'keep-alive': 'timeout=1' });
        response.end(envelope([]));
      },
      { timeoutMs: 10_000 },
    );
    await client.fetchInventory({ onItem });
    await eventually(() => {
      expect(server.sockets[0]?.destroyed).toBe(true);
    }, 2_500);
    await client.fetchInventory({ onItem });
    expect(server.sockets).toHaveLength(2);
  });

  it('are never more than the concurrency; the other calls wait their turn', async () => {
    let inFlight = 0;
    let most = 0;
    const { client, server } = await setup(
      (_request, response) => {
        inFlight += 1;
        most = Math.max(most, inFlight);
        setTimeout(() => {
          inFlight -= 1;
          answer(response, []);
        }, 20);
      },
      { concurrency: 3 },
    );
    const all = await Promise.all(Array.from({ length: 12 }, () => client.fetchInventory({ onItem })));
    expect(all.map(({ kind }) => kind)).toEqual(Array(12).fill('delivered'));
    expect(most).toBe(3);
    expect(server.sockets).toHaveLength(3);
  });

  it('are closed with the client, also under a call', async () => {
    const { client, server } = await setup(() => client.close());
    const outcome = await client.fetchInventory({ onItem });
    expect(outcome).toMatchObject({ kind: 'transient', error: { code: 'connection_reset' } });
    expect(server.sockets).toHaveLength(1);
  });
});

describe('our own signal', () => {
  it('cuts a call that waits for its answer: aborted', async () => {
    const stop = new AbortController();
    const { client, server } = await setup(() => stop.abort());
    const outcome = await client.pushSales('{}', { idempotencyKey: 'ps-1', signal: stop.signal });
    expect(outcome).toMatchObject({ kind: 'aborted', error: { code: 'aborted' } });
    expect(outcome).not.toHaveProperty('httpStatus');
    expect(server.sockets).toHaveLength(1);
  });

  it.each([200, 409, 422])('cuts an answer of %i in its middle: aborted', async (status) => {
    const stop = new AbortController();
    const { client } = await setup((_request, response) => {
      response.writeHead(status, { 'content-type': 'application/json' });
      response.write('{"success":');
      setTimeout(() => stop.abort(), 50);
    });
    const outcome = await client.pushSales('{}', { idempotencyKey: 'ps-1', signal: stop.signal });
    expect(outcome.kind).toBe('aborted');
  });

  it('makes no call when it was given before', async () => {
    const { client, server } = await setup((_request, response) => answer(response, {}));
    const outcome = await client.pushSales('{}', { idempotencyKey: 'ps-1', signal: AbortSignal.abort() });
    expect(outcome.kind).toBe('aborted');
    expect(server.sockets).toHaveLength(0);
  });

  it('is aborted too when it is a deadline', async () => {
    const { client } = await setup(() => {});
    const outcome = await client.pushSales('{}', { idempotencyKey: 'ps-1', signal: AbortSignal.timeout(50) });
    expect(outcome.kind).toBe('aborted');
  });

  it('keeps no listener of calls that have ended', async () => {
    const { signal } = new AbortController();
    const { client } = await setup((_request, response) => answer(response, []));
    for (let call = 0; call < 3; call += 1) await client.fetchInventory({ onItem, signal });
    expect(getEventListeners(signal, 'abort')).toHaveLength(0);
  });
});
