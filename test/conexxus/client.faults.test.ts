import dns from 'node:dns';
import { createServer } from 'node:net';
import { text } from 'node:stream/consumers';
import { gzipSync } from 'node:zlib';
import { describe, expect, it, jest } from '@jest/globals';
import { MAX_RESPONSE_BYTES } from '../../src/conexxus/transport.ts';
import { clientFor, closeAfterEach, envelope, type Listening, listen, listenHttp } from './local-server.ts';

const onClose = closeAfterEach();

function open(server: Listening, timeoutMs = 2_000) {
  onClose(() => server.close());
  const client = clientFor(`http://127.0.0.1:${server.port}`, { timeoutMs });
  onClose(() => client.close());
  const push = () => client.pushSales('{"total":1}', { idempotencyKey: 'ps-1' });
  return { client, push };
}

/** A server that sends these bytes, whatever it is asked, and then does `end`. */
function rawServer(bytes: string, end: 'end' | 'hang' | 'reset'): Promise<Listening> {
  return listen(
    createServer((socket) => {
      socket.once('data', () => {
        socket.write(bytes, () => {
          if (end === 'end') socket.end();
          if (end === 'reset') socket.resetAndDestroy();
        });
      });
    }),
  );
}

describe('a connection that fails', () => {
  it('refused: transient, at once', async () => {
    const server = await listenHttp(() => {});
    await server.close();
    const outcome = await open(server).push();
    expect(outcome).toMatchObject({ kind: 'transient', error: { code: 'connection_refused' } });
    expect(outcome).not.toHaveProperty('httpStatus');
    expect(JSON.stringify(outcome)).toContain(`127.0.0.1:${server.port}`);
  });

  it('refused on each address of the name: transient', async () => {
    const server = await listenHttp(() => {});
    await server.close();
    const client = clientFor(`http://localhost:${server.port}`);
    const outcome = await client.pushSales('{}', { idempotencyKey: 'ps-1' });
    expect(outcome).toMatchObject({ kind: 'transient', error: { code: 'connection_refused' } });
  });

  it('accepted but never answered: cut at the timeout', async () => {
    const { push } = open(await listenHttp(() => {}), 200);
    const outcome = await push();
    expect(outcome).toMatchObject({ kind: 'transient', error: { code: 'timeout' } });
    expect(outcome.durationMs).toBeGreaterThanOrEqual(190);
    expect(outcome.durationMs).toBeLessThan(1_500);
  });

  it('frees its socket at the timeout', async () => {
    let calls = 0;
    const server = await listenHttp((_request, response) => {
      calls += 1;
      if (calls > 2) response.end(envelope({}));
    });
    const { push } = open(server, 200);
    await Promise.all([push(), push()]);
    expect(await push()).toMatchObject({ kind: 'delivered' });
  });

  it('reset before the request is read: transient', async () => {
    const { push } = open(await listen(createServer((socket) => socket.resetAndDestroy())));
    expect(await push()).toMatchObject({ kind: 'transient', error: { code: 'connection_reset' } });
  });

  it('reset after the request is read: transient', async () => {
    const bodies: string[] = [];
    const server = await listenHttp(async (request) => {
      bodies.push(await text(request));
      request.socket.resetAndDestroy();
    });
    const outcome = await open(server).push();
    expect(outcome).toMatchObject({ kind: 'transient', error: { code: 'connection_reset' } });
    expect(bodies).toEqual(['{"total":1}']);
  });

  it('closed without a word: transient', async () => {
    const { push } = open(await rawServer('', 'end'));
    expect(await push()).toMatchObject({ kind: 'transient', error: { code: 'connection_reset' } });
  });

  it('speaks something other than HTTP: transient', async () => {
    const { push } = open(await rawServer('220 mail.test ESMTP ready\r\n', 'end'));
    expect(await push()).toMatchObject({ kind: 'transient', error: { code: 'invalid_answer' } });
  });

  it('has a name that is unknown for a while: transient, then delivered by the same client', async () => {
    const server = await listenHttp((_request, response) => response.end(envelope({})));
    onClose(() => server.close());
    const client = clientFor(`http://api.conexxus.test:${server.port}`);
    onClose(() => client.close());
    const lookup = jest.spyOn(dns, 'lookup');
    onClose(() => lookup.mockRestore());
    const resolveTo = (...answer: unknown[]) => {
      lookup.mockImplementation((...args: unknown[]) => {
        const callback = args.at(-1);
        if (typeof callback === 'function') setImmediate(() => callback(...answer));
      });
    };

    for (const code of ['ENOTFOUND', 'EAI_AGAIN']) {
      resolveTo(Object.assign(new Error(`getaddrinfo ${code}`), { code }));
      expect(await client.pushSales('{}', { idempotencyKey: 'ps-1' })).toMatchObject({
        kind: 'transient',
        error: { code: 'dns' },
      });
    }
    resolveTo(null, [{ address: '127.0.0.1', family: 4 }]);
    expect(await client.pushSales('{}', { idempotencyKey: 'ps-1' })).toMatchObject({ kind: 'delivered' });
  });
});

describe('an answer that breaks off', () => {
  const head = 'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n';

  it.each([
    ['short of its length', `${head}Content-Length: 100\r\n\r\n{"success":true`, 'end'],
    ['within a chunk', `${head}Transfer-Encoding: chunked\r\n\r\n40\r\n{"success":true`, 'end'],
    ['before its last chunk', `${head}Transfer-Encoding: chunked\r\n\r\n10\r\n{"success":true}\r\n`, 'end'],
    ['by a reset', `${head}Content-Length: 100\r\n\r\n{"success":true`, 'reset'],
  ] as const)('%s: transient', async (_name, bytes, end) => {
    const { push } = open(await rawServer(bytes, end));
    expect(await push()).toMatchObject({ kind: 'transient', error: { code: 'connection_reset' } });
  });

  it('without a length, in the middle of its JSON: transient', async () => {
    const { push } = open(await rawServer(`${head}\r\n{"success":true,"data":{`, 'end'));
    expect(await push()).toMatchObject({
      kind: 'transient',
      httpStatus: 200,
      error: { code: 'invalid_answer' },
    });
  });

  it('by silence: cut at the timeout', async () => {
    const { push } = open(await rawServer(`${head}Content-Length: 100\r\n\r\n{"success":true`, 'hang'), 200);
    expect(await push()).toMatchObject({ kind: 'transient', httpStatus: 200, error: { code: 'timeout' } });
  });

  it('by silence after a refusal: the status is enough', async () => {
    const bytes = 'HTTP/1.1 401 Unauthorized\r\nContent-Length: 100\r\n\r\n{';
    const { push } = open(await rawServer(bytes, 'hang'), 200);
    expect(await push()).toMatchObject({ kind: 'misconfigured', httpStatus: 401 });
  });

  it('drips a byte at a time: cut at the timeout of the whole request', async () => {
    const server = await listenHttp((_request, response) => {
      response.writeHead(200, { 'content-type': 'application/json' });
      const drip = setInterval(() => response.write(' '), 20);
      response.on('close', () => clearInterval(drip));
    });
    const outcome = await open(server, 300).push();
    expect(outcome).toMatchObject({ kind: 'transient', error: { code: 'timeout' } });
    expect(outcome.durationMs).toBeLessThan(1_500);
  });

  it('is a login page of the hotel network: transient', async () => {
    const server = await listenHttp((_request, response) => {
      response.writeHead(200, { 'content-type': 'text/html' }).end('<html>Welcome</html>');
    });
    expect(await open(server).push()).toMatchObject({
      kind: 'transient',
      httpStatus: 200,
      error: { code: 'invalid_answer' },
    });
  });
});

describe('an answer that is too large', () => {
  const GIGABYTE = 1024 ** 3;
  const chunk = Buffer.alloc(256 * 1024, 0x20);

  /** Sends a gigabyte as fast as it is read; says how much went out. */
  async function gigabyteServer(headers: Record<string, string>) {
    const sent = { bytes: 0 };
    const server = await listenHttp((_request, response) => {
      response.writeHead(200, { 'content-type': 'application/json', ...headers });
      const send = () => {
        while (!response.destroyed && sent.bytes < GIGABYTE) {
          sent.bytes += chunk.length;
          if (!response.write(chunk)) return;
        }
      };
      response.on('drain', send);
      send();
    });
    return { server, sent };
  }

  it('is cut at 50 MB, and memory stays flat', async () => {
    const { server, sent } = await gigabyteServer({});
    const before = process.memoryUsage().rss;
    const outcome = await open(server, 15_000).push();
    expect(outcome).toMatchObject({
      kind: 'transient',
      httpStatus: 200,
      error: { code: 'answer_too_large' },
    });
    expect(MAX_RESPONSE_BYTES).toBe(50 * 1024 * 1024);
    expect(sent.bytes).toBeGreaterThanOrEqual(MAX_RESPONSE_BYTES);
    expect(sent.bytes).toBeLessThan(80 * 1024 * 1024);
    expect(process.memoryUsage().rss - before).toBeLessThan(250 * 1024 * 1024);
  });

  it('is cut at once when it says so itself', async () => {
    const { server, sent } = await gigabyteServer({ 'content-length': String(GIGABYTE) });
    const outcome = await open(server, 15_000).push();
    expect(outcome).toMatchObject({ kind: 'transient', error: { code: 'answer_too_large' } });
    expect(sent.bytes).toBeLessThan(20 * 1024 * 1024);
  });

  it('stays packed when it is a bomb', async () => {
    const bomb = gzipSync(Buffer.alloc(64 * 1024 * 1024));
    const server = await listenHttp((_request, response) => {
      response.writeHead(200, { 'content-type': 'application/json', 'content-encoding': 'gzip' }).end(bomb);
    });
    const outcome = await open(server).push();
    expect(outcome).toMatchObject({ kind: 'transient', error: { code: 'invalid_answer' } });
  });
});

describe('a redirect', () => {
  it.each([301, 302, 303, 307, 308])(
    '%i to another host is refused: it never hears of the key',
    async (status) => {
      let strangers = 0;
      const stranger = await listenHttp((_request, response) => {
        strangers += 1;
        response.end(envelope({}));
      });
      onClose(() => stranger.close());
      const server = await listenHttp((_request, response) => {
        response.writeHead(status, { location: `http://127.0.0.1:${stranger.port}/api/v1/sales/push` }).end();
      });
      expect(await open(server).push()).toMatchObject({ kind: 'misconfigured', httpStatus: status });
      expect(strangers).toBe(0);
      expect(stranger.sockets).toHaveLength(0);
    },
  );

  it('of the environment through a proxy is not read either', async () => {
    const proxy = await listenHttp((_request, response) => response.end(envelope({})));
    onClose(() => proxy.close());
    const server = await listenHttp((_request, response) => response.end(envelope({})));
    const names = ['http_proxy', 'HTTP_PROXY', 'ALL_PROXY'];
    for (const name of names) process.env[name] = `http://127.0.0.1:${proxy.port}`;
    onClose(() => {
      for (const name of names) Reflect.deleteProperty(process.env, name);
    });
    expect(await open(server).push()).toMatchObject({ kind: 'delivered' });
    expect(proxy.sockets).toHaveLength(0);
  });
});
