import { connect } from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { openRequest, rawRequest } from './raw-http.ts';
import type { Fault, FaultMatch } from './simulator/protocol.ts';
import { type Simulator, startSimulator } from './simulator/simulator.ts';

const PUSH = '/api/v1/sales/push';

let simulator: Simulator;

beforeAll(async () => {
  simulator = await startSimulator();
});
afterEach(async () => {
  await simulator.setFaults([]);
  await simulator.clearLedger();
});
afterAll(() => simulator.stop());

function pushOf(key: string) {
  const sale = { date: '2024-03-01', locationId: 'store-1', transactions: [{ id: 't1' }] };
  const headers = { 'x-api-key': simulator.apiKey, 'idempotency-key': key };
  return { method: 'POST', headers, body: JSON.stringify(sale) };
}

function push(key: string) {
  return rawRequest(simulator.url + PUSH, pushOf(key));
}

async function inject(fault: Fault, match: FaultMatch = {}): Promise<void> {
  await simulator.setFaults([{ match, fault }]);
}

/** The one ledger entry, once its exchange is over. */
async function soleEntry() {
  await simulator.waitFor({ ended: 1 });
  const entries = await simulator.ledger();
  expect(entries).toHaveLength(1);
  return entries[0];
}

describe('a fault in the place of the answer', () => {
  it.each([
    { status: 500 },
    { status: 503, headers: { 'retry-after': '7' } },
    { status: 429, headers: { 'retry-after': 'Wed, 01 Jan 2031 00:00:00 GMT' } },
    { status: 429, headers: { 'retry-after': '-5 minutes?' } },
    { status: 302, headers: { location: 'http://127.0.0.1:9/elsewhere' } },
    { status: 400 },
    { status: 401 },
    { status: 403 },
    { status: 404 },
    { status: 408 },
    { status: 409 },
    { status: 422 },
    { status: 425 },
  ])('answers $status with $headers, applying nothing', async (answer) => {
    await inject({ kind: 'status', ...answer });
    const seen = await push('k1');

    expect(seen.status).toBe(answer.status);
    expect(seen.headers).toMatchObject(answer.headers ?? {});
    expect(JSON.parse(seen.body)).toMatchObject({
      success: false,
      error: `Injected status ${answer.status}`,
    });
    expect(await soleEntry()).toMatchObject({ applied: false, status: answer.status, fault: 'status' });
  });

  it('sends the body it is given, text as it is and all else as JSON', async () => {
    await inject({ kind: 'status', status: 422, body: { success: false, error: { sku: 'unknown' } } });
    const json = await push('k1');
    await inject({ kind: 'status', status: 200, body: '{"success":tr', apply: true });
    const text = await push('k2');

    expect(json.body).toBe('{"success":false,"error":{"sku":"unknown"}}');
    expect([text.body, text.headers['content-type']]).toEqual(['{"success":tr', 'text/plain']);
    expect(await simulator.summary()).toMatchObject({ applied: 1 });
  });

  it('answers 200 with a page', async () => {
    await inject({ kind: 'html' });
    const seen = await push('k1');

    expect([seen.status, seen.headers['content-type']]).toEqual([200, 'text/html']);
    expect(seen.body).toContain('<html>');
    expect(await soleEntry()).toMatchObject({ applied: false });
  });

  it('answers 200 with success false', async () => {
    await inject({ kind: 'successFalse', error: 'Store is closed' });
    const seen = await push('k1');

    expect(seen.status).toBe(200);
    expect(JSON.parse(seen.body)).toMatchObject({ success: false, error: 'Store is closed' });
    expect(await soleEntry()).toMatchObject({ applied: false });
  });

  it('never answers, until the client gives up', async () => {
    await inject({ kind: 'hang' });
    const leave = new AbortController();
    const held = rawRequest(simulator.url + PUSH, { ...pushOf('k1'), signal: leave.signal });
    const { applied, inFlight } = await simulator.waitFor({ inFlight: 1 });
    leave.abort();

    await expect(held).rejects.toMatchObject({ name: 'AbortError' });
    expect([applied, inFlight]).toEqual([0, 1]);
    expect(await soleEntry()).toMatchObject({ applied: false, status: null, fault: 'hang' });
  });

  it('resets the connection before the request is read', async () => {
    await inject({ kind: 'resetBefore' });
    const socket = connect(Number(new URL(simulator.url).port), '127.0.0.1');
    socket.write(`POST ${PUSH} HTTP/1.1\r\nhost: x\r\ncontent-length: 1000000\r\n\r\n{"half":`);

    const error = await new Promise((resolve) => socket.once('error', resolve));
    expect(error).toMatchObject({ code: 'ECONNRESET' });
    expect(await soleEntry()).toMatchObject({ applied: false, status: null, transactionIds: [] });
  });
});

describe('a fault behind the applied sale', () => {
  it('resets the connection; the retry with the same key changes nothing', async () => {
    await inject({ kind: 'resetAfterApply' }, { times: 1 });
    await expect(push('k1')).rejects.toMatchObject({ code: 'ECONNRESET' });
    const again = await push('k1');

    expect(again.status).toBe(200);
    expect(await simulator.ledger()).toMatchObject([
      { applied: true, duplicate: false, status: null },
      { applied: false, duplicate: true, status: 200 },
    ]);
    expect(await simulator.summary()).toMatchObject({ applied: 1, keys: 1, appliedTwice: 0 });
  });

  it('promises a whole body and sends half of it', async () => {
    await inject({ kind: 'truncated' });
    const res = await openRequest(simulator.url + PUSH, pushOf('k1'));
    let received = '';
    const error = await new Promise((resolve) => {
      res.on('data', (chunk) => {
        received += String(chunk);
      });
      res.once('error', resolve);
    });

    expect(error).toMatchObject({ code: 'ECONNRESET' });
    expect(received).toMatch(/^\{"success":true/);
    expect(received).toHaveLength(Math.floor(Number(res.headers['content-length']) / 2));
    expect(await soleEntry()).toMatchObject({ applied: true, status: 200 });
  });

  it('calls the right answer plain text', async () => {
    await inject({ kind: 'wrongContentType' });
    const seen = await push('k1');

    expect(seen.headers['content-type']).toBe('text/plain');
    expect(JSON.parse(seen.body)).toMatchObject({ success: true });
    expect(await soleEntry()).toMatchObject({ applied: true });
  });

  it('answers 200 with JSON of another shape', async () => {
    await inject({ kind: 'wrongShape' });
    const seen = await push('k1');

    expect([seen.status, seen.body]).toEqual([200, '{"result":"stored"}']);
    expect(await soleEntry()).toMatchObject({ applied: true });
  });

  it('streams as many bytes as asked for, in one JSON text without a length', async () => {
    await inject({ kind: 'hugeBody', bytes: 3_000_001 });
    const seen = await push('k1');

    expect(seen.headers['content-length']).toBeUndefined();
    expect(JSON.parse(seen.body)).toMatchObject({ success: true, data: 'x'.repeat(3_000_001) });
  });

  it('stops a gigabyte when the reader leaves, having made little of it', async () => {
    await inject({ kind: 'hugeBody' });
    const before = process.memoryUsage().arrayBuffers;
    const res = await openRequest(simulator.url + PUSH, pushOf('k1'));
    await new Promise((resolve) => res.once('readable', resolve));
    res.destroy();

    expect(await soleEntry()).toMatchObject({ applied: true, status: 200 });
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(50_000_000);
  });

  it('drips the right answer byte by byte', async () => {
    await inject({ kind: 'drip', intervalMs: 1 });
    const res = await openRequest(simulator.url + PUSH, pushOf('k1'));
    const chunks: number[] = [];
    for await (const chunk of res) chunks.push(String(chunk).length);

    expect(chunks.length).toBeGreaterThan(20);
    expect(await soleEntry()).toMatchObject({ applied: true, status: 200 });
  });

  it('answers rightly but late, and hears a client that left meanwhile', async () => {
    await inject({ kind: 'slow', latency: { kind: 'fixed', ms: 60_000 } });
    const leave = new AbortController();
    const held = rawRequest(simulator.url + PUSH, { ...pushOf('k1'), signal: leave.signal });
    await simulator.waitFor({ applied: 1 });
    leave.abort();
    await expect(held).rejects.toMatchObject({ name: 'AbortError' });
    await soleEntry();
    await inject({ kind: 'slow', latency: { kind: 'fixed', ms: 60 } });
    const began = performance.now();
    await push('k2');

    expect(performance.now() - began).toBeGreaterThan(55);
  });
});
