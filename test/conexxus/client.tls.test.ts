import { execFile } from 'node:child_process';
import { createServer } from 'node:https';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type Certificate, hasOpenssl, selfSigned } from './certificates.ts';
import { clientFor, closeAfterEach, envelope, type Listening, listen, listenHttp } from './local-server.ts';

const withOpenssl = hasOpenssl() ? describe : describe.skip;

const onClose = closeAfterEach();

async function push({ port }: Listening, ca?: string) {
  const client = clientFor(`https://localhost:${port}`, { ca });
  onClose(() => client.close());
  return client.pushSales('{}', { idempotencyKey: 'ps-1' });
}

withOpenssl('TLS (skipped where there is no openssl to make certificates with)', () => {
  let good: Certificate;
  let expired: Certificate;
  let otherHost: Certificate;

  beforeAll(() => {
    good = selfSigned('localhost');
    expired = selfSigned('localhost', { expired: true });
    otherHost = selfSigned('elsewhere.test');
  });

  let requests = 0;

  async function serve(certificate: Certificate): Promise<Listening> {
    requests = 0;
    const server = await listen(
      createServer(certificate, (_request, response) => {
        requests += 1;
        response.end(envelope({}));
      }),
    );
    onClose(() => server.close());
    return server;
  }

  it('refuses a self-signed certificate and points to CONEXXUS_CA_FILE', async () => {
    const outcome = await push(await serve(good));
    expect(outcome).toMatchObject({
      kind: 'transient',
      error: { code: 'tls', message: expect.stringMatching(/localhost.*self-signed.*CONEXXUS_CA_FILE/) },
    });
    expect(requests).toBe(0);
  });

  it('accepts it when it is named as the CA', async () => {
    expect(await push(await serve(good), good.cert)).toMatchObject({ kind: 'delivered' });
  });

  it('accepts it when the CA file holds several', async () => {
    const ca = `${otherHost.cert}\n${good.cert}`;
    expect(await push(await serve(good), ca)).toMatchObject({ kind: 'delivered' });
  });

  it('checks health over TLS with the same CA', async () => {
    const { port } = await serve(good);
    const client = clientFor(`https://localhost:${port}`, { ca: good.cert });
    onClose(() => client.close());
    expect(await client.health({ timeoutMs: 1_000 })).toMatchObject({ error: { code: 'unhealthy' } });
    expect(requests).toBe(1);
  });

  it('refuses an expired certificate, though its CA is trusted', async () => {
    expect(await push(await serve(expired), expired.cert)).toMatchObject({
      kind: 'transient',
      error: { code: 'tls', message: expect.stringContaining('expired') },
    });
    expect(requests).toBe(0);
  });

  it('refuses the certificate of another host, though its CA is trusted', async () => {
    expect(await push(await serve(otherHost), otherHost.cert)).toMatchObject({
      kind: 'transient',
      error: { code: 'tls', message: expect.stringContaining('another host') },
    });
    expect(requests).toBe(0);
  });

  // In a process of its own: jest's is a copy, whose environment the TLS code never sees.
  it('refuses all the same with NODE_TLS_REJECT_UNAUTHORIZED=0', async () => {
    const { port } = await serve(good);
    const code = `
      import { createConexxusClient } from './src/conexxus/client.ts';
      const apiKey = { current: () => '0123456789', reread: async () => {} };
      const options = { apiKey, timeoutMs: 5000, concurrency: 1, userAgent: 'test', redact: String };
      const client = createConexxusClient({ ...options, baseUrl: 'https://localhost:${port}' });
      console.log(JSON.stringify(await client.pushSales('{}', { idempotencyKey: 'ps-1' })));
      client.close();`;
    const args = ['--import', 'tsx', '--input-type=module', '--eval', code];
    const env = { PATH: process.env['PATH'], NODE_TLS_REJECT_UNAUTHORIZED: '0' };
    const { stdout } = await promisify(execFile)(process.execPath, args, { env });
    expect(JSON.parse(stdout)).toMatchObject({ kind: 'transient', error: { code: 'tls' } });
    expect(requests).toBe(0);
  });
});

describe('TLS', () => {
  let plain: Listening;

  beforeAll(async () => {
    plain = await listenHttp((_request, response) => response.end(envelope({})));
  });

  afterAll(() => plain.close());

  it('is transient when the server speaks plain HTTP', async () => {
    expect(await push(plain)).toMatchObject({ kind: 'transient', error: { code: 'tls' } });
  });
});
