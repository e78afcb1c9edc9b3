import { describe, expect, it } from '@jest/globals';
import {
  answer,
  clientFor,
  closeAfterEach,
  envelope,
  type Handler,
  listenHttp,
  onItem,
} from './local-server.ts';

const onClose = closeAfterEach();

async function setup(handler: Handler, concurrency = 2) {
  const server = await listenHttp(handler);
  onClose(() => server.close());
  const client = clientFor(`http://127.0.0.1:${server.port}`, { concurrency });
  onClose(() => client.close());
  return client;
}

describe('health', () => {
  const json = (status: number, body: string, headers = {}): Handler => {
    return (_request, response) => {
      response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(body);
    };
  };

  it.each([
    ['ok', 200, envelope({ status: 'ok', uptime: 5 }), { kind: 'ok', httpStatus: 200 }],
    [
      'another status',
      200,
      envelope({ status: 'degraded' }),
      { kind: 'failed', error: { code: 'unhealthy' } },
    ],
    ['no status', 200, envelope({}), { kind: 'failed', error: { code: 'unhealthy' } }],
    [
      'success: false',
      200,
      '{"success":false,"data":{"status":"ok"}}',
      { kind: 'failed', error: { code: 'refused' } },
    ],
    ['HTML', 200, '<html>', { kind: 'failed', httpStatus: 200, error: { code: 'invalid_answer' } }],
    ['404', 404, '', { kind: 'unsupported', httpStatus: 404 }],
    ['405', 405, '', { kind: 'unsupported', httpStatus: 405 }],
    ['401', 401, '', { kind: 'misconfigured', error: { code: 'http_401' } }],
    ['302', 302, '', { kind: 'misconfigured', error: { code: 'http_302' } }],
    ['403', 403, '', { kind: 'failed', error: { code: 'http_403' } }],
    ['409', 409, '', { kind: 'failed', error: { code: 'unhealthy' } }],
    ['429', 429, '', { kind: 'rate_limited', retryAfterMs: 3_000 }],
    ['503', 503, '', { kind: 'failed', retryAfterMs: 3_000, error: { code: 'http_503' } }],
  ])('answers %s', async (_name, status, body, expected) => {
    const client = await setup(json(status, body, { 'retry-after': '3' }));
    expect(await client.health({ timeoutMs: 1_000 })).toMatchObject({
      ...expected,
      durationMs: expect.any(Number),
    });
  });

  it('fails by its own timeout, and waits for no call that hangs', async () => {
    const client = await setup((request, response) => {
      if (request.url === '/api/v1/health') answer(response, { status: 'ok' });
    }, 1);
    const stop = new AbortController();
    const hanging = client.fetchInventory({ onItem, signal: stop.signal });
    expect(await client.health({ timeoutMs: 1_000 })).toMatchObject({ kind: 'ok' });
    stop.abort();
    await hanging;

    const mute = await setup(() => {});
    const health = await mute.health({ timeoutMs: 100 });
    expect(health).toMatchObject({ kind: 'failed', error: { code: 'timeout' } });
    expect(health.durationMs).toBeLessThan(1_000);
  });
});
