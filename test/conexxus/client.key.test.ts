import type { IncomingMessage, ServerResponse } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, it } from '@jest/globals';
import type { ApiKey, ConexxusClient } from '../../src/conexxus/client.ts';
import { answer, clientFor, closeAfterEach, listenHttp, onItem } from './local-server.ts';

const onClose = closeAfterEach();
const PUSH = { idempotencyKey: 'ps-1' };

interface Setup {
  readonly client: ConexxusClient;
  /** Keys that the server was called with, in their order. */
  readonly seen: string[];
  /** How often a 401 made the client look for another key. */
  readonly rereads: () => number;
  readonly change: (key: string) => void;
}

/** A server that takes `good` alone, unless `handler` says otherwise; `found` is what a reread finds. */
async function setup({
  good = 'good-key-0123',
  first = 'old-key-01234',
  found,
  handler,
  timeoutMs = 2_000,
}: {
  good?: string;
  first?: string;
  found?: string;
  handler?: (request: IncomingMessage, response: ServerResponse) => void;
  timeoutMs?: number;
}): Promise<Setup> {
  const seen: string[] = [];
  let current = first;
  let rereads = 0;
  const apiKey: ApiKey = {
    current: () => current,
    reread: () => {
      rereads += 1;
      current = found ?? current;
      return Promise.resolve();
    },
  };
  const server = await listenHttp((request, response) => {
    const key = String(request.headers['x-api-key']);
    seen.push(key);
    if (handler) handler(request, response);
    else if (key === good) answer(response, []);
    else response.writeHead(401).end();
  });
  onClose(() => server.close());
  const client = clientFor(`http://127.0.0.1:${server.port}`, { apiKey, timeoutMs });
  onClose(() => client.close());
  return {
    client,
    seen,
    rereads: () => rereads,
    change: (key) => {
      current = key;
    },
  };
}

describe('the API key', () => {
  it('is asked for at each call: the next one has the new key', async () => {
    const { client, seen, change } = await setup({ handler: (_request, response) => answer(response, []) });
    await client.pushSales('{}', PUSH);
    change('new-key-01234');
    await client.pushSales('{}', PUSH);
    change('third-key-012');
    await client.fetchInventory({ onItem });
    await client.health({ timeoutMs: 1_000 });
    expect(seen).toEqual(['old-key-01234', 'new-key-01234', 'third-key-012', 'third-key-012']);
  });

  it('that was refused and is another one by now: the call is made with that, within the same outcome', async () => {
    const { client, seen } = await setup({ found: 'good-key-0123' });
    expect(await client.pushSales('{}', PUSH)).toMatchObject({ kind: 'delivered', httpStatus: 200 });
    expect(seen).toEqual(['old-key-01234', 'good-key-0123']);
  });

  it('that changed while the call was under way: the same, for the catalog and the health call too', async () => {
    const changed = await setup({
      handler: (request, response) => {
        changed.change('good-key-0123');
        if (request.headers['x-api-key'] === 'good-key-0123') answer(response, []);
        else response.writeHead(401).end();
      },
    });
    expect(await changed.client.fetchInventory({ onItem })).toMatchObject({ kind: 'delivered' });
    changed.change('old-key-01234');
    await changed.client.health({ timeoutMs: 1_000 });
    expect(changed.seen).toEqual(['old-key-01234', 'good-key-0123', 'old-key-01234', 'good-key-0123']);
  });

  it('that was refused and is the same still: misconfigured, after one look and one call', async () => {
    const { client, seen, rereads } = await setup({});
    expect(await client.pushSales('{}', PUSH)).toMatchObject({ kind: 'misconfigured', httpStatus: 401 });
    expect({ seen, rereads: rereads() }).toEqual({ seen: ['old-key-01234'], rereads: 1 });
  });

  it('whose successor is refused too: misconfigured, after two calls', async () => {
    const { client, seen } = await setup({ found: 'wrong-key-012' });
    expect(await client.pushSales('{}', PUSH)).toMatchObject({ kind: 'misconfigured', httpStatus: 401 });
    expect(seen).toEqual(['old-key-01234', 'wrong-key-012']);
  });

  it('is looked for after no other answer', async () => {
    for (const status of [200, 302, 400, 403, 404, 409, 500]) {
      const { client, seen, rereads } = await setup({
        found: 'good-key-0123',
        handler: (_request, response) => void response.writeHead(status).end(),
      });
      await client.pushSales('{}', PUSH);
      expect({ status, calls: seen.length, rereads: rereads() }).toEqual({ status, calls: 1, rereads: 0 });
    }
  });

  it('gives the second call only the time that the first one left', async () => {
    const { client, seen } = await setup({
      found: 'good-key-0123',
      timeoutMs: 1_000,
      handler: (request, response) => {
        if (request.headers['x-api-key'] === 'good-key-0123') return;
        void delay(600).then(() => response.writeHead(401).end());
      },
    });
    const startedAt = performance.now();
    expect(await client.pushSales('{}', PUSH)).toMatchObject({
      kind: 'transient',
      error: { code: 'timeout' },
    });
    expect(performance.now() - startedAt).toBeLessThan(1_400);
    expect(seen).toHaveLength(2);
  });
});
